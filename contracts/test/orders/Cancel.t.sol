// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Fixture} from "../Fixture.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract CancelTest is Fixture {
    function test_cancel_givesAHeldTokenBackAtOnce() public {
        holdDatatokens(buyer, 3);
        (Order memory order, bytes32 id) = openHeld("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderCancelled(id, assetId, provider, "no worker");
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(address(0), buyer, ONE);
        vm.recordLogs();
        cancel(order);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(status(id), uint8(IOrders.Status.Cancelled));
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
        assertEq(datatoken.totalSupply(), 3 * ONE);
    }

    function test_cancel_paysEverythingBackAtOnce() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        Order memory order = paidOrder("a", PRICE / 10);
        fund(buyer, PRICE);
        vm.prank(buyer);
        bytes32 id = market.buyAndOpen(requestOf(order), usual());
        vm.expectEmit(address(orders));
        emit IOrders.OrderCancelled(id, assetId, provider, "no worker");
        vm.expectEmit(address(dollar));
        emit IERC20.Transfer(address(market), buyer, PRICE);
        vm.recordLogs();
        cancel(order);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(status(id), uint8(IOrders.Status.Cancelled));
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(market.earningsOf(address(dollar), referrer), 0);
    }

    function test_cancel_alsoAtAndAfterTheDeadline() public {
        (Order memory order,) = openPaid("a");
        (Order memory late,) = openPaid("b");
        vm.warp(order.deadline);
        cancel(order);
        vm.warp(late.deadline + 365 days);
        cancel(late);
        assertEq(dollar.balanceOf(buyer), 2 * PRICE);
    }

    function test_cancel_isTheProvidersOnly() public {
        (Order memory order,) = openPaid("a");
        address[5] memory others = [publisher, buyer, stranger, address(market), treasury];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, others[i], provider));
            orders.cancel(order, 0);
        }
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, stranger, provider));
        orders.cancel(order, 0);
    }

    function test_cancel_paysTheConsumerEvenIfTheTokenWasTradedMeanwhile() public {
        holdDatatokens(buyer, 2);
        (Order memory order,) = openHeld("a");
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE));
        cancel(order);
        assertEq(datatoken.balanceOf(buyer), ONE);
        assertEq(datatoken.balanceOf(stranger), ONE);
    }

    function test_cancel_whatWasNeverOpened() public {
        Order memory order = heldOrder("a");
        vm.expectRevert(
            abi.encodeWithSelector(IOrders.OrderNotOpen.selector, orders.orderIdOf(order), IOrders.Status.None)
        );
        cancel(order);
    }
}
