// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Limits} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";

/// @notice A price is in base units, so decimals are none of the market's business: the same holds with 0, 2, 6, 18 and 24.
contract DecimalsTest is Fixture {
    uint16 private constant REFERRAL_BPS = 333;

    function testFuzz_decimals_aPurchaseIsDividedWithoutARest(uint8 which, uint96 price, uint8 count) public {
        MintableToken token = tokenWith(which);
        (uint96 cost, uint256 many) = (uint96(bound(price, 0, 2 ** 88 - 1)), bound(count, 1, 255));
        sell(token, cost);
        provide(token, cost * many);
        vm.prank(buyer);
        market.buy(address(datatoken), many, limits(token, cost));
        assertEq(datatoken.balanceOf(buyer), many * ONE);
        assertDivided(token, cost * many);
    }

    function testFuzz_decimals_anOrderIsDividedOrGivenBackWhole(uint8 which, uint96 price, uint8 end) public {
        MintableToken token = tokenWith(which);
        uint96 cost = uint96(bound(price, 0, 2 ** 88 - 1));
        sell(token, cost);
        provide(token, cost);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount, order.referrer) = (address(token), cost, referrer);
        order.referralFee = uint256(cost) * REFERRAL_BPS / 10_000;
        order.protocolFee = uint256(cost) * PROTOCOL_BPS / 10_000;
        OpenRequest memory request = requestOf(order);
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen(request, limits(token, cost));
        assertEq(token.balanceOf(address(market)), cost);
        if (end % 3 == 0) {
            fulfil(order);
            assertDivided(token, cost);
        } else {
            if (end % 3 == 1) cancel(order);
            else returnLate(order);
            assertEq(token.balanceOf(buyer), cost);
            assertEq(token.balanceOf(address(market)), 0);
        }
    }

    /// @dev One whole token of each, and the least and most that a price can be.
    function test_decimals_atTheEdges() public {
        for (uint8 which = 0; which < 5; ++which) {
            MintableToken token = tokenWith(which);
            uint96[3] memory prices = [uint96(10) ** token.decimals(), 1, 2 ** 88 - 1];
            for (uint256 i = 0; i < prices.length; ++i) {
                uint256 before = vm.snapshotState();
                sell(token, prices[i]);
                provide(token, prices[i]);
                vm.prank(buyer);
                market.buy(address(datatoken), 1, limits(token, prices[i]));
                assertDivided(token, prices[i]);
                vm.revertToState(before);
            }
        }
    }

    function tokenWith(uint8 which) private returns (MintableToken) {
        uint8[5] memory decimals = [uint8(0), 2, 6, 18, 24];
        return new MintableToken(decimals[which % 5]);
    }

    function sell(MintableToken token, uint96 price) private {
        vm.startPrank(publisher);
        market.setPrice(address(datatoken), address(token), price);
        market.setReferral(address(datatoken), REFERRAL_BPS);
        vm.stopPrank();
    }

    function provide(MintableToken token, uint256 amount) private {
        token.mint(buyer, amount);
        vm.prank(buyer);
        token.approve(address(market), amount);
    }

    function limits(MintableToken token, uint256 price) private view returns (Limits memory agreed) {
        agreed = limitsFor(address(token), price);
        agreed.referrer = referrer;
    }

    /// @dev Everyone takes out its part; together it is all, and nothing is left.
    function assertDivided(MintableToken token, uint256 paid) private {
        uint256 referralFee = paid * REFERRAL_BPS / 10_000;
        uint256 protocolFee = paid * PROTOCOL_BPS / 10_000;
        takeOut(token, referrer, referralFee);
        takeOut(token, treasury, protocolFee);
        takeOut(token, publisher, paid - referralFee - protocolFee);
        assertEq(token.balanceOf(address(market)), 0);
    }

    function takeOut(MintableToken token, address who, uint256 amount) private {
        assertEq(market.earningsOf(address(token), who), amount);
        if (amount == 0) return;
        vm.prank(who);
        assertEq(market.withdraw(address(token)), amount);
        assertEq(token.balanceOf(who), amount);
    }
}
