// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IMarket, Sale} from "../../src/interfaces/IMarket.sol";

/// @notice What the registry tells the market about a new service. Through `publish` and `addService`: see there.
contract ListTest is Fixture {
    address private foretold;

    function setUp() public override {
        super.setUp();
        foretold = registry.datatokenOf(assetId, 1, provider);
    }

    function test_list_startsAPlainSaleWithoutAnEvent() public {
        vm.recordLogs();
        vm.prank(address(registry));
        market.list(foretold, address(dollar), 7);
        assertEq(vm.getRecordedLogs().length, 0);
        Sale memory sale = market.saleOf(foretold);
        assertEq(sale.paymentToken, address(dollar));
        assertEq(sale.price, 7);
        assertEq(sale.referralBps, 0);
        assertFalse(sale.paused);
        assertFalse(sale.limited);
    }

    function test_list_isTheRegistrysOnly() public {
        address[6] memory callers = [publisher, provider, stranger, address(market), address(orders), treasury];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotRegistry.selector, callers[i]));
            market.list(foretold, address(dollar), 7);
        }
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, foretold));
        market.saleOf(foretold);
    }

    function test_list_refusesWhatCanNotPay() public {
        expectRefused(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, foretold), foretold, 7);
        expectRefused(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger), stranger, 7);
        expectRefused(
            abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, uint96(2 ** 88)), address(dollar), 2 ** 88
        );
        expectRefused(
            abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, type(uint96).max), address(0), type(uint96).max
        );
    }

    function testFuzz_list_keepsEveryPriceThatFits(uint96 price) public {
        if (price >= 2 ** 88) {
            expectRefused(abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, price), address(0), price);
        } else {
            vm.prank(address(registry));
            market.list(foretold, address(0), price);
            assertEq(market.saleOf(foretold).price, price);
        }
    }

    function expectRefused(bytes memory reason, address paymentToken, uint96 price) private {
        vm.prank(address(registry));
        vm.expectRevert(reason);
        market.list(foretold, paymentToken, price);
    }
}
