// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Limits} from "../../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract FulfilTest is Fixture {
    function test_fulfil_redeemsASpentToken() public {
        holdDatatokens(buyer, 3);
        uint256 earned = market.earningsOf(address(dollar), publisher);
        (Order memory order, bytes32 id) = openHeld("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, publisher, RECEIPT, 0);
        vm.recordLogs();
        fulfil(order);
        // The token went when the order was opened.
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
        assertEq(datatoken.totalSupply(), 2 * ONE);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        // It was paid for when it was bought.
        assertEq(market.earningsOf(address(dollar), publisher), earned);
    }

    function test_fulfil_creditsEveryPartOfAPayment() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        Order memory order = paidOrder("a", PRICE / 10);
        fund(buyer, PRICE);
        vm.prank(buyer);
        bytes32 id = market.buyAndOpen(requestOf(order), usual());
        uint256 earned = PRICE - order.referralFee - order.protocolFee;

        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, publisher, RECEIPT, earned);
        vm.recordLogs();
        fulfil(order);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(market.earningsOf(address(dollar), publisher), earned);
        assertEq(market.earningsOf(address(dollar), referrer), order.referralFee);
        assertEq(market.earningsOf(address(dollar), treasury), order.protocolFee);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
        assertEq(dollar.balanceOf(address(market)), PRICE);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_fulfil_anEtherPaymentComesOutWhole() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 1 ether);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount, order.protocolFee) = (address(0), 1 ether, 0.01 ether);
        Limits memory limits = limitsFor(address(0), 1 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buyAndOpen{value: 1 ether}(requestOf(order), limits);
        fulfil(order);
        vm.prank(publisher);
        market.withdraw(address(0));
        vm.prank(treasury);
        market.withdraw(address(0));
        assertEq(publisher.balance, 0.99 ether);
        assertEq(treasury.balance, 0.01 ether);
        assertEq(address(market).balance, 0);
    }

    function test_fulfil_aFreeOrderCreditsNobody() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount) = (address(dollar), 0);
        vm.prank(buyer);
        bytes32 id = market.buyAndOpen(requestOf(order), limitsFor(address(dollar), 0));
        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, publisher, RECEIPT, 0);
        fulfil(order);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
    }

    function test_fulfil_creditsWhoOwnsTheAssetThen() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, stranger, RECEIPT, PRICE - order.protocolFee);
        fulfil(order);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(market.earningsOf(address(dollar), stranger), PRICE - order.protocolFee);
    }

    function test_fulfil_untilTheDeadlineAndNotAfter() public {
        (Order memory order, bytes32 id) = openPaid("a");
        (Order memory late, bytes32 lateId) = openPaid("b");
        vm.warp(order.deadline);
        fulfil(order);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
        vm.warp(late.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderExpired.selector, lateId, late.deadline));
        fulfil(late);
        assertEq(status(lateId), uint8(IOrders.Status.Open));
    }

    function test_fulfil_isTheProvidersOnly() public {
        (Order memory order,) = openPaid("a");
        address[5] memory others = [publisher, buyer, stranger, address(market), treasury];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, others[i], provider));
            orders.fulfil(order, RECEIPT);
        }
    }

    function test_fulfil_isNotForWhoBecameProviderLater() public {
        (Order memory order,) = openPaid("a");
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, stranger, provider));
        orders.fulfil(order, RECEIPT);
        fulfil(order);
    }

    function test_fulfil_whatWasNeverOpened() public {
        Order memory order = paidOrder("a", 0);
        vm.expectRevert(
            abi.encodeWithSelector(IOrders.OrderNotOpen.selector, orders.orderIdOf(order), IOrders.Status.None)
        );
        fulfil(order);
    }
}
