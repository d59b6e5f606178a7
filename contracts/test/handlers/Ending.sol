// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";
import {BookedService} from "./Books.sol";
import {Buying} from "./Buying.sol";

/// @notice How orders end, or do not, and what comes of it.
abstract contract Ending is Buying {
    function fulfil(uint256 seed) external decides(seed) {
        (uint256 place, Order memory order, bytes32 orderId) = someOrder(true, false);
        address caller = usually(order.provider);
        bytes memory refusal = whyNotOpen(orderId);
        if (block.timestamp > order.deadline) {
            refusal = abi.encodeWithSelector(IOrders.OrderExpired.selector, orderId, order.deadline);
        }
        if (caller != order.provider) {
            refusal = abi.encodeWithSelector(IOrders.NotProvider.selector, caller, order.provider);
        }
        if (!attempt(caller, address(ORDERS), abi.encodeCall(IOrders.fulfil, (order, "receipt")), refusal)) return;
        _statuses[place] = IOrders.Status.Fulfilled;
        uint256 service = serviceOf(order);
        if (withDatatoken(order)) {
            _services[service].spent -= 1;
            _services[service].fulfilled += 1;
        } else {
            escrow[order.escrowToken] -= order.escrowAmount;
            divide(order.escrowToken, order.escrowAmount, ownerOf(service), order);
        }
    }

    function cancel(uint256 seed) external decides(seed) {
        (uint256 place, Order memory order, bytes32 orderId) = someOrder(true, true);
        address caller = usually(order.provider);
        bytes memory refusal = whyNotOpen(orderId);
        if (caller != order.provider) {
            refusal = abi.encodeWithSelector(IOrders.NotProvider.selector, caller, order.provider);
        }
        endAndGiveBack(
            place, order, IOrders.Status.Cancelled, caller, abi.encodeCall(IOrders.cancel, (order, "no")), refusal
        );
    }

    function returnExpired(uint256 seed) external decides(seed) {
        (uint256 place, Order memory order, bytes32 orderId) = someOrder(false, true);
        bytes memory refusal = whyNotOpen(orderId);
        if (block.timestamp <= order.deadline) {
            refusal = abi.encodeWithSelector(IOrders.OrderNotExpired.selector, orderId, order.deadline);
        }
        bytes memory call = abi.encodeCall(IOrders.returnExpired, (order));
        endAndGiveBack(place, order, IOrders.Status.Returned, somebody(), call, refusal);
    }

    /// @notice Lets all time pass and has every order end that is still open.
    function endEverything() external {
        vm.warp(block.timestamp + 31 days);
        for (uint256 i = 0; i < _orders.length; ++i) {
            if (_statuses[i] != IOrders.Status.Open) continue;
            bytes memory call = abi.encodeCall(IOrders.returnExpired, (_orders[i]));
            endAndGiveBack(i, _orders[i], IOrders.Status.Returned, people[i % people.length], call, "");
        }
    }

    function endAndGiveBack(
        uint256 place,
        Order memory order,
        IOrders.Status status,
        address caller,
        bytes memory call,
        bytes memory refusal
    ) private {
        uint256 had = balance(order.escrowToken, order.consumer);
        if (!attempt(caller, address(ORDERS), call, refusal)) return;
        _statuses[place] = status;
        uint256 got = balance(order.escrowToken, order.consumer) - had;
        if (withDatatoken(order)) {
            assertEq(got, ONE);
            _services[serviceOf(order)].spent -= 1;
            return;
        }
        escrow[order.escrowToken] -= order.escrowAmount;
        if (refuses(order.escrowToken, order.consumer)) {
            assertEq(got, 0);
            credit(order.escrowToken, order.consumer, order.escrowAmount);
            ++refunds[false];
        } else {
            assertEq(got, order.escrowAmount);
            paidOut[order.escrowToken] += got;
            ++refunds[true];
        }
        if (order.escrowAmount == 0) countNoLonger(serviceOf(order), order.consumer);
    }

    /// @dev A free order that failed.
    function countNoLonger(uint256 place, address consumer) private {
        BookedService storage service = _services[place];
        if (!limited(service) || takenBy[place][consumer] == 0) return;
        takenBy[place][consumer] -= 1;
        service.taken -= 1;
        ++givenBack;
    }

    function refuses(address money, address who) private view returns (bool) {
        if (money == address(0)) return who == address(WALLET) && !WALLET.accepts();
        return whyNotPaidOut(money, who).length != 0;
    }

    /// @dev Mostly one that is open (if there is, before or after its deadline, as wished); sometimes one that has ended, or
    /// one of which something was changed.
    function someOrder(bool early, bool late) private returns (uint256 place, Order memory order, bytes32 orderId) {
        if (_orders.length != 0) {
            place = roll(_orders.length);
            bool any = oneIn(5);
            for (uint256 i = 0; i < _orders.length && !any && !suits(place, early, late); ++i) {
                place = (place + 1) % _orders.length;
            }
            order = _orders[place];
        }
        if (oneIn(10)) falsify(order);
        orderId = ORDERS.orderIdOf(order);
        if (_placeOf[orderId] != 0) place = _placeOf[orderId] - 1;
    }

    function suits(uint256 place, bool early, bool late) private view returns (bool) {
        if (_statuses[place] != IOrders.Status.Open) return false;
        return block.timestamp <= _orders[place].deadline ? early : late;
    }

    function falsify(Order memory order) private {
        uint256 field = roll(12);
        if (field == 0) order.assetId ^= 1;
        else if (field == 1) order.datatoken = address(_services[someService()].token);
        else if (field == 2) order.consumer = somebody();
        else if (field == 3) order.provider = somebody();
        else if (field == 4) order.requestHash = "another";
        else if (field == 5) order.deadline = uint64(block.timestamp + 1 - roll(3));
        else if (field == 6) order.salt = bytes32(roll(100));
        else if (field == 7) order.escrowToken = oneIn(2) ? order.datatoken : moneys[roll(moneys.length)];
        else if (field == 8) order.escrowAmount += 1;
        else if (field == 9) order.referrer = somebody();
        else if (field == 10) order.referralFee = order.escrowAmount;
        else order.protocolFee = 0;
    }

    function whyNotOpen(bytes32 orderId) private view returns (bytes memory) {
        IOrders.Status status = IOrders.Status.None;
        if (_placeOf[orderId] != 0) status = _statuses[_placeOf[orderId] - 1];
        if (status == IOrders.Status.Open) return "";
        return abi.encodeWithSelector(IOrders.OrderNotOpen.selector, orderId, status);
    }

    function withDatatoken(Order memory order) private pure returns (bool) {
        return order.escrowToken == order.datatoken;
    }

    function serviceOf(Order memory order) private view returns (uint256 place) {
        while (address(_services[place].token) != order.datatoken) ++place;
    }

    /// @dev Takes out what one earned, all of it.
    function withdraw(uint256 seed) external decides(seed) {
        (address who, address money) = (somebody(), moneys[roll(moneys.length)]);
        for (uint256 i = 0; i < 10 && owed[money][who] == 0; ++i) {
            (who, money) = (somebody(), moneys[roll(moneys.length)]);
        }
        uint256 amount = owed[money][who];
        bytes memory refusal = whyNotPaidOut(money, who);
        if (money == address(0) && refuses(money, who)) {
            refusal = abi.encodeWithSelector(IMarket.EtherRefused.selector, who);
        }
        if (amount == 0) refusal = abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, who, money);
        uint256 had = balance(money, who);
        (bool done, bytes memory answer) =
            attempt(who, address(MARKET), 0, abi.encodeCall(IMarket.withdraw, (money)), refusal);
        if (!done) return;
        assertEq(answer, abi.encode(amount));
        assertEq(balance(money, who) - had, amount);
        owed[money][who] = 0;
        owedInAll[money] -= amount;
        paidOut[money] += amount;
    }
}
