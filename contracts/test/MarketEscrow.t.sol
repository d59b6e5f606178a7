// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {IMarket, Limits, Permit} from "../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../src/interfaces/IOrders.sol";
import {BuyerContract, GasBurningBuyer, ReentrantBuyer, RejectingBuyer} from "./mocks/Buyers.sol";

/// @notice Orders that were paid and opened in one transaction.
contract MarketEscrowTest is Fixture {
    function test_buyAndOpen_holdsThePaymentAndMintsNothing() public {
        Order memory order = paidOrder("a", 0);
        bytes32 id = orders.orderIdOf(order);
        fund(buyer, PRICE);
        vm.expectEmit(address(orders));
        emit IOrders.OrderOpened(
            id,
            assetId,
            buyer,
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
        vm.prank(buyer);
        bytes32 opened = market.buyAndOpen(address(datatoken), REQUEST, order.deadline, "a", usual());
        assertEq(opened, id);
        assertEq(status(id), uint8(IOrders.Status.Open));
        assertEq(dollar.balanceOf(address(market)), PRICE);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_buyAndOpenWithPermit_oneSignatureOneTransaction() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp);
        vm.prank(buyer);
        bytes32 id = market.buyAndOpenWithPermit(address(datatoken), REQUEST, anHourFromNow(), "a", usual(), permit);
        assertEq(id, orders.orderIdOf(paidOrder("a", 0)));
        assertEq(status(id), uint8(IOrders.Status.Open));
    }

    function test_buyAndOpenWithPermit_aFrontRunPermitDoesNotBlock() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp);
        dollar.permit(buyer, address(market), permit.value, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(buyer);
        market.buyAndOpenWithPermit(address(datatoken), REQUEST, anHourFromNow(), "a", usual(), permit);
    }

    function test_buyAndOpen_refusesAnUsedId() public {
        (Order memory order, bytes32 id) = openPaid("a");
        fund(buyer, PRICE);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderExists.selector, id));
        vm.prank(buyer);
        market.buyAndOpen(address(datatoken), REQUEST, order.deadline, "a", usual());
    }

    function test_fulfil_creditsEveryPart() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        Order memory order = paidOrder("a", PRICE / 10);
        fund(buyer, PRICE);
        vm.prank(buyer);
        bytes32 id = market.buyAndOpen(address(datatoken), REQUEST, order.deadline, "a", usual());
        uint256 earned = PRICE - order.referralFee - order.protocolFee;

        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, publisher, RECEIPT, earned);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        assertEq(market.earningsOf(address(dollar), publisher), earned);
        assertEq(market.earningsOf(address(dollar), referrer), order.referralFee);
        assertEq(market.earningsOf(address(dollar), treasury), order.protocolFee);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
    }

    function test_fulfil_creditsWhoOwnsTheAssetThen() public {
        (Order memory order,) = openPaid("a");
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(market.earningsOf(address(dollar), stranger), PRICE - order.protocolFee);
    }

    function test_changesAfterOpening_doNotTouchTheOrder() public {
        (Order memory order,) = openPaid("a");
        vm.startPrank(publisher);
        market.setReferral(address(datatoken), 1_000);
        market.setProvider(address(datatoken), stranger);
        market.setPrice(address(datatoken), address(0), 1);
        market.setPaused(address(datatoken), true);
        vm.stopPrank();
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, stranger, provider));
        orders.fulfil(order, RECEIPT);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        assertEq(market.earningsOf(address(dollar), referrer), 0);
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - order.protocolFee);
    }

    function test_cancel_paysEverythingBack() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.prank(provider);
        orders.cancel(order, "no worker");
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(status(id), uint8(IOrders.Status.Cancelled));
    }

    function test_returnExpired_paysEverythingBack() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.warp(order.deadline + 1);
        vm.prank(stranger);
        orders.returnExpired(order);
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(stranger), 0);
        assertEq(status(id), uint8(IOrders.Status.Returned));
    }

    function test_ether_thereAndBack() public {
        (Order memory order, Datatoken token) = openEther(buyer, 1 ether);
        assertEq(address(market).balance, 1 ether);
        assertEq(token.totalSupply(), 0);
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(buyer.balance, 1 ether);
        assertEq(address(market).balance, 0);
    }

    function test_ether_fulfilled() public {
        (Order memory order,) = openEther(buyer, 1 ether);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        vm.prank(publisher);
        market.withdraw(address(0));
        vm.prank(treasury);
        market.withdraw(address(0));
        assertEq(publisher.balance, 0.99 ether);
        assertEq(treasury.balance, 0.01 ether);
        assertEq(address(market).balance, 0);
    }

    function test_free_opensFulfilsAndCancels() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        Limits memory limits = limitsFor(address(dollar), 0);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount) = (address(dollar), 0);
        vm.startPrank(buyer);
        market.buyAndOpen(address(datatoken), REQUEST, order.deadline, "a", limits);
        market.buyAndOpen(address(datatoken), REQUEST, order.deadline, "b", limits);
        vm.stopPrank();
        vm.startPrank(provider);
        orders.fulfil(order, RECEIPT);
        order.salt = "b";
        orders.cancel(order, 0);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
    }

    function test_refund_aConsumerThatRefusesEtherDoesNotBlock() public {
        RejectingBuyer consumer = new RejectingBuyer(market, orders);
        (Order memory order,) = openEther(address(consumer), 1 ether);
        vm.expectEmit(address(market));
        emit IMarket.RefundCredited(address(consumer), address(0), 1 ether);
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Cancelled));
        assertEq(market.earningsOf(address(0), address(consumer)), 1 ether);
        consumer.learn();
        consumer.withdraw(address(0));
        assertEq(address(consumer).balance, 1 ether);
        assertEq(address(market).balance, 0);
    }

    function test_refund_aCreditAddsToWhatIsThere() public {
        RejectingBuyer consumer = new RejectingBuyer(market, orders);
        (Order memory order,) = openEther(address(consumer), 1 ether);
        vm.prank(provider);
        orders.cancel(order, 0);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        consumer.buyAndOpen{value: 1 ether}(order.datatoken, "another", order.deadline, 1 ether);
        order.requestHash = "another";
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(market.earningsOf(address(0), address(consumer)), 2 ether);
    }

    function test_refund_aConsumerThatBurnsGasCostsABoundedAmount() public {
        GasBurningBuyer consumer = new GasBurningBuyer(market, orders);
        (Order memory order,) = openEther(address(consumer), 1 ether);
        vm.prank(provider);
        uint256 before = gasleft();
        orders.cancel(order, 0);
        assertLt(before - gasleft(), market.REFUND_GAS() + 100_000);
        assertEq(market.earningsOf(address(0), address(consumer)), 1 ether);
    }

    function test_refund_canNotBeStarvedOfGas() public {
        (Order memory order, bytes32 id) = openPaid("a");
        vm.prank(provider);
        vm.expectPartialRevert(IMarket.TooLittleGas.selector);
        orders.cancel{gas: 200_000}(order, 0);
        assertEq(status(id), uint8(IOrders.Status.Open));
        vm.warp(order.deadline + 1);
        // Whatever gas a stranger gives: either nothing happens, or the consumer is really paid.
        for (uint256 gas = 20_000; gas < 400_000; gas += 10_000) {
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

    function test_refund_canNotBeReentered() public {
        ReentrantBuyer consumer = new ReentrantBuyer(market, orders);
        // Somebody else's ether is there to be stolen.
        openEther(buyer, 1 ether);
        (Order memory order,) = openEther(address(consumer), 1 ether);
        consumer.remember(order);
        vm.warp(order.deadline + 1);
        orders.returnExpired(order);
        assertEq(consumer.endError(), IOrders.OrderNotOpen.selector);
        assertEq(consumer.withdrawError(), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(address(consumer).balance, 1 ether);
        assertEq(address(market).balance, 1 ether);
    }

    /// @dev The escrow is divided without a rest when fulfilled, and given back whole when not.
    function testFuzz_escrow_isConserved(uint96 price, uint16 referralBps, uint16 protocolBps, bool ether_, uint8 end)
        public
    {
        referralBps = uint16(bound(referralBps, 0, market.MAX_REFERRAL_BPS()));
        protocolBps = uint16(bound(protocolBps, 0, market.MAX_PROTOCOL_BPS()));
        deploy(protocolBps, treasury);
        address money = ether_ ? address(0) : address(dollar);
        (assetId, datatoken) = publish(SALT, money, price);
        vm.prank(publisher);
        market.setReferral(address(datatoken), referralBps);
        fund(buyer, price);
        vm.deal(buyer, price);

        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount, order.referrer) = (money, price, referrer);
        order.referralFee = uint256(price) * referralBps / 10_000;
        order.protocolFee = uint256(price) * protocolBps / 10_000;
        Limits memory limits = limitsFor(money, price);
        limits.referrer = referrer;
        vm.prank(buyer);
        bytes32 id =
            market.buyAndOpen{value: ether_ ? price : 0}(address(datatoken), REQUEST, order.deadline, "a", limits);
        assertEq(id, orders.orderIdOf(order));
        assertEq(balance(money, address(market)), price);

        if (end % 3 == 2) vm.warp(order.deadline + 1);
        vm.prank(provider);
        if (end % 3 == 0) orders.fulfil(order, RECEIPT);
        else if (end % 3 == 1) orders.cancel(order, 0);
        else orders.returnExpired(order);

        uint256 earned = market.earningsOf(money, publisher) + market.earningsOf(money, referrer)
            + market.earningsOf(money, treasury);
        assertEq(earned, end % 3 == 0 ? price : 0);
        assertEq(balance(money, address(market)), earned);
        assertEq(balance(money, buyer), price - earned);
    }

    function openEther(address consumer, uint96 price) private returns (Order memory order, Datatoken token) {
        uint256 id;
        (id, token) = publish(bytes32(uint256(uint160(consumer))), address(0), price);
        order = heldOrder(0);
        (order.datatoken, order.consumer) = (address(token), consumer);
        (order.escrowToken, order.escrowAmount) = (address(0), price);
        order.protocolFee = uint256(price) * PROTOCOL_BPS / 10_000;
        vm.deal(buyer, price);
        if (consumer == buyer) {
            vm.prank(buyer);
            market.buyAndOpen{value: price}(address(token), REQUEST, order.deadline, 0, limitsFor(address(0), price));
        } else {
            vm.prank(buyer);
            BuyerContract(consumer).buyAndOpen{value: price}(address(token), REQUEST, order.deadline, price);
        }
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Open));
    }

    function balance(address token, address who) private view returns (uint256) {
        return token == address(0) ? who.balance : dollar.balanceOf(who);
    }
}
