// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IMarket, Limits} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

/// @notice Several orders in one transaction: all of them, or none.
contract BuyAndOpenAllTest is Fixture {
    uint96 internal constant OTHER_PRICE = 3;

    Datatoken internal otherToken;
    uint256 internal otherAsset;

    function setUp() public override {
        super.setUp();
        (otherAsset, otherToken) = publish("other", address(dollar), OTHER_PRICE);
    }

    function test_buyAndOpenAll_opensEachForItsPrice() public {
        (OpenRequest[] memory requests, Limits[] memory limits, Order[2] memory expected) = both();
        fund(buyer, PRICE + OTHER_PRICE);
        bytes32 first = expectOpened(expected[0]);
        bytes32 second = expectOpened(expected[1]);
        vm.prank(buyer);
        bytes32[] memory opened = market.buyAndOpenAll(requests, limits);
        assertEq(opened.length, 2);
        assertEq(opened[0], first);
        assertEq(opened[1], second);
        assertEq(status(first), uint8(IOrders.Status.Open));
        assertEq(status(second), uint8(IOrders.Status.Open));
        assertEq(dollar.balanceOf(address(market)), PRICE + OTHER_PRICE);
        assertEq(dollar.balanceOf(buyer), 0);
        // Each ends by itself.
        cancel(expected[1]);
        assertEq(dollar.balanceOf(buyer), OTHER_PRICE);
        fulfil(expected[0]);
        assertEq(status(second), uint8(IOrders.Status.Cancelled));
        assertEq(status(first), uint8(IOrders.Status.Fulfilled));
    }

    function test_buyAndOpenAll_paysForTheFirstOnlyIfItPaysForAll() public {
        (OpenRequest[] memory requests, Limits[] memory limits, Order[2] memory expected) = both();
        fund(buyer, PRICE + OTHER_PRICE);
        limits[1].maxPrice = OTHER_PRICE - 1;
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, OTHER_PRICE, OTHER_PRICE - 1));
        market.buyAndOpenAll(requests, limits);
        assertEq(dollar.balanceOf(buyer), PRICE + OTHER_PRICE);
        assertEq(status(orders.orderIdOf(expected[0])), uint8(IOrders.Status.None));
    }

    function test_buyAndOpenAll_refusesTheSameOrderTwice() public {
        (OpenRequest[] memory requests, Limits[] memory limits, Order[2] memory expected) = both();
        (requests[1], limits[1]) = (requests[0], limits[0]);
        fund(buyer, 2 * PRICE);
        bytes32 id = orders.orderIdOf(expected[0]);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderExists.selector, id));
        market.buyAndOpenAll(requests, limits);
    }

    function test_buyAndOpenAll_needsLimitsForEach() public {
        (OpenRequest[] memory requests,,) = both();
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.LimitsMissing.selector, 2, 1));
        market.buyAndOpenAll(requests, new Limits[](1));
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.LimitsMissing.selector, 0, 1));
        market.buyAndOpenAll(new OpenRequest[](0), new Limits[](1));
    }

    function test_buyAndOpenAll_sellsNothingForEther() public {
        vm.prank(publisher);
        market.setPrice(address(otherToken), address(0), OTHER_PRICE);
        (OpenRequest[] memory requests, Limits[] memory limits,) = both();
        limits[1].paymentToken = address(0);
        fund(buyer, PRICE);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 0, OTHER_PRICE));
        market.buyAndOpenAll(requests, limits);
        // It takes no ether either.
        vm.deal(buyer, OTHER_PRICE);
        vm.prank(buyer);
        (bool taken,) =
            address(market).call{value: OTHER_PRICE}(abi.encodeCall(IMarket.buyAndOpenAll, (requests, limits)));
        assertFalse(taken);
        // What costs nothing is given away whatever it would be paid in.
        vm.prank(publisher);
        market.setPrice(address(otherToken), address(0), 0);
        limits[1].maxPrice = 0;
        vm.prank(buyer);
        assertEq(market.buyAndOpenAll(requests, limits).length, 2);
    }

    function test_buyAndOpenAll_countsWhatIsFree() public {
        vm.startPrank(publisher);
        market.setPrice(address(otherToken), address(dollar), 0);
        market.setFreeLimits(address(otherToken), 1, 0);
        vm.stopPrank();
        (OpenRequest[] memory requests, Limits[] memory limits,) = both();
        requests[0] = requests[1];
        requests[0].salt = "another";
        (limits[0], limits[1]) = (limitsFor(address(dollar), 0), limitsFor(address(dollar), 0));
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WalletLimitReached.selector, address(otherToken), buyer, 1, 1));
        market.buyAndOpenAll(requests, limits);
    }

    function both()
        private
        view
        returns (OpenRequest[] memory requests, Limits[] memory limits, Order[2] memory expected)
    {
        expected[0] = paidOrder("a", 0);
        expected[1] = paidOrder("a", 0);
        (expected[1].assetId, expected[1].datatoken) = (otherAsset, address(otherToken));
        expected[1].escrowAmount = OTHER_PRICE;
        expected[1].protocolFee = uint256(OTHER_PRICE) * PROTOCOL_BPS / 10_000;
        requests = new OpenRequest[](2);
        limits = new Limits[](2);
        for (uint256 i = 0; i < 2; ++i) {
            requests[i] = requestOf(expected[i]);
            limits[i] = usual();
        }
        limits[1].maxPrice = OTHER_PRICE;
    }
}
