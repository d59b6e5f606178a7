// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Market} from "../../src/Market.sol";
import {FreeLimits, IMarket, Sale} from "../../src/interfaces/IMarket.sol";

/// @notice What a deployment may claim, and what the market says about itself.
contract MarketViewsTest is Fixture {
    function test_describesItself() public view {
        assertEq(address(market.REGISTRY()), address(registry));
        assertEq(address(market.ORDERS()), address(orders));
        assertEq(market.PROTOCOL_FEE_BPS(), PROTOCOL_BPS);
        assertEq(market.FEE_RECEIVER(), treasury);
        assertEq(market.MAX_REFERRAL_BPS(), 1_000);
        assertEq(market.MAX_PROTOCOL_BPS(), 500);
        assertEq(market.REFUND_GAS(), 200_000);
        assertEq(market.REFUND_GAS_LEFT(), 260_000);
    }

    function test_deployment_protocolFeeIsCapped() public {
        Market free = new Market(address(1), address(2), 0, address(0));
        assertEq(free.PROTOCOL_FEE_BPS(), 0);
        Market dearest = new Market(address(1), address(2), 500, treasury);
        assertEq(dearest.PROTOCOL_FEE_BPS(), 500);
        new Market(address(1), address(2), 0, treasury);
        assertRefused(501, treasury);
        assertRefused(type(uint16).max, treasury);
    }

    function test_deployment_aProtocolFeeNeedsAReceiver() public {
        assertRefused(1, address(0));
    }

    function assertRefused(uint16 bps, address receiver) private {
        bool refused = false;
        try new Market(address(1), address(2), bps, receiver) {}
        catch (bytes memory reason) {
            refused = true;
            assertEq(reason, abi.encodeWithSelector(IMarket.InvalidProtocolFee.selector, bps, receiver));
        }
        assertTrue(refused, "it was deployed");
    }

    function test_saleOf() public {
        Sale memory sale = market.saleOf(address(datatoken));
        assertEq(sale.paymentToken, address(dollar));
        assertEq(sale.price, PRICE);
        assertEq(sale.referralBps, 0);
        assertFalse(sale.paused);
        assertFalse(sale.limited);
        address[3] memory others = [address(implementation), address(dollar), address(0)];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, others[i]));
            market.saleOf(others[i]);
        }
    }

    function testFuzz_saleOf_saysWhatWasSet(uint96 price, bool paused, uint16 bps, uint64 perWallet, uint64 total)
        public
    {
        price = uint96(bound(price, 0, 2 ** 88 - 1));
        bps = uint16(bound(bps, 0, 1_000));
        vm.startPrank(publisher);
        market.setPaused(address(datatoken), paused);
        market.setReferral(address(datatoken), bps);
        market.setFreeLimits(address(datatoken), perWallet, total);
        market.setPrice(address(datatoken), address(0), price);
        Sale memory sale = market.saleOf(address(datatoken));
        assertEq(sale.paymentToken, address(0));
        assertEq(sale.price, price);
        assertEq(sale.referralBps, bps);
        assertEq(sale.paused, paused);
        assertEq(sale.limited, perWallet != 0 || total != 0);
        FreeLimits memory limits = market.freeLimitsOf(address(datatoken));
        assertEq(limits.perWallet, perWallet);
        assertEq(limits.total, total);
    }

    function test_ofWhatIsNotThereEverythingIsZero() public view {
        assertEq(market.earningsOf(address(dollar), stranger), 0);
        assertEq(market.takenFreeBy(address(dollar), stranger), 0);
        assertEq(market.freeLimitsOf(address(dollar)).perWallet, 0);
    }
}
