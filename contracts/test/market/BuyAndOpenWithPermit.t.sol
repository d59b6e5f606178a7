// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IMarket, Limits, Permit} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

contract BuyAndOpenWithPermitTest is Fixture {
    function setUp() public override {
        super.setUp();
        dollar.mint(buyer, PRICE);
    }

    function test_buyAndOpenWithPermit_oneSignatureOneTransaction() public {
        Order memory order = paidOrder("a", 0);
        Permit memory permit = permitFor(PRICE);
        bytes32 id = expectOpened(order);
        vm.prank(buyer);
        assertEq(market.buyAndOpenWithPermit(requestOf(order), usual(), permit), id);
        assertEq(status(id), uint8(IOrders.Status.Open));
        assertEq(dollar.balanceOf(address(market)), PRICE);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(dollar.allowance(buyer, address(market)), 0);
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_buyAndOpenWithPermit_aFrontRunPermitDoesNotBlock() public {
        Permit memory permit = permitFor(PRICE);
        dollar.permit(buyer, address(market), permit.value, permit.deadline, permit.v, permit.r, permit.s);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        vm.prank(buyer);
        bytes32 id = market.buyAndOpenWithPermit(request, usual(), permit);
        assertEq(status(id), uint8(IOrders.Status.Open));
    }

    function test_buyAndOpenWithPermit_aWorthlessPermitOpensNothing() public {
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        Permit memory permit = signPermit(dollar, buyerKey, stranger, PRICE, block.timestamp);
        bytes memory refusal =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE);
        vm.prank(buyer);
        vm.expectRevert(refusal);
        market.buyAndOpenWithPermit(request, usual(), permit);
        permit = permitFor(PRICE);
        vm.prank(stranger);
        vm.expectRevert(refusal);
        market.buyAndOpenWithPermit(request, usual(), permit);
    }

    function test_buyAndOpenWithPermit_canNotPayEther() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 100);
        OpenRequest memory request = requestOf(heldOrder("a"));
        Permit memory nothing;
        vm.deal(buyer, 100);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 0, 100));
        market.buyAndOpenWithPermit(request, limitsFor(address(0), 100), nothing);
        vm.prank(buyer);
        (bool ok,) = address(market).call{value: 100}(
            abi.encodeCall(IMarket.buyAndOpenWithPermit, (request, limitsFor(address(0), 100), nothing))
        );
        assertFalse(ok);
    }

    function test_buyAndOpenWithPermit_hasTheSameLimits() public {
        Permit memory permit = permitFor(PRICE);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        Limits memory limits = usual();
        limits.maxPrice = PRICE - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE, PRICE - 1), request, limits, permit);
        limits = usual();
        limits.deadline = uint64(block.timestamp) - 1;
        expectRefused(
            abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline), request, limits, permit
        );
        limits = usual();
        limits.paymentToken = stranger;
        expectRefused(
            abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(dollar), stranger),
            request,
            limits,
            permit
        );
        request.provider = stranger;
        expectRefused(
            abi.encodeWithSelector(IOrders.WrongProvider.selector, provider, stranger), request, usual(), permit
        );
        // What was refused did not use the permit up.
        request.provider = provider;
        vm.prank(buyer);
        market.buyAndOpenWithPermit(request, usual(), permit);
    }

    function permitFor(uint256 value) private view returns (Permit memory) {
        return signPermit(dollar, buyerKey, address(market), value, block.timestamp);
    }

    function expectRefused(bytes memory reason, OpenRequest memory request, Limits memory limits, Permit memory permit)
        private
    {
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buyAndOpenWithPermit(request, limits, permit);
    }
}
