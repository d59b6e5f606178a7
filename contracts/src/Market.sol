// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IAssetRegistry, ServiceTerms} from "./interfaces/IAssetRegistry.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {IMarket, Limits, Permit, Sale} from "./interfaces/IMarket.sol";
import {IOrders, Order} from "./interfaces/IOrders.sol";
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

    uint256 private constant ONE_DATATOKEN = 1e18;
    uint256 private constant BPS = 10_000;

    IAssetRegistry public immutable REGISTRY;
    IOrders public immutable ORDERS;
    /// @notice The protocol's part of every price, in 1/10,000.
    uint16 public immutable PROTOCOL_FEE_BPS;
    /// @notice Who is credited with it.
    address public immutable FEE_RECEIVER;

    mapping(address datatoken => Sale) private _sales;
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
        (Sale memory sale, uint256 assetId) = _agreed(datatoken, limits);
        _buy(assetId, datatoken, count, sale, limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit)
        external
        nonReentrant
    {
        (Sale memory sale, uint256 assetId) = _agreed(datatoken, limits);
        _usePermit(sale.paymentToken, permit);
        _buy(assetId, datatoken, count, sale, limits.referrer);
    }

    /// @inheritdoc IMarket
    function buyAndOpen(
        address datatoken,
        bytes32 requestHash,
        uint64 orderDeadline,
        bytes32 salt,
        Limits calldata limits
    ) external payable nonReentrant returns (bytes32 orderId) {
        (Sale memory sale, uint256 assetId) = _agreed(datatoken, limits);
        orderId = _payAndOpen(assetId, _order(datatoken, requestHash, orderDeadline, salt, sale, limits.referrer));
    }

    /// @inheritdoc IMarket
    function buyAndOpenWithPermit(
        address datatoken,
        bytes32 requestHash,
        uint64 orderDeadline,
        bytes32 salt,
        Limits calldata limits,
        Permit calldata permit
    ) external nonReentrant returns (bytes32 orderId) {
        (Sale memory sale, uint256 assetId) = _agreed(datatoken, limits);
        _usePermit(sale.paymentToken, permit);
        orderId = _payAndOpen(assetId, _order(datatoken, requestHash, orderDeadline, salt, sale, limits.referrer));
    }

    /// @inheritdoc IMarket
    function list(uint256 assetId, address datatoken, ServiceTerms calldata terms) external {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        _requirePaymentToken(datatoken, terms.paymentToken);
        _sales[datatoken] = Sale({
            provider: terms.provider,
            referralBps: 0,
            paused: false,
            paymentToken: terms.paymentToken,
            price: terms.price
        });
        emit ServiceListed(assetId, datatoken, terms.provider, terms.paymentToken, terms.price);
    }

    /// @inheritdoc IMarket
    function setPrice(address datatoken, address paymentToken, uint96 price) external {
        (Sale storage sale, uint256 assetId) = _ownSale(datatoken);
        _requirePaymentToken(datatoken, paymentToken);
        (sale.paymentToken, sale.price) = (paymentToken, price);
        emit PriceChanged(assetId, datatoken, msg.sender, paymentToken, price);
    }

    /// @inheritdoc IMarket
    function setPaused(address datatoken, bool paused) external {
        (Sale storage sale, uint256 assetId) = _ownSale(datatoken);
        sale.paused = paused;
        emit SalePaused(assetId, datatoken, msg.sender, paused);
    }

    /// @inheritdoc IMarket
    function setReferral(address datatoken, uint16 bps) external {
        (Sale storage sale, uint256 assetId) = _ownSale(datatoken);
        require(bps <= MAX_REFERRAL_BPS, ReferralTooHigh(bps, MAX_REFERRAL_BPS));
        sale.referralBps = bps;
        emit ReferralChanged(assetId, datatoken, msg.sender, bps);
    }

    /// @inheritdoc IMarket
    function setProvider(address datatoken, address provider) external {
        (Sale storage sale, uint256 assetId) = _ownSale(datatoken);
        address resolved = provider == address(0) ? msg.sender : provider;
        sale.provider = resolved;
        emit ProviderChanged(assetId, datatoken, msg.sender, resolved);
    }

    /// @inheritdoc IMarket
    /// @dev Not locked: it moves nothing, it only renames a liability that is held already.
    function settle(Order calldata order, address publisher) external onlyOrders returns (uint256 earned) {
        earned = _credit(
            order.escrowToken, order.escrowAmount, publisher, order.referrer, order.referralFee, order.protocolFee
        );
    }

    /// @inheritdoc IMarket
    function refund(Order calldata order) external onlyOrders nonReentrant {
        (address token, address consumer, uint256 amount) = (order.escrowToken, order.consumer, order.escrowAmount);
        if (amount == 0) return;
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
    function saleOf(address datatoken) external view returns (Sale memory) {
        return _sales[datatoken];
    }

    /// @dev The sale as it is now, if the buyer agrees to it and may order. Read once: what a payment token's hook changes
    /// later has no effect on this purchase.
    function _agreed(address datatoken, Limits calldata limits)
        private
        view
        returns (Sale memory sale, uint256 assetId)
    {
        sale = _sales[datatoken];
        require(sale.provider != address(0), UnknownService(datatoken));
        require(!sale.paused, SaleIsPaused(datatoken));
        require(block.timestamp <= limits.deadline, PurchaseExpired(limits.deadline));
        require(sale.paymentToken == limits.paymentToken, WrongPaymentToken(sale.paymentToken, limits.paymentToken));
        require(sale.price <= limits.maxPrice, PriceTooHigh(sale.price, limits.maxPrice));
        (assetId,) = DatatokenArgs.read(datatoken);
        require(REGISTRY.isOrderable(assetId), NotOrderable(assetId));
    }

    function _buy(uint256 assetId, address datatoken, uint256 count, Sale memory sale, address referrer) private {
        require(count != 0, ZeroCount());
        uint256 paid = count * sale.price;
        _collect(sale.paymentToken, paid);
        (uint256 referralFee, uint256 protocolFee) = _fees(paid, sale.referralBps, referrer);
        address publisher = REGISTRY.ownerOf(assetId);
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

    function _payAndOpen(uint256 assetId, Order memory order) private returns (bytes32 orderId) {
        _collect(order.escrowToken, order.escrowAmount);
        orderId = ORDERS.openPaid(order, assetId);
    }

    function _order(
        address datatoken,
        bytes32 requestHash,
        uint64 deadline,
        bytes32 salt,
        Sale memory sale,
        address referrer
    ) private view returns (Order memory order) {
        order.datatoken = datatoken;
        order.consumer = msg.sender;
        order.provider = sale.provider;
        order.requestHash = requestHash;
        order.deadline = deadline;
        order.salt = salt;
        order.escrowToken = sale.paymentToken;
        order.escrowAmount = sale.price;
        order.referrer = referrer;
        (order.referralFee, order.protocolFee) = _fees(sale.price, sale.referralBps, referrer);
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
        earned = paid - referralFee - protocolFee;
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

    function _ownSale(address datatoken) private view returns (Sale storage sale, uint256 assetId) {
        sale = _sales[datatoken];
        require(sale.provider != address(0), UnknownService(datatoken));
        (assetId,) = DatatokenArgs.read(datatoken);
        require(REGISTRY.ownerOf(assetId) == msg.sender, NotAssetOwner(msg.sender, assetId));
    }

    function _requireOrders() private view {
        require(msg.sender == address(ORDERS), NotOrders(msg.sender));
    }
}
