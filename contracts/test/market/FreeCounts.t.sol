// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

/// @notice What was taken for nothing: what counts, what counts no longer, and that the total is the accounts' sum.
contract FreeCountsTest is Fixture {
    function setUp() public override {
        super.setUp();
        vm.startPrank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        market.setFreeLimits(address(datatoken), 3, 10);
        vm.stopPrank();
    }

    function test_aFulfilledOrderCounts() public {
        Order memory order = open(buyer, "a");
        assertCounts(1, 1);
        fulfil(order);
        assertCounts(1, 1);
    }

    function test_aCancelledOrderNoLongerCounts() public {
        Order memory order = open(buyer, "a");
        open(buyer, "b");
        cancel(order);
        assertCounts(1, 1);
    }

    function test_aReturnedOrderNoLongerCounts() public {
        Order memory order = open(buyer, "a");
        returnLate(order);
        assertCounts(0, 0);
    }

    function test_aCancelledOrderCountsBackForItsConsumerOnly() public {
        Order memory order = open(buyer, "a");
        take(stranger, 2);
        cancel(order);
        assertCounts(0, 2);
        assertEq(market.takenFreeBy(address(datatoken), stranger), 2);
    }

    function test_whatIsGivenBackCanBeTakenAgain() public {
        take(buyer, 2);
        Order memory order = open(buyer, "a");
        cancel(order);
        open(buyer, "b");
        assertCounts(3, 3);
    }

    /// @dev A datatoken that was taken for nothing is held: redeeming it without success gives it back, not its count.
    function test_aCancelledOrderWithAHeldDatatokenStillCounts() public {
        take(buyer, 1);
        (Order memory order,) = openHeld("a");
        cancel(order);
        assertCounts(1, 1);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_aPaidOrderThatFailedGivesNoCountBack() public {
        take(buyer, 1);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE);
        (Order memory order,) = openPaid("a");
        cancel(order);
        assertCounts(1, 1);
    }

    function test_aFreeOrderCountsBackAfterThePriceRose() public {
        Order memory order = open(buyer, "a");
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), PRICE);
        cancel(order);
        assertCounts(0, 0);
    }

    function test_countsSurviveThatThePriceWasNotZeroMeanwhile() public {
        take(buyer, 2);
        vm.startPrank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE);
        market.setPrice(address(datatoken), address(dollar), 0);
        vm.stopPrank();
        assertCounts(2, 2);
        take(buyer, 1);
        assertCounts(3, 3);
    }

    function test_whatWasTakenWithoutALimitDoesNotCount() public {
        limit(0, 0);
        take(buyer, 100);
        open(buyer, "a");
        assertCounts(0, 0);
        limit(3, 10);
        assertCounts(0, 0);
        take(buyer, 3);
        assertCounts(3, 3);
    }

    function test_countsSurviveThatThereWasNoLimitMeanwhile() public {
        take(buyer, 2);
        limit(0, 0);
        take(buyer, 50);
        limit(3, 10);
        assertCounts(2, 2);
    }

    /// @dev While nothing is limited, nothing is counted either way.
    function test_anOrderThatFailsWhileThereIsNoLimitStillCounts() public {
        Order memory order = open(buyer, "a");
        limit(0, 0);
        cancel(order);
        limit(3, 10);
        assertCounts(1, 1);
    }

    function test_anOrderFromBeforeTheLimitsCountsBackNothing() public {
        limit(0, 0);
        Order memory order = open(buyer, "a");
        limit(3, 10);
        take(stranger, 1);
        cancel(order);
        assertCounts(0, 1);
        assertEq(market.takenFreeBy(address(datatoken), stranger), 1);
    }

    /// @dev The contract can not tell the two orders apart; what it can is to keep the total the accounts' sum.
    function test_anOrderFromBeforeTheLimitsUndoesAtMostAnotherOfItsConsumer() public {
        limit(0, 0);
        Order memory early = open(buyer, "a");
        Order memory earlier = open(buyer, "b");
        limit(3, 10);
        open(buyer, "c");
        cancel(early);
        assertCounts(0, 0);
        cancel(earlier);
        assertCounts(0, 0);
    }

    function test_countsOfOneServiceAreNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), 0);
        vm.prank(publisher);
        market.setFreeLimits(address(other), 1, 1);
        take(buyer, 3);
        vm.prank(buyer);
        market.buy(address(other), 1, limitsFor(address(dollar), 0));
        assertCounts(3, 3);
        assertEq(market.takenFreeBy(address(other), buyer), 1);
        assertEq(market.freeLimitsOf(address(other)).taken, 1);
    }

    function test_countsStayWithTheServiceWhenTheAssetIsSold() public {
        take(buyer, 3);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertCounts(3, 3);
    }

    /// @dev Whatever happens in whatever order, the total is the sum of the accounts' counts.
    function testFuzz_totalIsTheSumOfTheAccounts(uint8[24] calldata steps) public {
        Order[] memory opened = new Order[](24);
        uint256 count = 0;
        address[3] memory people = [buyer, stranger, provider];
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 what = steps[i] % 6;
            address who = people[uint256(steps[i]) / 6 % 3];
            if (what == 0) {
                vm.prank(who);
                try market.buy(address(datatoken), uint256(steps[i]) / 18 % 3 + 1, limitsFor(address(dollar), 0)) {}
                    catch {}
            } else if (what == 1 || what == 2) {
                Order memory order = heldOrder(bytes32(i));
                (order.consumer, order.escrowToken, order.escrowAmount) = (who, address(dollar), 0);
                vm.prank(who);
                try market.buyAndOpen(requestOf(order), limitsFor(address(dollar), 0)) {
                    opened[count++] = order;
                } catch {}
            } else if (what == 3 && count != 0) {
                cancel(opened[--count]);
            } else if (what == 4 && count != 0) {
                fulfil(opened[--count]);
            } else if (what == 5) {
                if (market.saleOf(address(datatoken)).limited) limit(0, 0);
                else limit(3, 10);
            }
            uint256 sum = 0;
            for (uint256 j = 0; j < people.length; ++j) {
                uint256 mine = market.takenFreeBy(address(datatoken), people[j]);
                assertLe(mine, 3);
                sum += mine;
            }
            assertEq(market.freeLimitsOf(address(datatoken)).taken, sum);
            assertLe(sum, 10);
        }
    }

    function limit(uint64 perWallet, uint64 total) private {
        vm.prank(publisher);
        market.setFreeLimits(address(datatoken), perWallet, total);
    }

    function take(address who, uint256 count) private {
        vm.prank(who);
        market.buy(address(datatoken), count, limitsFor(address(dollar), 0));
    }

    function open(address who, bytes32 salt) private returns (Order memory order) {
        order = heldOrder(salt);
        (order.consumer, order.escrowToken, order.escrowAmount) = (who, address(dollar), 0);
        OpenRequest memory request = requestOf(order);
        vm.prank(who);
        assertEq(market.buyAndOpen(request, limitsFor(address(dollar), 0)), orders.orderIdOf(order));
    }

    function assertCounts(uint256 ofBuyer, uint256 total) private view {
        assertEq(market.takenFreeBy(address(datatoken), buyer), ofBuyer);
        assertEq(market.freeLimitsOf(address(datatoken)).taken, total);
    }
}
