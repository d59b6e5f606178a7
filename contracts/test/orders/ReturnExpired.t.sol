// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Fixture} from "../Fixture.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract ReturnExpiredTest is Fixture {
    function test_returnExpired_givesAHeldTokenBack() public {
        holdDatatokens(buyer, 3);
        (Order memory order, bytes32 id) = openHeld("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderReturned(id, assetId, stranger);
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(address(0), buyer, ONE);
        vm.recordLogs();
        returnLate(order);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(status(id), uint8(IOrders.Status.Returned));
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
        assertEq(datatoken.balanceOf(stranger), 0);
        assertEq(datatoken.totalSupply(), 3 * ONE);
    }

    function test_returnExpired_paysEverythingBack() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderReturned(id, assetId, stranger);
        vm.expectEmit(address(dollar));
        emit IERC20.Transfer(address(market), buyer, PRICE);
        vm.recordLogs();
        returnLate(order);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(stranger), 0);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(status(id), uint8(IOrders.Status.Returned));
    }

    function test_returnExpired_byAnyone() public {
        address[5] memory callers = [buyer, publisher, provider, stranger, address(this)];
        for (uint256 i = 0; i < callers.length; ++i) {
            (Order memory order, bytes32 id) = openPaid(bytes32(i));
            vm.warp(order.deadline + 1);
            vm.expectEmit(address(orders));
            emit IOrders.OrderReturned(id, assetId, callers[i]);
            vm.prank(callers[i]);
            orders.returnExpired(order);
            assertEq(dollar.balanceOf(buyer), (i + 1) * PRICE);
        }
    }

    function test_returnExpired_notUntilTheDeadlineHasPassed() public {
        (Order memory order, bytes32 id) = openPaid("a");
        uint64[3] memory tooEarly = [uint64(block.timestamp), order.deadline - 1, order.deadline];
        address[3] memory callers = [buyer, provider, stranger];
        for (uint256 i = 0; i < tooEarly.length; ++i) {
            vm.warp(tooEarly[i]);
            for (uint256 j = 0; j < callers.length; ++j) {
                vm.prank(callers[j]);
                vm.expectRevert(abi.encodeWithSelector(IOrders.OrderNotExpired.selector, id, order.deadline));
                orders.returnExpired(order);
            }
        }
        returnLate(order);
    }

    function test_returnExpired_muchLater() public {
        (Order memory order,) = openPaid("a");
        vm.warp(block.timestamp + 100 * 365 days);
        orders.returnExpired(order);
        assertEq(dollar.balanceOf(buyer), PRICE);
    }

    function test_returnExpired_whatWasNeverOpened() public {
        Order memory order = paidOrder("a", 0);
        vm.expectRevert(
            abi.encodeWithSelector(IOrders.OrderNotOpen.selector, orders.orderIdOf(order), IOrders.Status.None)
        );
        vm.warp(order.deadline + 1);
        orders.returnExpired(order);
    }
}
