// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {Order} from "../../src/interfaces/IOrders.sol";
import {RevertingGate} from "../mocks/Gates.sol";

/// @notice Whatever a publisher changes, an open order keeps what it was opened with.
contract LaterChangesTest is Fixture {
    function test_fulfil_paysWhatWasAgreed() public {
        (Order memory order,) = openPaid("a");
        changeEverything();
        fulfil(order);
        assertEq(market.earningsOf(address(dollar), referrer), 0);
        assertEq(market.earningsOf(address(dollar), treasury), order.protocolFee);
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - order.protocolFee);
        assertEq(market.earningsOf(address(0), publisher), 0);
    }

    function test_cancel_givesBackWhatWasPaid() public {
        (Order memory order,) = openPaid("a");
        changeEverything();
        cancel(order);
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(address(market)), 0);
    }

    function test_returnExpired_givesBackWhatWasPaid() public {
        (Order memory order,) = openPaid("a");
        changeEverything();
        returnLate(order);
        assertEq(dollar.balanceOf(buyer), PRICE);
    }

    function test_heldOrders_alike() public {
        holdDatatokens(buyer, 3);
        (Order memory first,) = openHeld("a");
        (Order memory second,) = openHeld("b");
        (Order memory third,) = openHeld("c");
        changeEverything();
        fulfil(first);
        cancel(second);
        returnLate(third);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        assertEq(datatoken.totalSupply(), 2 * ONE);
    }

    function testFuzz_aNewPriceIsNoneOfAnOpenOrder(uint96 price, uint16 bps, bool inEther) public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 500);
        Order memory order = paidOrder("a", PRICE / 20);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(order), usual());
        vm.startPrank(publisher);
        market.setPrice(
            address(datatoken), inEther ? address(0) : address(dollar), uint96(bound(price, 0, 2 ** 88 - 1))
        );
        market.setReferral(address(datatoken), uint16(bound(bps, 0, 1_000)));
        vm.stopPrank();
        fulfil(order);
        assertEq(market.earningsOf(address(dollar), referrer), PRICE / 20);
        assertEq(market.earningsOf(address(dollar), treasury), PRICE / 100);
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - PRICE / 20 - PRICE / 100);
    }

    function changeEverything() private {
        address gate = address(new RevertingGate());
        vm.startPrank(publisher);
        market.setReferral(address(datatoken), 1_000);
        market.setFreeLimits(address(datatoken), 1, 1);
        market.setPrice(address(datatoken), address(0), 1);
        market.setPaused(address(datatoken), true);
        orders.setProvider(address(datatoken), stranger);
        orders.setGate(address(datatoken), gate);
        registry.updateMetadata(assetId, "something else");
        registry.setState(assetId, IAssetRegistry.State.Revoked);
        vm.stopPrank();
    }
}
