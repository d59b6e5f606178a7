// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {Market} from "../src/Market.sol";
import {ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {IMarket, Sale} from "../src/interfaces/IMarket.sol";
import {Order} from "../src/interfaces/IOrders.sol";
import {RejectingBuyer} from "./mocks/Buyers.sol";

/// @notice Who may change a sale, who may take money out, and what a deployment may claim.
contract MarketRightsTest is Fixture {
    function test_setPrice() public {
        vm.expectEmit(address(market));
        emit IMarket.PriceChanged(assetId, address(datatoken), publisher, address(0), 9);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 9);
        Sale memory sale = market.saleOf(address(datatoken));
        assertEq(sale.paymentToken, address(0));
        assertEq(sale.price, 9);
        assertEq(sale.provider, provider);
    }

    function test_setPrice_refusesTheDatatokenItselfAndAddressesWithoutCode() public {
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, address(datatoken)));
        market.setPrice(address(datatoken), address(datatoken), 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger));
        market.setPrice(address(datatoken), stranger, 1);
    }

    function test_list_refusesTheDatatokenItselfAndAddressesWithoutCode() public {
        address foretold = registry.datatokenOf(assetId, 1);
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, foretold));
        registry.addService(assetId, 1, ServiceTerms(provider, foretold, 1));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger));
        registry.addService(assetId, 1, ServiceTerms(provider, stranger, 1));
    }

    function test_list_isTheRegistrysOnly() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotRegistry.selector, publisher));
        market.list(assetId, address(dollar), ServiceTerms(provider, address(dollar), 1));
    }

    function test_setPaused() public {
        vm.expectEmit(address(market));
        emit IMarket.SalePaused(assetId, address(datatoken), publisher, true);
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        assertTrue(market.saleOf(address(datatoken)).paused);
    }

    function test_setReferral_upToTheCap() public {
        uint16 cap = market.MAX_REFERRAL_BPS();
        assertEq(cap, 1_000);
        vm.startPrank(publisher);
        vm.expectEmit(address(market));
        emit IMarket.ReferralChanged(assetId, address(datatoken), publisher, cap);
        market.setReferral(address(datatoken), cap);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ReferralTooHigh.selector, cap + 1, cap));
        market.setReferral(address(datatoken), cap + 1);
        assertEq(market.saleOf(address(datatoken)).referralBps, cap);
    }

    function test_setProvider_zeroMeansTheCaller() public {
        vm.startPrank(publisher);
        vm.expectEmit(address(market));
        emit IMarket.ProviderChanged(assetId, address(datatoken), publisher, stranger);
        market.setProvider(address(datatoken), stranger);
        assertEq(market.saleOf(address(datatoken)).provider, stranger);
        vm.expectEmit(address(market));
        emit IMarket.ProviderChanged(assetId, address(datatoken), publisher, publisher);
        market.setProvider(address(datatoken), address(0));
        assertEq(market.saleOf(address(datatoken)).provider, publisher);
    }

    function test_everySaleRight_isTheOwnersOnly() public {
        assertRefused(stranger);
        assertRefused(provider);
    }

    function test_everySaleRight_movesWithTheAsset() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertRefused(publisher);
        vm.prank(stranger);
        market.setPrice(address(datatoken), address(dollar), 1);
    }

    function test_rights_ofAnUnknownService() public {
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.setPaused(address(dollar), true);
    }

    function test_withdraw_paysAllOfOneTokenToTheCaller() public {
        holdDatatokens(buyer, 2);
        uint256 earned = market.earningsOf(address(dollar), publisher);
        vm.expectEmit(address(market));
        emit IMarket.Withdrawn(publisher, address(dollar), earned);
        vm.prank(publisher);
        assertEq(market.withdraw(address(dollar)), earned);
        assertEq(dollar.balanceOf(publisher), earned);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        // The others' parts are still there.
        assertEq(dollar.balanceOf(address(market)), market.earningsOf(address(dollar), treasury));
    }

    function test_withdraw_twiceIsNothing() public {
        holdDatatokens(buyer, 1);
        vm.startPrank(publisher);
        market.withdraw(address(dollar));
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, publisher, address(dollar)));
        market.withdraw(address(dollar));
    }

    function test_withdraw_formerOwnerKeepsWhatItEarnedAndNoMore() public {
        holdDatatokens(buyer, 1);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, stranger, address(dollar)));
        market.withdraw(address(dollar));
        vm.prank(publisher);
        assertEq(market.withdraw(address(dollar)), PRICE - PRICE * PROTOCOL_BPS / 10_000);
    }

    function test_withdraw_ether() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 1 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buy{value: 1 ether}(address(datatoken), 1, limitsFor(address(0), 1 ether));
        vm.prank(publisher);
        market.withdraw(address(0));
        assertEq(publisher.balance, 0.99 ether);
    }

    function test_withdraw_etherToWhomRefusesItReverts() public {
        RejectingBuyer owner = new RejectingBuyer(market, orders);
        vm.prank(publisher);
        registry.transferFrom(publisher, address(owner), assetId);
        vm.prank(address(owner));
        market.setPrice(address(datatoken), address(0), 1 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buy{value: 1 ether}(address(datatoken), 1, limitsFor(address(0), 1 ether));
        vm.prank(address(owner));
        vm.expectRevert(abi.encodeWithSelector(IMarket.EtherRefused.selector, address(owner)));
        market.withdraw(address(0));
        assertEq(market.earningsOf(address(0), address(owner)), 0.99 ether);
    }

    function test_escrowFunctions_areNotForAnyoneElse() public {
        Order memory order;
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotOrders.selector, publisher));
        market.settle(order, publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotOrders.selector, publisher));
        market.refund(order);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotSelf.selector, publisher));
        market.push(address(dollar), publisher, 1);
    }

    function test_market_takesNoUnaskedEther() public {
        vm.deal(stranger, 1);
        vm.prank(stranger);
        (bool accepted,) = address(market).call{value: 1}("");
        assertFalse(accepted);
    }

    function test_deployment_protocolFeeIsCapped() public {
        uint16 cap = market.MAX_PROTOCOL_BPS();
        assertEq(cap, 500);
        new Market(address(1), address(2), cap, treasury);
        new Market(address(1), address(2), 0, address(0));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidProtocolFee.selector, cap + 1, treasury));
        new Market(address(1), address(2), cap + 1, treasury);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidProtocolFee.selector, 1, address(0)));
        new Market(address(1), address(2), 1, address(0));
    }

    function assertRefused(address caller) private {
        bytes memory refusal = abi.encodeWithSelector(IMarket.NotAssetOwner.selector, caller, assetId);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        market.setPrice(address(datatoken), address(dollar), 0);
        vm.expectRevert(refusal);
        market.setPaused(address(datatoken), true);
        vm.expectRevert(refusal);
        market.setReferral(address(datatoken), 1);
        vm.expectRevert(refusal);
        market.setProvider(address(datatoken), caller);
        vm.stopPrank();
    }
}
