// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IGate} from "./interfaces/IGate.sol";
import {IOrders, OpenRequest, Order, Payment} from "./interfaces/IOrders.sol";
import {DatatokenArgs, Service} from "./DatatokenArgs.sol";

/// @title Escrow of orders
/// @dev Holds nothing itself: a payment is held by the market, a datatoken is burnt and minted again if the order fails.
/// An order's status guards everything, and changes before every call that changes anything. Besides the market and the
/// registry only genuine datatokens are called, which call nobody, and gates, which are only read. Therefore no re-entrancy
/// lock is needed here: the one foreign call that can happen below (a refund, inside the market) finds the order ended.
contract Orders is IOrders {
    /// @notice What one order redeems: one whole datatoken, in base units.
    uint256 public constant ONE_DATATOKEN = 1e18;
    /// @notice A deadline is at least this far ahead, in seconds: nearer ones could not be met, only cause fees.
    uint64 public constant MIN_DURATION = 60;
    /// @notice A deadline is at most this far ahead, in seconds: a provider that vanishes locks an escrow no longer.
    uint64 public constant MAX_DURATION = 30 days;

    IAssetRegistry public immutable REGISTRY;
    IMarket public immutable MARKET;
    address public immutable DATATOKEN_IMPLEMENTATION;

    /// @dev What is zero for a service as it was added: run by the provider in its datatoken's code, for everyone.
    struct Settings {
        address provider;
        bool gated;
    }

    mapping(bytes32 orderId => Status) private _status;
    /// @dev Whether the asset's state allows no orders: the registry's to say, kept here so that no order has to ask.
    mapping(uint256 assetId => bool) private _closed;
    mapping(address datatoken => Settings) private _settings;
    mapping(address datatoken => IGate) private _gates;

    constructor(address registry, address market, address datatokenImplementation) {
        REGISTRY = IAssetRegistry(registry);
        MARKET = IMarket(market);
        DATATOKEN_IMPLEMENTATION = datatokenImplementation;
    }

    /// @inheritdoc IOrders
    function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds) {
        orderIds = new bytes32[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            address datatoken = requests[i].datatoken;
            orderIds[i] = _open(
                requests[i], _service(datatoken), msg.sender, Payment(datatoken, ONE_DATATOKEN, address(0), 0, 0)
            );
            IDatatoken(datatoken).spend(msg.sender, ONE_DATATOKEN);
        }
    }

    /// @inheritdoc IOrders
    function openPaid(OpenRequest calldata request, address consumer, Payment calldata payment)
        external
        returns (bytes32 orderId)
    {
        require(msg.sender == address(MARKET), NotMarket(msg.sender));
        // The market sells only what the registry deployed.
        orderId = _open(request, DatatokenArgs.read(request.datatoken), consumer, payment);
    }

    /// @inheritdoc IOrders
    function fulfil(Order calldata order, bytes32 receiptHash) external {
        bytes32 orderId = orderIdOf(order);
        _requireProvider(order);
        require(block.timestamp <= order.deadline, OrderExpired(orderId, order.deadline));
        _end(orderId, Status.Fulfilled);

        // Whoever owns the asset now, not when it was ordered: income follows the token like every other right.
        address publisher = REGISTRY.ownerOf(order.assetId);
        uint256 earned = 0;
        // A datatoken was paid for when it was bought, and spent when the order was opened.
        if (!_spent(order)) {
            earned = MARKET.settle(
                order.escrowToken, order.escrowAmount, publisher, order.referrer, order.referralFee, order.protocolFee
            );
        }
        emit OrderFulfilled(orderId, order.assetId, msg.sender, publisher, receiptHash, earned);
    }

    /// @inheritdoc IOrders
    function cancel(Order calldata order, bytes32 reason) external {
        bytes32 orderId = orderIdOf(order);
        _requireProvider(order);
        _end(orderId, Status.Cancelled);
        emit OrderCancelled(orderId, order.assetId, msg.sender, reason);
        _giveBack(order);
    }

    /// @inheritdoc IOrders
    function returnExpired(Order calldata order) external {
        bytes32 orderId = orderIdOf(order);
        require(block.timestamp > order.deadline, OrderNotExpired(orderId, order.deadline));
        _end(orderId, Status.Returned);
        emit OrderReturned(orderId, order.assetId, msg.sender);
        _giveBack(order);
    }

    /// @inheritdoc IOrders
    function setClosed(uint256 assetId, bool closed) external {
        require(msg.sender == address(REGISTRY), NotRegistry(msg.sender));
        _closed[assetId] = closed;
    }

    /// @inheritdoc IOrders
    function setProvider(address datatoken, address provider) external {
        Service memory service = _ownService(datatoken);
        address resolved = provider == address(0) ? msg.sender : provider;
        _settings[datatoken].provider = resolved;
        emit ProviderChanged(service.assetId, msg.sender, datatoken, resolved);
    }

    /// @inheritdoc IOrders
    function setGate(address datatoken, address gate) external {
        Service memory service = _ownService(datatoken);
        require(gate == address(0) || gate.code.length != 0, InvalidGate(gate));
        _gates[datatoken] = IGate(gate);
        _settings[datatoken].gated = gate != address(0);
        emit GateChanged(service.assetId, msg.sender, datatoken, gate);
    }

    /// @inheritdoc IOrders
    function providerOf(address datatoken) external view returns (address) {
        return _provider(_settings[datatoken], _service(datatoken));
    }

    /// @inheritdoc IOrders
    function gateOf(address datatoken) external view returns (address) {
        return address(_gates[datatoken]);
    }

    /// @inheritdoc IOrders
    function statusOf(bytes32 orderId) external view returns (Status) {
        return _status[orderId];
    }

    /// @inheritdoc IOrders
    function orderIdOf(Order calldata order) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), order));
    }

    function _open(OpenRequest calldata request, Service memory service, address consumer, Payment memory payment)
        private
        returns (bytes32 orderId)
    {
        _requireDeadline(request.deadline);
        require(!_closed[service.assetId], NotOrderable(service.assetId));
        Settings memory settings = _settings[request.datatoken];
        address provider = _provider(settings, service);
        require(provider == request.provider, WrongProvider(provider, request.provider));
        if (settings.gated) {
            require(
                _gates[request.datatoken].mayOrder(request.datatoken, service.assetId, consumer),
                NotAllowed(request.datatoken, consumer)
            );
        }

        Order memory order = Order({
            assetId: service.assetId,
            datatoken: request.datatoken,
            consumer: consumer,
            provider: provider,
            requestHash: request.requestHash,
            deadline: request.deadline,
            salt: request.salt,
            escrowToken: payment.token,
            escrowAmount: payment.amount,
            referrer: payment.referrer,
            referralFee: payment.referralFee,
            protocolFee: payment.protocolFee
        });
        orderId = keccak256(abi.encode(block.chainid, address(this), order));
        require(_status[orderId] == Status.None, OrderExists(orderId));
        _status[orderId] = Status.Open;
        emit OrderOpened(
            orderId,
            order.assetId,
            consumer,
            order.datatoken,
            provider,
            order.requestHash,
            order.deadline,
            order.salt,
            order.escrowToken,
            order.escrowAmount,
            order.referrer,
            order.referralFee,
            order.protocolFee
        );
    }

    /// @dev The only way out of `Open`, and only out of `Open`. The id commits to every field of the order, so what the
    /// caller presented is what was opened.
    function _end(bytes32 orderId, Status ended) private {
        Status status = _status[orderId];
        require(status == Status.Open, OrderNotOpen(orderId, status));
        _status[orderId] = ended;
    }

    function _giveBack(Order calldata order) private {
        if (_spent(order)) {
            IDatatoken(order.datatoken).restore(order.consumer, order.escrowAmount);
        } else {
            MARKET.refund(order.datatoken, order.consumer, order.escrowToken, order.escrowAmount);
        }
    }

    /// @dev Whether it was opened with a datatoken. Unambiguous because the market refuses to sell a datatoken for itself.
    function _spent(Order calldata order) private pure returns (bool) {
        return order.escrowToken == order.datatoken;
    }

    function _requireDeadline(uint64 deadline) private view {
        // The clock fits: 64 bits of seconds.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 earliest = uint64(block.timestamp) + MIN_DURATION;
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 latest = uint64(block.timestamp) + MAX_DURATION;
        require(deadline >= earliest && deadline <= latest, DeadlineOutOfRange(deadline, earliest, latest));
    }

    function _requireProvider(Order calldata order) private view {
        require(msg.sender == order.provider, NotProvider(msg.sender, order.provider));
    }

    function _provider(Settings memory settings, Service memory service) private pure returns (address) {
        return settings.provider == address(0) ? service.provider : settings.provider;
    }

    function _service(address datatoken) private view returns (Service memory) {
        return DatatokenArgs.verified(datatoken, address(REGISTRY), DATATOKEN_IMPLEMENTATION);
    }

    function _ownService(address datatoken) private view returns (Service memory service) {
        service = _service(datatoken);
        require(REGISTRY.ownerOf(service.assetId) == msg.sender, NotAssetOwner(msg.sender, service.assetId));
    }
}
