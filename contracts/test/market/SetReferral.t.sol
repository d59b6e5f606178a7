// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IMarket, Sale} from "../../src/interfaces/IMarket.sol";

contract SetReferralTest is Fixture {
    function test_setReferral_upToTheCap() public {
        uint16 cap = market.MAX_REFERRAL_BPS();
        assertEq(cap, 1_000);
        vm.expectEmit(address(market));
        emit IMarket.ReferralChanged(assetId, publisher, address(datatoken), cap);
        vm.recordLogs();
        vm.prank(publisher);
        market.setReferral(address(datatoken), cap);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(market.saleOf(address(datatoken)).referralBps, cap);
    }

    function testFuzz_setReferral_refusesMoreThanTheCap(uint16 bps) public {
        vm.prank(publisher);
        if (bps > 1_000) vm.expectRevert(abi.encodeWithSelector(IMarket.ReferralTooHigh.selector, bps, 1_000));
        market.setReferral(address(datatoken), bps);
        assertEq(market.saleOf(address(datatoken)).referralBps, bps > 1_000 ? 0 : bps);
    }

    function test_setReferral_atTheEdgesOfTheCap() public {
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ReferralTooHigh.selector, 1_001, 1_000));
        market.setReferral(address(datatoken), 1_001);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ReferralTooHigh.selector, type(uint16).max, 1_000));
        market.setReferral(address(datatoken), type(uint16).max);
    }

    function test_setReferral_backToNone() public {
        vm.startPrank(publisher);
        market.setReferral(address(datatoken), 1);
        market.setReferral(address(datatoken), 0);
        vm.stopPrank();
        assertEq(market.saleOf(address(datatoken)).referralBps, 0);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, usual());
        assertEq(market.earningsOf(address(dollar), referrer), 0);
    }

    function test_setReferral_keepsTheOtherSettings() public {
        vm.startPrank(publisher);
        market.setPaused(address(datatoken), true);
        market.setFreeLimits(address(datatoken), 1, 2);
        market.setReferral(address(datatoken), 77);
        market.setReferral(address(datatoken), 0);
        Sale memory sale = market.saleOf(address(datatoken));
        assertTrue(sale.paused);
        assertTrue(sale.limited);
        assertEq(sale.price, PRICE);
    }

    function test_setReferral_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(market));
        emit IMarket.ReferralChanged(assetId, stranger, address(datatoken), 1);
        vm.prank(stranger);
        market.setReferral(address(datatoken), 1);
    }

    function test_setReferral_refusesAnUnknownService() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.setReferral(address(dollar), 1);
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        market.setReferral(address(datatoken), 1);
    }
}
