// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {IAssetRegistry} from "../src/interfaces/IAssetRegistry.sol";
import {IMarket, Limits, Permit} from "../src/interfaces/IMarket.sol";

contract MarketBuyTest is Fixture {
    function test_buy_mintsAndCreditsEveryPart() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 500);
        fund(buyer, 3 * PRICE);
        uint256 paid = 3 * uint256(PRICE);
        uint256 referralFee = paid * 500 / 10_000;
        uint256 protocolFee = paid * PROTOCOL_BPS / 10_000;

        vm.expectEmit(address(market));
        emit IMarket.DatatokenSold(
            assetId, buyer, address(datatoken), publisher, 3, address(dollar), paid, referrer, referralFee, protocolFee
        );
        vm.prank(buyer);
        market.buy(address(datatoken), 3, usual());

        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(dollar.balanceOf(address(market)), paid);
        assertEq(market.earningsOf(address(dollar), referrer), referralFee);
        assertEq(market.earningsOf(address(dollar), treasury), protocolFee);
        assertEq(market.earningsOf(address(dollar), publisher), paid - referralFee - protocolFee);
    }

    function test_buy_withoutReferrerPaysNoReferral() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limitsFor(address(dollar), PRICE));
        assertEq(market.earningsOf(address(dollar), address(0)), 0);
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - PRICE * PROTOCOL_BPS / 10_000);
    }

    function test_buy_creditsWhoOwnsTheAssetNow() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, usual());
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertGt(market.earningsOf(address(dollar), stranger), 0);
    }

    function test_buy_withEther() public {
        (, Datatoken token) = publish("ether", address(0), 0.5 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buy{value: 1 ether}(address(token), 2, limitsFor(address(0), 0.5 ether));
        assertEq(token.balanceOf(buyer), 2 * ONE);
        assertEq(market.earningsOf(address(0), publisher), 0.99 ether);
        assertEq(market.earningsOf(address(0), treasury), 0.01 ether);
    }

    function test_buy_refusesInexactEther() public {
        (, Datatoken token) = publish("ether", address(0), 100);
        vm.deal(buyer, 1 ether);
        uint256[3] memory wrong = [uint256(0), 99, 101];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.prank(buyer);
            vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, wrong[i], 100));
            market.buy{value: wrong[i]}(address(token), 1, limitsFor(address(0), 100));
        }
    }

    function test_buy_refusesEtherWhereATokenPays() public {
        fund(buyer, PRICE);
        vm.deal(buyer, 1);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 1, 0));
        market.buy{value: 1}(address(datatoken), 1, usual());
    }

    function test_buy_freeMovesNothing() public {
        (, Datatoken token) = publish("free", address(dollar), 0);
        vm.prank(buyer);
        market.buy(address(token), 5, limitsFor(address(dollar), 0));
        assertEq(token.balanceOf(buyer), 5 * ONE);
        assertEq(dollar.balanceOf(address(market)), 0);
    }

    function test_buy_refusesNone() public {
        vm.prank(buyer);
        vm.expectRevert(IMarket.ZeroCount.selector);
        market.buy(address(datatoken), 0, usual());
    }

    function test_buy_refusesAnOverflowingCount() public {
        fund(buyer, PRICE);
        vm.prank(buyer);
        vm.expectRevert();
        market.buy(address(datatoken), type(uint256).max / PRICE + 1, usual());
        (, Datatoken free) = publish("free", address(dollar), 0);
        vm.prank(buyer);
        vm.expectRevert();
        market.buy(address(free), type(uint256).max / ONE + 1, limitsFor(address(dollar), 0));
    }

    function test_buy_refusesAnUnknownService() public {
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.buy(address(dollar), 1, usual());
    }

    function test_buy_refusesAPausedSale() public {
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        expectRefused(abi.encodeWithSelector(IMarket.SaleIsPaused.selector, address(datatoken)), usual());
        vm.prank(publisher);
        market.setPaused(address(datatoken), false);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, usual());
    }

    function test_buy_refusesWhatMayNotBeOrdered() public {
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.OrderingDisabled);
        expectRefused(abi.encodeWithSelector(IMarket.NotOrderable.selector, assetId), usual());
    }

    function test_buy_limits_atTheirBoundaries() public {
        fund(buyer, PRICE);
        Limits memory limits = usual();
        limits.deadline = uint64(block.timestamp) - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline), limits);

        limits = usual();
        limits.maxPrice = PRICE - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE, PRICE - 1), limits);

        limits = usual();
        limits.paymentToken = address(0);
        expectRefused(abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(dollar), address(0)), limits);

        limits = usual();
        limits.deadline = uint64(block.timestamp);
        limits.maxPrice = PRICE;
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limits);
    }

    function test_buy_aPriceChangeAfterTheQuoteReverts() public {
        Limits memory quoted = usual();
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE + 1);
        fund(buyer, PRICE * 2);
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE + 1, PRICE), quoted);
    }

    function test_buyWithPermit_needsNoApproval() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp);
        vm.prank(buyer);
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_aFrontRunPermitDoesNotBlock() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp);
        vm.prank(stranger);
        dollar.permit(buyer, address(market), permit.value, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(buyer);
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buyWithPermit_aBadPermitBuysNothing() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, stranger, PRICE, block.timestamp);
        vm.prank(buyer);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE)
        );
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
    }

    function test_buyWithPermit_ofAnotherBuyerBuysNothing() public {
        dollar.mint(buyer, PRICE);
        Permit memory permit = signPermit(dollar, buyerKey, address(market), PRICE, block.timestamp);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE)
        );
        market.buyWithPermit(address(datatoken), 1, usual(), permit);
    }

    function test_buyWithPermit_canNotPayEther() public {
        (, Datatoken token) = publish("ether", address(0), 100);
        Permit memory permit;
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 0, 100));
        market.buyWithPermit(address(token), 1, limitsFor(address(0), 100), permit);
    }

    /// @dev The split leaves nothing over and takes nothing twice, whatever the price, count and fees.
    function testFuzz_buy_splitIsConserved(uint96 price, uint32 count, uint16 referralBps, uint16 protocolBps) public {
        count = uint32(bound(count, 1, type(uint32).max));
        referralBps = uint16(bound(referralBps, 0, market.MAX_REFERRAL_BPS()));
        protocolBps = uint16(bound(protocolBps, 0, market.MAX_PROTOCOL_BPS()));
        deploy(protocolBps, treasury);
        (, Datatoken token) = publish(SALT, address(dollar), price);
        vm.prank(publisher);
        market.setReferral(address(token), referralBps);
        uint256 paid = uint256(price) * count;
        fund(buyer, paid);
        Limits memory limits = usual();
        limits.maxPrice = price;

        vm.prank(buyer);
        market.buy(address(token), count, limits);

        uint256 toReferrer = market.earningsOf(address(dollar), referrer);
        uint256 toProtocol = market.earningsOf(address(dollar), treasury);
        uint256 toPublisher = market.earningsOf(address(dollar), publisher);
        assertEq(toReferrer, paid * referralBps / 10_000);
        assertEq(toProtocol, paid * protocolBps / 10_000);
        assertEq(toReferrer + toProtocol + toPublisher, paid);
        assertEq(dollar.balanceOf(address(market)), paid);
        assertEq(token.balanceOf(buyer), count * ONE);
    }

    function expectRefused(bytes memory reason, Limits memory limits) private {
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buy(address(datatoken), 1, limits);
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buyAndOpen(address(datatoken), REQUEST, anHourFromNow(), 0, limits);
    }
}
