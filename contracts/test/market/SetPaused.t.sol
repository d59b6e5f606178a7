// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IMarket, Permit, Sale} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

contract SetPausedTest is Fixture {
    function test_setPaused_thereAndBack() public {
        bool[4] memory states = [true, true, false, false];
        for (uint256 i = 0; i < states.length; ++i) {
            vm.expectEmit(address(market));
            emit IMarket.SalePaused(assetId, publisher, address(datatoken), states[i]);
            vm.recordLogs();
            vm.prank(publisher);
            market.setPaused(address(datatoken), states[i]);
            assertEq(vm.getRecordedLogs().length, 1);
            assertEq(market.saleOf(address(datatoken)).paused, states[i]);
        }
    }

    function test_setPaused_stopsEveryWayToBuy() public {
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        Permit memory nothing;
        fund(buyer, PRICE);
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        bytes memory refusal = abi.encodeWithSelector(IMarket.SaleIsPaused.selector, address(datatoken));
        vm.startPrank(buyer);
        vm.expectRevert(refusal);
        market.buy(address(datatoken), 1, usual());
        vm.expectRevert(refusal);
        market.buyWithPermit(address(datatoken), 1, usual(), nothing);
        vm.expectRevert(refusal);
        market.buyAndOpen(request, usual());
        vm.expectRevert(refusal);
        market.buyAndOpenWithPermit(request, usual(), nothing);
    }

    function test_setPaused_stopsNeitherHeldDatatokensNorOpenOrders() public {
        holdDatatokens(buyer, 1);
        (Order memory paid,) = openPaid("a");
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        (Order memory held,) = openHeld("a");
        fulfil(paid);
        cancel(held);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_setPaused_keepsTheOtherSettings() public {
        vm.startPrank(publisher);
        market.setReferral(address(datatoken), 77);
        market.setFreeLimits(address(datatoken), 1, 2);
        market.setPaused(address(datatoken), true);
        market.setPaused(address(datatoken), false);
        Sale memory sale = market.saleOf(address(datatoken));
        assertEq(sale.referralBps, 77);
        assertTrue(sale.limited);
        assertEq(sale.price, PRICE);
        assertEq(sale.paymentToken, address(dollar));
    }

    function test_setPaused_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(market));
        emit IMarket.SalePaused(assetId, stranger, address(datatoken), true);
        vm.prank(stranger);
        market.setPaused(address(datatoken), true);
    }

    function test_setPaused_refusesAnUnknownService() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.setPaused(address(dollar), true);
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        market.setPaused(address(datatoken), true);
    }
}
