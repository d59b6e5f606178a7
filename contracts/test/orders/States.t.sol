// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Permit} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

/// @notice The truth table: what may be bought, ordered and ended in which state of the asset.
contract StatesTest is Fixture {
    Order[6] private opened;

    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 4);
        for (uint256 i = 0; i < 3; ++i) {
            (opened[i],) = openHeld(bytes32(i));
            (opened[3 + i],) = openPaid(bytes32(i));
        }
        fund(buyer, 4 * PRICE);
    }

    function test_active_takesOrders() public {
        assertTakes(IAssetRegistry.State.Active);
    }

    function test_unlisted_takesOrders() public {
        assertTakes(IAssetRegistry.State.Unlisted);
    }

    function test_retired_takesNone() public {
        assertTakesNone(IAssetRegistry.State.Retired);
    }

    function test_revoked_takesNone() public {
        assertTakesNone(IAssetRegistry.State.Revoked);
    }

    function test_orderingDisabled_takesNone() public {
        assertTakesNone(IAssetRegistry.State.OrderingDisabled);
    }

    function assertTakes(IAssetRegistry.State state) private {
        set(state);
        (OpenRequest memory request, Permit memory nothing) = (requestOf(heldOrder("new")), emptyPermit());
        vm.startPrank(buyer);
        orders.open(batchOf(request));
        market.buy(address(datatoken), 1, usual());
        market.buyWithPermit(address(datatoken), 1, usual(), nothing);
        market.buyAndOpen(request, usual());
        request.salt = "newer";
        market.buyAndOpenWithPermit(request, usual(), nothing);
        vm.stopPrank();
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        assertEveryOpenOrderEnds();
    }

    function assertTakesNone(IAssetRegistry.State state) private {
        set(state);
        (OpenRequest memory request, Permit memory nothing) = (requestOf(heldOrder("new")), emptyPermit());
        bytes memory refusal = abi.encodeWithSelector(IMarket.NotOrderable.selector, assetId);
        assertEq(refusal, abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId));
        vm.startPrank(buyer);
        vm.expectRevert(refusal);
        orders.open(batchOf(request));
        vm.expectRevert(refusal);
        market.buy(address(datatoken), 1, usual());
        vm.expectRevert(refusal);
        market.buyWithPermit(address(datatoken), 1, usual(), nothing);
        vm.expectRevert(refusal);
        market.buyAndOpen(request, usual());
        vm.expectRevert(refusal);
        market.buyAndOpenWithPermit(request, usual(), nothing);
        vm.stopPrank();
        assertEveryOpenOrderEnds();
        vm.warp(1_750_000_000);
        // And back again.
        assertTakesAgain(request);
    }

    function assertTakesAgain(OpenRequest memory request) private {
        set(IAssetRegistry.State.Active);
        vm.startPrank(buyer);
        orders.open(batchOf(request));
        market.buyAndOpen(request, usual());
    }

    function assertEveryOpenOrderEnds() private {
        uint256 held = datatoken.balanceOf(buyer);
        uint256 money = dollar.balanceOf(buyer);
        uint256 earned = market.earningsOf(address(dollar), publisher);
        for (uint256 i = 0; i < 6; i += 3) {
            fulfil(opened[i]);
            cancel(opened[i + 1]);
        }
        returnLate(opened[2]);
        returnLate(opened[5]);
        assertEq(datatoken.balanceOf(buyer), held + 2 * ONE);
        assertEq(dollar.balanceOf(buyer), money + 2 * PRICE);
        assertEq(market.earningsOf(address(dollar), publisher), earned + PRICE - PRICE / 100);
    }

    function set(IAssetRegistry.State state) private {
        // By a detour, so that also `Active` is a change.
        vm.startPrank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Retired);
        registry.setState(assetId, state);
        vm.stopPrank();
    }

    function emptyPermit() private pure returns (Permit memory permit) {}
}
