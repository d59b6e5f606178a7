// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IMarket, Limits, Permit} from "../../src/interfaces/IMarket.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";

contract BuyWithPermitTest is Fixture {
    function setUp() public override {
        super.setUp();
        dollar.mint(buyer, 3 * PRICE);
    }

    function test_buyWithPermit_needsNoApproval() public {
        Permit memory permit = permitFor(2 * PRICE);
        uint256 paid = 2 * uint256(PRICE);
        uint256 protocolFee = paid / 100;
        vm.expectEmit(address(market));
        emit IMarket.DatatokenSold(
            assetId, buyer, address(datatoken), publisher, 2, address(dollar), paid, referrer, 0, protocolFee
        );
        vm.prank(buyer);
        market.buyWithPermit(address(datatoken), 2, usual(), permit);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        assertEq(dollar.balanceOf(buyer), PRICE);
        assertEq(dollar.balanceOf(address(market)), paid);
        assertEq(dollar.allowance(buyer, address(market)), 0);
        assertEq(market.earningsOf(address(dollar), publisher), paid - protocolFee);
    }

    function test_buyWithPermit_aFrontRunPermitDoesNotBlock() public {
        Permit memory permit = permitFor(PRICE);
        vm.prank(stranger);
        dollar.permit(buyer, address(market), permit.value, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(buyer);
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_aWorthlessPermitIsNoErrorWhereTheAllowanceSuffices() public {
        Permit memory nothing;
        vm.startPrank(buyer);
        dollar.approve(address(market), PRICE);
        market.buyWithPermit(address(datatoken), 1, usual(), nothing);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_aWorthlessPermitBuysNothing() public {
        Permit memory permit = signPermit(dollar, buyerKey, stranger, PRICE, block.timestamp);
        expectRefused(buyer, permit, 0);
        permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp - 1);
        expectRefused(buyer, permit, 0);
        permit = permitFor(PRICE);
        permit.s = bytes32(uint256(permit.s) ^ 1);
        expectRefused(buyer, permit, 0);
        // Of another, who did not ask for anything.
        expectRefused(stranger, permitFor(PRICE), 0);
        // Valid, and too little.
        expectRefused(buyer, permitFor(PRICE - 1), PRICE - 1);
    }

    function test_buyWithPermit_aTokenWithoutPermit() public {
        MintableToken token = new MintableToken(6);
        token.mint(buyer, PRICE);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(token), PRICE);
        Permit memory nothing;
        Limits memory limits = limitsFor(address(token), PRICE);
        vm.startPrank(buyer);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE)
        );
        market.buyWithPermit(address(datatoken), 1, limits, nothing);
        token.approve(address(market), PRICE);
        market.buyWithPermit(address(datatoken), 1, limits, nothing);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_canNotPayEther() public {
        (, Datatoken token) = publish("ether", address(0), 100);
        Permit memory nothing;
        vm.deal(buyer, 100);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 0, 100));
        market.buyWithPermit(address(token), 1, limitsFor(address(0), 100), nothing);
        vm.prank(buyer);
        (bool ok,) = address(market).call{value: 100}(
            abi.encodeCall(IMarket.buyWithPermit, (address(token), 1, limitsFor(address(0), 100), nothing))
        );
        assertFalse(ok);
    }

    function test_buyWithPermit_freeForEtherNeedsNone() public {
        (, Datatoken token) = publish("free", address(0), 0);
        Permit memory nothing;
        vm.prank(buyer);
        market.buyWithPermit(address(token), 1, limitsFor(address(0), 0), nothing);
        assertEq(token.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_hasTheSameLimits() public {
        Permit memory permit = permitFor(PRICE);
        Limits memory limits = usual();
        limits.maxPrice = PRICE - 1;
        expectLimitRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE, PRICE - 1), limits, permit);
        limits = usual();
        limits.deadline = uint64(block.timestamp) - 1;
        expectLimitRefused(abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline), limits, permit);
        limits = usual();
        limits.paymentToken = address(0);
        expectLimitRefused(
            abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(dollar), address(0)), limits, permit
        );
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CountOutOfRange.selector, 0, type(uint32).max));
        market.buyWithPermit(address(datatoken), 0, usual(), permit);
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        expectLimitRefused(abi.encodeWithSelector(IMarket.SaleIsPaused.selector, address(datatoken)), usual(), permit);
        // What was refused did not use the permit up.
        assertEq(dollar.nonces(buyer), 0);
    }

    function permitFor(uint256 value) private view returns (Permit memory) {
        return signPermit(dollar, buyerKey, address(market), value, block.timestamp);
    }

    function expectRefused(address caller, Permit memory permit, uint256 allowance) private {
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), allowance, PRICE)
        );
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
    }

    function expectLimitRefused(bytes memory reason, Limits memory limits, Permit memory permit) private {
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buyWithPermit(address(datatoken), 1, limits, permit);
    }
}
