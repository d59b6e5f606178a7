// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "./interfaces/IOrders.sol";
import {DatatokenArgs} from "./DatatokenArgs.sol";

/// @title Escrow of orders
/// @dev Every state change precedes every call, and an order's status is what guards it; besides the market and the
/// registry only genuine datatokens are called, which call nobody. Therefore no re-entrancy lock is needed here: the
/// one foreign call that can happen below (a refund, inside the market) finds the order ended already.
contract Orders is IOrders {
    using SafeERC20 for IERC20;

    /// @notice What one order redeems: one whole datatoken, in base units.
    uint256 public constant ONE_DATATOKEN = 1e18;
    /// @notice A deadline is at least this far ahead, in seconds: nearer ones could not be met, only cause fees.
    uint64 public constant MIN_DURATION = 60;
    /// @notice A deadline is at most this far ahead, in seconds: a provider that vanishes locks an escrow no longer.
    uint64 public constant MAX_DURATION = 30 days;

    IAssetRegistry public immutable REGISTRY;
    IMarket public immutable MARKET;

    mapping(bytes32 orderId => Status) private _status;

    constructor(address registry, address market) {
        REGISTRY = IAssetRegistry(registry);
        MARKET = IMarket(market);
    }

    /// @inheritdoc IOrders
    function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds) {
        orderIds = new bytes32[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            OpenRequest calldata request = requests[i];
            // The market knows only datatokens that the registry deployed: from here on this one is genuine.
            address provider = MARKET.saleOf(request.datatoken).provider;
            require(provider != address(0), UnknownService(request.datatoken));
            (uint256 assetId,) = DatatokenArgs.read(request.datatoken);
            require(REGISTRY.isOrderable(assetId), NotOrderable(assetId));

            orderIds[i] = _open(
                Order({
                    datatoken: request.datatoken,
                    consumer: msg.sender,
                    provider: provider,
                    requestHash: request.requestHash,
                    deadline: request.deadline,
                    salt: request.salt,
                    escrowToken: request.datatoken,
                    escrowAmount: ONE_DATATOKEN,
                    referrer: address(0),
                    referralFee: 0,
                    protocolFee: 0
                }),
                assetId
            );
            IERC20(request.datatoken).safeTransferFrom(msg.sender, address(this), ONE_DATATOKEN);
        }
    }

    /// @inheritdoc IOrders
    function openPaid(Order calldata order, uint256 assetId) external returns (bytes32 orderId) {
        require(msg.sender == address(MARKET), NotMarket(msg.sender));
        orderId = _open(order, assetId);
    }

    /// @inheritdoc IOrders
    function fulfil(Order calldata order, bytes32 receiptHash) external {
        bytes32 orderId = orderIdOf(order);
        _requireProvider(order);
        require(block.timestamp <= order.deadline, OrderExpired(orderId, order.deadline));
        _end(orderId, Status.Fulfilled);

        (uint256 assetId,) = DatatokenArgs.read(order.datatoken);
        // Whoever owns the asset now, not when it was ordered: income follows the token like every other right.
        address publisher = REGISTRY.ownerOf(assetId);
        uint256 earned = 0;
        if (_heldHere(order)) {
            IDatatoken(order.datatoken).burn(order.escrowAmount);
        } else {
            earned = MARKET.settle(order, publisher);
        }
        emit OrderFulfilled(orderId, assetId, msg.sender, publisher, receiptHash, earned);
    }

    /// @inheritdoc IOrders
    function cancel(Order calldata order, bytes32 reason) external {
        bytes32 orderId = orderIdOf(order);
        _requireProvider(order);
        _end(orderId, Status.Cancelled);
        (uint256 assetId,) = DatatokenArgs.read(order.datatoken);
        emit OrderCancelled(orderId, assetId, msg.sender, reason);
        _giveBack(order);
    }

    /// @inheritdoc IOrders
    function returnExpired(Order calldata order) external {
        bytes32 orderId = orderIdOf(order);
        require(block.timestamp > order.deadline, OrderNotExpired(orderId, order.deadline));
        _end(orderId, Status.Returned);
        (uint256 assetId,) = DatatokenArgs.read(order.datatoken);
        emit OrderReturned(orderId, assetId, msg.sender);
        _giveBack(order);
    }

    /// @inheritdoc IOrders
    function statusOf(bytes32 orderId) external view returns (Status) {
        return _status[orderId];
    }

    /// @inheritdoc IOrders
    function orderIdOf(Order memory order) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), order));
    }

    function _open(Order memory order, uint256 assetId) private returns (bytes32 orderId) {
        _requireDeadline(order.deadline);
        orderId = orderIdOf(order);
        require(_status[orderId] == Status.None, OrderExists(orderId));
        _status[orderId] = Status.Open;
        emit OrderOpened(
            orderId,
            assetId,
            order.consumer,
            order.datatoken,
            order.provider,
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
        if (_heldHere(order)) {
            IERC20(order.datatoken).safeTransfer(order.consumer, order.escrowAmount);
        } else {
            MARKET.refund(order);
        }
    }

    /// @dev Unambiguous because the market refuses to sell a datatoken for itself.
    function _heldHere(Order calldata order) private pure returns (bool) {
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
}
