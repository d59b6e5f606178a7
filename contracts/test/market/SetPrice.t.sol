// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IMarket, Sale} from "../../src/interfaces/IMarket.sol";

contract SetPriceTest is Fixture {
    function test_setPrice() public {
        vm.expectEmit(address(market));
        emit IMarket.PriceChanged(assetId, publisher, address(datatoken), address(0), 9);
        vm.recordLogs();
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 9);
        assertEq(vm.getRecordedLogs().length, 1);
        Sale memory sale = market.saleOf(address(datatoken));
        assertEq(sale.paymentToken, address(0));
        assertEq(sale.price, 9);
    }

    /// @dev Price and settings are kept apart; a change of one must not undo the other.
    function test_setPrice_keepsEverySetting() public {
        vm.startPrank(publisher);
        market.setPaused(address(datatoken), true);
        market.setReferral(address(datatoken), 77);
        market.setFreeLimits(address(datatoken), 1, 2);
        market.setPrice(address(datatoken), address(dollar), 0);
        Sale memory sale = market.saleOf(address(datatoken));
        assertTrue(sale.paused);
        assertEq(sale.referralBps, 77);
        assertTrue(sale.limited);
        assertEq(sale.price, 0);
    }

    function test_setPrice_ofOneServiceIsNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), 9);
        assertEq(market.saleOf(address(other)).price, PRICE);
        assertEq(market.saleOf(address(other)).paymentToken, address(dollar));
    }

    function test_setPrice_refusesWhatCanNotPay() public {
        expectRefused(
            abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, address(datatoken)), address(datatoken), 1
        );
        expectRefused(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger), stranger, 1);
        // Also for nothing: the price may change later, the mistake would stay.
        expectRefused(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger), stranger, 0);
    }

    function testFuzz_setPrice_keepsEveryPriceThatFits(uint96 price) public {
        if (price >= 2 ** 88) {
            expectRefused(abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, price), address(dollar), price);
        } else {
            vm.prank(publisher);
            market.setPrice(address(datatoken), address(dollar), price);
            assertEq(market.saleOf(address(datatoken)).price, price);
            assertEq(market.saleOf(address(datatoken)).paymentToken, address(dollar));
        }
    }

    function test_setPrice_atTheEdgeOfWhatFits() public {
        expectRefused(
            abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, uint96(2 ** 88)), address(dollar), 2 ** 88
        );
        expectRefused(
            abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, type(uint96).max), address(0), type(uint96).max
        );
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 2 ** 88 - 1);
        assertEq(market.saleOf(address(datatoken)).price, 2 ** 88 - 1);
    }

    function test_setPrice_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectCallerRefused(stranger);
        expectCallerRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectCallerRefused(publisher);
        vm.expectEmit(address(market));
        emit IMarket.PriceChanged(assetId, stranger, address(datatoken), address(dollar), 1);
        vm.prank(stranger);
        market.setPrice(address(datatoken), address(dollar), 1);
    }

    function test_setPrice_refusesAnUnknownService() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.setPrice(address(dollar), address(dollar), 1);
    }

    function expectRefused(bytes memory reason, address paymentToken, uint96 price) private {
        vm.prank(publisher);
        vm.expectRevert(reason);
        market.setPrice(address(datatoken), paymentToken, price);
        assertEq(market.saleOf(address(datatoken)).price, PRICE);
    }

    function expectCallerRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        market.setPrice(address(datatoken), address(dollar), 0);
    }
}
