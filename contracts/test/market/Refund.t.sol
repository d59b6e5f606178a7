// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";
import {BuyerContract, GasBurningBuyer, ReentrantBuyer, RejectingBuyer} from "../mocks/Buyers.sol";

/// @notice Giving a payment back: at once, or as a credit if it is refused; and nobody can choose which. What payment
/// tokens may do to it: see `test/hostile`.
contract RefundTest is Fixture {
    function test_refund_isOrdersOnly() public {
        openPaid("a");
        address[6] memory callers = [publisher, provider, buyer, stranger, address(registry), address(market)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotOrders.selector, callers[i]));
            market.refund(address(datatoken), callers[i], address(dollar), PRICE);
        }
        assertEq(dollar.balanceOf(address(market)), PRICE);
    }

    function test_refund_paysTheConsumer() public {
        openPaid("a");
        vm.expectEmit(address(dollar));
        emit IERC20.Transfer(address(market), buyer, PRICE);
        vm.recordLogs();
        vm.prank(address(orders));
        market.refund(address(datatoken), buyer, address(dollar), PRICE);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(market.earningsOf(address(dollar), buyer), 0);
    }

    function test_refund_ofNothingMovesNothing() public {
        vm.recordLogs();
        vm.prank(address(orders));
        market.refund(address(datatoken), buyer, address(dollar), 0);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(market.earningsOf(address(dollar), buyer), 0);
    }

    function test_refund_ether() public {
        Order memory order = openEther(buyer, 1 ether);
        assertEq(buyer.balance, 0);
        cancel(order);
        assertEq(buyer.balance, 1 ether);
        assertEq(address(market).balance, 0);
    }

    function test_refund_aConsumerThatRefusesEtherDoesNotBlock() public {
        RejectingBuyer consumer = new RejectingBuyer(market, orders);
        Order memory order = openEther(address(consumer), 1 ether);
        vm.expectEmit(address(market));
        emit IMarket.RefundCredited(address(consumer), address(0), 1 ether);
        cancel(order);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Cancelled));
        assertEq(market.earningsOf(address(0), address(consumer)), 1 ether);
        assertEq(address(market).balance, 1 ether);
        consumer.learn();
        consumer.withdraw(address(0));
        assertEq(address(consumer).balance, 1 ether);
        assertEq(address(market).balance, 0);
    }

    function test_refund_aCreditAddsToWhatIsThere() public {
        RejectingBuyer consumer = new RejectingBuyer(market, orders);
        Order memory order = openEther(address(consumer), 1 ether);
        cancel(order);
        vm.deal(buyer, 1 ether);
        order.requestHash = "another";
        vm.prank(buyer);
        consumer.buyAndOpen{value: 1 ether}(requestOf(order), 1 ether);
        cancel(order);
        assertEq(market.earningsOf(address(0), address(consumer)), 2 ether);
    }

    function test_refund_aConsumerThatBurnsGasCostsABoundedAmount() public {
        GasBurningBuyer consumer = new GasBurningBuyer(market, orders);
        Order memory order = openEther(address(consumer), 1 ether);
        vm.prank(provider);
        uint256 before = gasleft();
        orders.cancel(order, 0);
        assertLt(before - gasleft(), market.REFUND_GAS() + 100_000);
        assertEq(market.earningsOf(address(0), address(consumer)), 1 ether);
    }

    function test_refund_saysHowMuchGasItNeeds() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.prank(provider);
        (bool ok, bytes memory reason) =
            address(orders).call{gas: 200_000}(abi.encodeCall(IOrders.cancel, (order, bytes32(0))));
        assertFalse(ok);
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(bytes4(reason), IMarket.TooLittleGas.selector);
        uint256 available;
        uint256 needed;
        assembly {
            available := mload(add(reason, 36))
            needed := mload(add(reason, 68))
        }
        assertEq(needed, market.REFUND_GAS_LEFT());
        assertLt(available, 200_000);
        assertEq(status(id), uint8(IOrders.Status.Open));
    }

    /// @dev Whatever gas a stranger gives: either nothing happens, or the consumer is really paid.
    function test_refund_canNotBeStarvedOfGas() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.warp(order.deadline + 1);
        for (uint256 gas = 20_000; gas < 400_000; gas += 1_000) {
            try orders.returnExpired{gas: gas}(order) {
                assertEq(dollar.balanceOf(buyer), PRICE);
                assertEq(market.earningsOf(address(dollar), buyer), 0);
                return;
            } catch {
                assertEq(status(id), uint8(IOrders.Status.Open));
            }
        }
        fail();
    }

    /// @dev The least gas that is let through is enough to credit whom all of `REFUND_GAS` was burnt by.
    function test_refund_theLeastGasSufficesForTheWorstConsumer() public {
        GasBurningBuyer consumer = new GasBurningBuyer(market, orders);
        Order memory order = openEther(address(consumer), 1 ether);
        bytes32 id = orders.orderIdOf(order);
        vm.warp(order.deadline + 1);
        bool ended = false;
        for (uint256 gas = 200_000; gas < 400_000 && !ended; gas += 1_000) {
            (bool ok, bytes memory reason) =
                address(orders).call{gas: gas}(abi.encodeCall(IOrders.returnExpired, (order)));
            // forge-lint: disable-next-line(unsafe-typecast)
            if (!ok) assertEq(bytes4(reason), IMarket.TooLittleGas.selector);
            ended = ok;
        }
        assertTrue(ended);
        assertEq(status(id), uint8(IOrders.Status.Returned));
        assertEq(market.earningsOf(address(0), address(consumer)), 1 ether);
    }

    function test_refund_canNotBeReentered() public {
        ReentrantBuyer consumer = new ReentrantBuyer(market, orders);
        // Somebody else's ether is there to be stolen.
        openEther(buyer, 1 ether);
        Order memory order = openEther(address(consumer), 1 ether);
        consumer.remember(order);
        vm.warp(order.deadline + 1);
        orders.returnExpired(order);
        assertEq(consumer.endError(), IOrders.OrderNotOpen.selector);
        assertEq(consumer.withdrawError(), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(address(consumer).balance, 1 ether);
        assertEq(address(market).balance, 1 ether);
    }

    function openEther(address consumer, uint96 price) private returns (Order memory order) {
        (uint256 id, Datatoken token) = publish(bytes32(uint256(uint160(consumer))), address(0), price);
        order = heldOrder(0);
        (order.assetId, order.datatoken, order.consumer) = (id, address(token), consumer);
        (order.escrowToken, order.escrowAmount) = (address(0), price);
        order.protocolFee = uint256(price) * PROTOCOL_BPS / 10_000;
        vm.deal(buyer, price);
        vm.prank(buyer);
        if (consumer == buyer) market.buyAndOpen{value: price}(requestOf(order), limitsFor(address(0), price));
        else BuyerContract(consumer).buyAndOpen{value: price}(requestOf(order), price);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Open));
    }
}
