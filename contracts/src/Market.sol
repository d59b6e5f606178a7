// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {FreeLimits, IMarket, Limits, Permit, Sale} from "./interfaces/IMarket.sol";
import {IOrders, OpenRequest, Payment} from "./interfaces/IOrders.sol";
import {DatatokenArgs} from "./DatatokenArgs.sol";

/// @title Fixed-price sale of datatokens
/// @dev Everything that moves a payment token or ether is locked against re-entrance together, because each measures
/// the market's own balance around the move; a nested move would be counted twice.
contract Market is IMarket, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice Most that a front end may get, in 1/10,000 of the price.
    uint16 public constant MAX_REFERRAL_BPS = 1_000;
    /// @notice Most that the protocol may get, in 1/10,000 of the price.
    uint16 public constant MAX_PROTOCOL_BPS = 500;
    /// @notice Gas that a refund is pushed with: enough for any sane token or wallet, and the most that a hostile one can
    /// make the provider pay for.
    uint256 public constant REFUND_GAS = 200_000;
    /// @notice Gas that has to be left for a refund: `REFUND_GAS` is at most 63/64 of it, and the rest suffices to credit
    /// the consumer and to end the order. Without this bound, whoever ends an order could starve the push.
    uint256 public constant REFUND_GAS_LEFT = 260_000;

    /// @notice Most datatokens of one purchase, and so of one supply in any number of purchases that there can be: an order
    /// that was opened with a datatoken can always have it back.
    uint256 public constant MAX_COUNT = type(uint32).max;

    uint256 private constant ONE_DATATOKEN = 1e18;
    uint256 private constant BPS = 10_000;

    IAssetRegistry public immutable REGISTRY;
    IOrders public immutable ORDERS;
    /// @notice The protocol's part of every price, in 1/10,000.
    uint16 public immutable PROTOCOL_FEE_BPS;
    /// @notice Who is credited with it.
    address public immutable FEE_RECEIVER;

    /// @dev None: the registry listed no such datatoken. Plain: its settings are all zero, so nobody has to read them.
    enum Listing {
        None,
        Plain,
        Special
    }

    /// @dev What every purchase reads, in one slot.
    struct Price {
        address paymentToken;
        uint88 amount;
        Listing listing;
    }

    /// @dev What is zero for a sale as it was listed.
    struct Settings {
        uint16 referralBps;
        bool paused;
        bool limited;
    }

    mapping(address datatoken => Price) private _prices;
    mapping(address datatoken => Settings) private _settings;
    mapping(address datatoken => FreeLimits) private _freeLimits;
    mapping(address datatoken => mapping(address account => uint64)) private _takenFree;
    mapping(address token => mapping(address account => uint256)) private _earnings;

    modifier onlyOrders() {
        _requireOrders();
        _;
    }

    constructor(address registry, address orders, uint16 protocolFeeBps, address feeReceiver) {
        require(
            protocolFeeBps <= MAX_PROTOCOL_BPS && (protocolFeeBps == 0 || feeReceiver != address(0)),
            InvalidProtocolFee(protocolFeeBps, feeReceiver)
        );
        REGISTRY = IAssetRegistry(registry);
        ORDERS = IOrders(orders);
        PROTOCOL_FEE_BPS = protocolFeeBps;
        FEE_RECEIVER = feeReceiver;
    }

    /// @inheritdoc IMarket
    function buy(address datatoken, uint256 count, Limits calldata limits) external payable nonReentrant {
        _buy(datatoken, count, _agreed(datatoken, limits), limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit)
        external
        nonReentrant
    {
        Sale memory sale = _agreed(datatoken, limits);
        _usePermit(sale.paymentToken, permit);
        _buy(datatoken, count, sale, limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyAndOpen(OpenRequest calldata request, Limits calldata limits)
        external
        payable
        nonReentrant
        returns (bytes32 orderId)
    {
        orderId = _buyAndOpen(request, _agreed(request.datatoken, limits), limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyAndOpenWithPermit(OpenRequest calldata request, Limits calldata limits, Permit calldata permit)
        external
        nonReentrant
        returns (bytes32 orderId)
    {
        Sale memory sale = _agreed(request.datatoken, limits);
        _usePermit(sale.paymentToken, permit);
        orderId = _buyAndOpen(request, sale, limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyAndOpenAll(OpenRequest[] calldata requests, Limits[] calldata limits)
        external
        nonReentrant
        returns (bytes32[] memory orderIds)
    {
        require(requests.length == limits.length, LimitsMissing(requests.length, limits.length));
        orderIds = new bytes32[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            orderIds[i] = _buyAndOpen(requests[i], _agreed(requests[i].datatoken, limits[i]), limits[i].referrer);
        }
    }

    /// @inheritdoc IMarket
    function list(address datatoken, address paymentToken, uint96 price) external {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        _setPrice(datatoken, paymentToken, price, Listing.Plain);
    }

    /// @inheritdoc IMarket
    function setPrice(address datatoken, address paymentToken, uint96 price) external {
        uint256 assetId = _ownSale(datatoken);
        _setPrice(datatoken, paymentToken, price, _prices[datatoken].listing);
        emit PriceChanged(assetId, msg.sender, datatoken, paymentToken, price);
    }

    /// @inheritdoc IMarket
    function setPaused(address datatoken, bool paused) external {
        uint256 assetId = _ownSale(datatoken);
        Settings memory settings = _settings[datatoken];
        settings.paused = paused;
        _setSettings(datatoken, settings);
        emit SalePaused(assetId, msg.sender, datatoken, paused);
    }

    /// @inheritdoc IMarket
    function setReferral(address datatoken, uint16 bps) external {
        uint256 assetId = _ownSale(datatoken);
        require(bps <= MAX_REFERRAL_BPS, ReferralTooHigh(bps, MAX_REFERRAL_BPS));
        Settings memory settings = _settings[datatoken];
        settings.referralBps = bps;
        _setSettings(datatoken, settings);
        emit ReferralChanged(assetId, msg.sender, datatoken, bps);
    }

    /// @inheritdoc IMarket
    function setFreeLimits(address datatoken, uint64 perWallet, uint64 total) external {
        uint256 assetId = _ownSale(datatoken);
        FreeLimits storage free = _freeLimits[datatoken];
        (free.perWallet, free.total) = (perWallet, total);
        Settings memory settings = _settings[datatoken];
        settings.limited = perWallet != 0 || total != 0;
        _setSettings(datatoken, settings);
        emit FreeLimitsChanged(assetId, msg.sender, datatoken, perWallet, total);
    }

    /// @inheritdoc IMarket
    /// @dev Not locked: it moves nothing, it only renames a liability that is held already.
    function settle(
        address token,
        uint256 amount,
        address publisher,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    ) external onlyOrders returns (uint256 earned) {
        earned = _credit(token, amount, publisher, referrer, referralFee, protocolFee);
    }

    /// @inheritdoc IMarket
    function refund(address datatoken, address consumer, address token, uint256 amount)
        external
        onlyOrders
        nonReentrant
    {
        if (amount == 0) {
            _giveBackFree(datatoken, consumer);
            return;
        }
        uint256 available = gasleft();
        require(available >= REFUND_GAS_LEFT, TooLittleGas(available, REFUND_GAS_LEFT));
        try this.push{gas: REFUND_GAS}(token, consumer, amount) {}
        catch {
            _earnings[token][consumer] += amount;
            emit RefundCredited(consumer, token, amount);
        }
    }

    /// @notice Part of `refund`: pays, or reverts without a trace. Only the market itself.
    /// @dev A call of its own, so that a token that moved a wrong amount can be undone without undoing the order's end.
    /// @param token What to pay with; 0 for ether.
    /// @param to Whom to pay.
    /// @param amount How much, in base units.
    function push(address token, address to, uint256 amount) external {
        require(msg.sender == address(this), NotSelf(msg.sender));
        _pay(token, to, amount);
    }

    /// @inheritdoc IMarket
    function withdraw(address token) external nonReentrant returns (uint256 amount) {
        amount = _earnings[token][msg.sender];
        require(amount != 0, NothingToWithdraw(msg.sender, token));
        _earnings[token][msg.sender] = 0;
        emit Withdrawn(msg.sender, token, amount);
        _pay(token, msg.sender, amount);
    }

    /// @inheritdoc IMarket
    function earningsOf(address token, address account) external view returns (uint256) {
        return _earnings[token][account];
    }

    /// @inheritdoc IMarket
    function saleOf(address datatoken) public view returns (Sale memory sale) {
        Price memory price = _prices[datatoken];
        require(price.listing != Listing.None, UnknownService(datatoken));
        (sale.paymentToken, sale.price) = (price.paymentToken, price.amount);
        if (price.listing == Listing.Special) {
            Settings memory settings = _settings[datatoken];
            (sale.referralBps, sale.paused, sale.limited) = (settings.referralBps, settings.paused, settings.limited);
        }
    }

    /// @inheritdoc IMarket
    function freeLimitsOf(address datatoken) external view returns (FreeLimits memory) {
        return _freeLimits[datatoken];
    }

    /// @inheritdoc IMarket
    function takenFreeBy(address datatoken, address account) external view returns (uint64) {
        return _takenFree[datatoken][account];
    }

    /// @dev The sale as it is now, if the buyer agrees to it. Read once: what a payment token's hook changes later has no
    /// effect on this purchase.
    function _agreed(address datatoken, Limits calldata limits) private view returns (Sale memory sale) {
        sale = saleOf(datatoken);
        require(!sale.paused, SaleIsPaused(datatoken));
        require(block.timestamp <= limits.deadline, PurchaseExpired(limits.deadline));
        require(sale.paymentToken == limits.paymentToken, WrongPaymentToken(sale.paymentToken, limits.paymentToken));
        require(sale.price <= limits.maxPrice, PriceTooHigh(sale.price, limits.maxPrice));
    }

    function _buy(address datatoken, uint256 count, Sale memory sale, address referrer) private {
        require(count != 0 && count <= MAX_COUNT, CountOutOfRange(count, MAX_COUNT));
        uint256 assetId = DatatokenArgs.assetIdOf(datatoken);
        (address publisher, bool orderable) = REGISTRY.ordering(assetId);
        require(orderable, NotOrderable(assetId));
        _takeFree(datatoken, count, sale);
        uint256 paid = count * sale.price;
        _collect(sale.paymentToken, paid);
        (uint256 referralFee, uint256 protocolFee) = _fees(paid, sale.referralBps, referrer);
        _credit(sale.paymentToken, paid, publisher, referrer, referralFee, protocolFee);
        emit DatatokenSold(
            assetId,
            msg.sender,
            datatoken,
            publisher,
            count,
            sale.paymentToken,
            paid,
            referrer,
            referralFee,
            protocolFee
        );
        IDatatoken(datatoken).mint(msg.sender, count * ONE_DATATOKEN);
    }

    /// @dev Whether the service may be ordered, and by whom it is run, is for `Orders` to say.
    function _buyAndOpen(OpenRequest calldata request, Sale memory sale, address referrer)
        private
        returns (bytes32 orderId)
    {
        _takeFree(request.datatoken, 1, sale);
        _collect(sale.paymentToken, sale.price);
        (uint256 referralFee, uint256 protocolFee) = _fees(sale.price, sale.referralBps, referrer);
        orderId = ORDERS.openPaid(
            request, msg.sender, Payment(sale.paymentToken, sale.price, referrer, referralFee, protocolFee)
        );
    }

    /// @dev Counts what is taken for nothing, where that is limited. What was taken before there was a limit is not known.
    function _takeFree(address datatoken, uint256 count, Sale memory sale) private {
        if (!sale.limited || sale.price != 0) return;
        FreeLimits storage free = _freeLimits[datatoken];
        (uint256 perWallet, uint256 total, uint256 before) = (free.perWallet, free.total, free.taken);
        uint256 mine = _takenFree[datatoken][msg.sender];
        require(perWallet == 0 || mine + count <= perWallet, WalletLimitReached(datatoken, msg.sender, mine, perWallet));
        require(total == 0 || before + count <= total, TotalLimitReached(datatoken, before, total));
        free.taken = SafeCast.toUint64(before + count);
        _takenFree[datatoken][msg.sender] = SafeCast.toUint64(mine + count);
    }

    /// @dev A free order that failed does not count. One that was opened before there was a limit can at most undo another
    /// count of its own consumer; so the total always is the sum of the accounts' counts.
    function _giveBackFree(address datatoken, address consumer) private {
        if (!_settings[datatoken].limited) return;
        uint64 mine = _takenFree[datatoken][consumer];
        if (mine == 0) return;
        _takenFree[datatoken][consumer] = mine - 1;
        --_freeLimits[datatoken].taken;
    }

    /// @dev Both fees round down, so that what rounding leaves stays with the publisher.
    function _fees(uint256 paid, uint16 referralBps, address referrer)
        private
        view
        returns (uint256 referralFee, uint256 protocolFee)
    {
        if (referrer != address(0)) referralFee = paid * referralBps / BPS;
        protocolFee = paid * PROTOCOL_FEE_BPS / BPS;
    }

    function _credit(
        address token,
        uint256 paid,
        address publisher,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    ) private returns (uint256 earned) {
        mapping(address account => uint256) storage earnings = _earnings[token];
        unchecked {
            // Both are parts of `paid`: see `_fees` and the caps.
            earned = paid - referralFee - protocolFee;
        }
        if (earned != 0) earnings[publisher] += earned;
        if (referralFee != 0) earnings[referrer] += referralFee;
        if (protocolFee != 0) earnings[FEE_RECEIVER] += protocolFee;
    }

    /// @dev Anyone may have submitted the buyer's permit before, which uses it up but sets the same allowance. So its
    /// failure proves nothing; a missing allowance shows in the transfer that follows.
    function _usePermit(address token, Permit calldata permit) private {
        if (token == address(0)) return;
        try IERC20Permit(token)
            .permit(msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s) {}
            catch {}
    }

    function _collect(address token, uint256 amount) private {
        uint256 ether_ = token == address(0) ? amount : 0;
        require(msg.value == ether_, WrongEtherAmount(msg.value, ether_));
        if (token == address(0) || amount == 0) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _requireExact(token, before, IERC20(token).balanceOf(address(this)), amount);
    }

    function _pay(address token, address to, uint256 amount) private {
        if (token == address(0)) {
            (bool accepted,) = to.call{value: amount}("");
            require(accepted, EtherRefused(to));
        } else {
            uint256 before = IERC20(token).balanceOf(address(this));
            IERC20(token).safeTransfer(to, amount);
            _requireExact(token, IERC20(token).balanceOf(address(this)), before, amount);
        }
    }

    /// @dev A token that moves another amount than told would make one order pay for another.
    function _requireExact(address token, uint256 lower, uint256 higher, uint256 amount) private pure {
        uint256 moved = higher > lower ? higher - lower : 0;
        require(moved == amount, InexactPayment(token, moved, amount));
    }

    /// @dev A datatoken sold for itself would make a payment look like a held datatoken to `Orders`, which holds other
    /// people's. An address without code would fail at each purchase with no reason given.
    function _requirePaymentToken(address datatoken, address token) private view {
        if (token == address(0)) return;
        require(token != datatoken && token.code.length != 0, InvalidPaymentToken(token));
    }

    function _setPrice(address datatoken, address paymentToken, uint96 price, Listing listing) private {
        require(price < 2 ** 88, PriceOutOfRange(price));
        _requirePaymentToken(datatoken, paymentToken);
        // forge-lint: disable-next-line(unsafe-typecast)
        _prices[datatoken] = Price(paymentToken, uint88(price), listing);
    }

    function _setSettings(address datatoken, Settings memory settings) private {
        bool plain = settings.referralBps == 0 && !settings.paused && !settings.limited;
        _settings[datatoken] = settings;
        _prices[datatoken].listing = plain ? Listing.Plain : Listing.Special;
    }

    function _ownSale(address datatoken) private view returns (uint256 assetId) {
        require(_prices[datatoken].listing != Listing.None, UnknownService(datatoken));
        assetId = DatatokenArgs.assetIdOf(datatoken);
        require(REGISTRY.ownerOf(assetId) == msg.sender, NotAssetOwner(msg.sender, assetId));
    }

    function _requireOrders() private view {
        require(msg.sender == address(ORDERS), NotOrders(msg.sender));
    }
}
