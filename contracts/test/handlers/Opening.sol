// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {DatatokenArgs} from "../../src/DatatokenArgs.sol";
import {BookedService} from "./Books.sol";
import {Selling} from "./Selling.sol";

/// @notice What consumers do with datatokens that they have: open orders, many at once.
abstract contract Opening is Selling {
    /// @dev A service together with what is asked of it.
    struct Asked {
        uint256 service;
        OpenRequest request;
    }

    /// @dev Up to four at once, of any services; each has to be right, or none is opened.
    function open(uint256 seed) external decides(seed) {
        address consumer = somebody();
        Asked[] memory asked = new Asked[](roll(5));
        OpenRequest[] memory requests = new OpenRequest[](asked.length);
        for (uint256 i = 0; i < asked.length; ++i) {
            uint256 service = aServiceHeldBy(consumer);
            asked[i] = Asked(service, someRequest(service));
            // The same twice.
            if (i != 0 && oneIn(12)) asked[i] = asked[i - 1];
            requests[i] = asked[i].request;
            if (oneIn(40)) requests[i].datatoken = oneIn(2) ? moneys[1] : ORDERS.DATATOKEN_IMPLEMENTATION();
        }
        bytes memory refusal = whyNotSpent(consumer, asked);
        (bool done, bytes memory answer) =
            attempt(consumer, address(ORDERS), 0, abi.encodeCall(IOrders.open, (requests)), refusal);
        if (!done) return;
        bytes32[] memory orderIds = abi.decode(answer, (bytes32[]));
        assertEq(orderIds.length, asked.length);
        for (uint256 i = 0; i < asked.length; ++i) {
            Order memory order = spentOrder(asked[i], consumer);
            assertEq(orderIds[i], ORDERS.orderIdOf(order));
            enter(order);
            _services[asked[i].service].spent += 1;
        }
    }

    /// @dev Goes through the batch as the contract does, and stops at the first that is wrong.
    function whyNotSpent(address consumer, Asked[] memory asked) private view returns (bytes memory refusal) {
        for (uint256 i = 0; i < asked.length; ++i) {
            address datatoken = asked[i].request.datatoken;
            if (datatoken != address(_services[asked[i].service].token)) {
                return abi.encodeWithSelector(DatatokenArgs.UnknownService.selector, datatoken);
            }
            bytes32 orderId = ORDERS.orderIdOf(spentOrder(asked[i], consumer));
            refusal = whyNotOpened(asked[i], consumer, orderId);
            if (refusal.length != 0) return refusal;
            uint256 spent = 0;
            for (uint256 j = 0; j < i; ++j) {
                if (asked[j].service == asked[i].service) spent += ONE;
                if (ORDERS.orderIdOf(spentOrder(asked[j], consumer)) == orderId) {
                    return abi.encodeWithSelector(IOrders.OrderExists.selector, orderId);
                }
            }
            uint256 left = balance(datatoken, consumer) - spent;
            if (left < ONE) {
                return abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, consumer, left, ONE);
            }
        }
    }

    /// @dev What opening any order fails with, paid or with a datatoken.
    function whyNotOpened(Asked memory asked, address consumer, bytes32 orderId) internal view returns (bytes memory) {
        BookedService storage service = _services[asked.service];
        uint256 assetId = _assets[service.asset].id;
        uint64 earliest = uint64(block.timestamp) + 60;
        uint64 latest = uint64(block.timestamp) + 30 days;
        uint64 deadline = asked.request.deadline;
        if (deadline < earliest || deadline > latest) {
            return abi.encodeWithSelector(IOrders.DeadlineOutOfRange.selector, deadline, earliest, latest);
        }
        if (!orderable(service.asset)) return abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId);
        address provider = providerOf(asked.service);
        if (provider != asked.request.provider) {
            return abi.encodeWithSelector(IOrders.WrongProvider.selector, provider, asked.request.provider);
        }
        if (service.gate != address(0) && !_member[service.asset][consumer]) {
            return abi.encodeWithSelector(IOrders.NotAllowed.selector, service.token, consumer);
        }
        if (_placeOf[orderId] != 0) return abi.encodeWithSelector(IOrders.OrderExists.selector, orderId);
        return "";
    }

    /// @dev Mostly right; sometimes too early, too late, of another provider, or just what was asked before.
    function someRequest(uint256 service) internal returns (OpenRequest memory request) {
        request = OpenRequest({
            datatoken: address(_services[service].token),
            provider: usually(providerOf(service)),
            requestHash: bytes32(roll(3)),
            deadline: uint64(block.timestamp + 60 + roll(oneIn(2) ? 1 hours : 30 days - 59)),
            salt: bytes32(++_salts)
        });
        if (oneIn(8)) request.deadline = uint64(block.timestamp + (oneIn(2) ? 60 : 30 days));
        if (oneIn(12)) request.deadline = uint64(block.timestamp + (oneIn(2) ? 59 : 30 days + 1));
        if (_orders.length != 0 && oneIn(6)) {
            Order storage former = _orders[roll(_orders.length)];
            (request.requestHash, request.deadline, request.salt) = (former.requestHash, former.deadline, former.salt);
        }
    }

    function orderOf(Asked memory asked, address consumer) internal view returns (Order memory order) {
        order.assetId = _assets[_services[asked.service].asset].id;
        order.datatoken = asked.request.datatoken;
        order.consumer = consumer;
        order.provider = asked.request.provider;
        order.requestHash = asked.request.requestHash;
        order.deadline = asked.request.deadline;
        order.salt = asked.request.salt;
    }

    function enter(Order memory order) internal {
        bytes32 orderId = ORDERS.orderIdOf(order);
        _orders.push(order);
        _orderIds.push(orderId);
        _statuses.push(IOrders.Status.Open);
        _placeOf[orderId] = _orders.length;
        assertEq(uint8(ORDERS.statusOf(orderId)), uint8(IOrders.Status.Open));
    }

    function spentOrder(Asked memory asked, address consumer) private view returns (Order memory order) {
        order = orderOf(asked, consumer);
        (order.escrowToken, order.escrowAmount) = (asked.request.datatoken, ONE);
    }

    /// @dev Any, but rather one that it has a datatoken of.
    function aServiceHeldBy(address consumer) private returns (uint256 service) {
        for (uint256 i = 0; i < 3; ++i) {
            service = someService();
            if (_services[service].token.balanceOf(consumer) >= ONE) break;
        }
    }
}
