// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Fixture} from "./Fixture.sol";
import {Market} from "../src/Market.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../src/interfaces/IOrders.sol";
import {
    BlocklistToken,
    FalseReturnToken,
    FeeOnTransferToken,
    GasBurningToken,
    HookToken,
    MintableToken,
    NoReturnToken,
    OverchargingToken
} from "./mocks/HostileTokens.sol";

/// @notice Payment tokens that misbehave: each is refused, or comes out exact, and never holds up an order's end.
contract HostileTokensTest is Fixture {
    uint96 private constant COST = 1_000_000;

    function test_feeOnTransfer_isRefused() public {
        FeeOnTransferToken token = new FeeOnTransferToken();
        sell(address(token));
        uint256 arrives = COST - COST / 100;
        bytes memory refusal = abi.encodeWithSelector(IMarket.InexactPayment.selector, address(token), arrives, COST);
        vm.startPrank(buyer);
        vm.expectRevert(refusal);
        market.buy(address(datatoken), 1, limitsFor(address(token), COST));
        vm.expectRevert(refusal);
        market.buyAndOpen(address(datatoken), REQUEST, anHourFromNow(), 0, limitsFor(address(token), COST));
    }

    function test_falseReturn_isRefused() public {
        FalseReturnToken token = new FalseReturnToken();
        sell(address(token));
        token.refuse(true);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        market.buy(address(datatoken), 1, limitsFor(address(token), COST));
    }

    function test_falseReturn_atTheRefundBecomesACredit() public {
        FalseReturnToken token = new FalseReturnToken();
        Order memory order = openFor(address(token));
        token.refuse(true);
        assertRefundIsCredited(order);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        market.withdraw(address(token));
        token.refuse(false);
        vm.prank(buyer);
        assertEq(market.withdraw(address(token)), COST);
    }

    function test_noReturn_isExact() public {
        NoReturnToken token = new NoReturnToken();
        Order memory first = openFor(address(token));
        vm.prank(provider);
        orders.cancel(first, 0);
        assertEq(token.balanceOf(buyer), COST);
        vm.prank(buyer);
        token.approve(address(market), COST);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limitsFor(address(token), COST));
        vm.prank(publisher);
        market.withdraw(address(token));
        assertEq(token.balanceOf(publisher), COST - COST * PROTOCOL_BPS / 10_000);
    }

    function test_overcharging_neverPaysOutOfOthersMoney() public {
        OverchargingToken token = new OverchargingToken();
        Order memory order = openFor(address(token));
        buyMore(address(token));
        token.charge();
        assertRefundIsCredited(order);
        bytes memory refusal =
            abi.encodeWithSelector(IMarket.InexactPayment.selector, address(token), COST + COST / 100, COST);
        vm.prank(buyer);
        vm.expectRevert(refusal);
        market.withdraw(address(token));
        assertEq(token.balanceOf(address(market)), 2 * COST);
    }

    function test_blocklist_creditsTheRefund() public {
        BlocklistToken token = new BlocklistToken();
        Order memory order = openFor(address(token));
        token.setBlocked(buyer, true);
        assertRefundIsCredited(order);
        token.setBlocked(buyer, false);
        vm.prank(buyer);
        market.withdraw(address(token));
        assertEq(token.balanceOf(buyer), COST);
        assertEq(token.balanceOf(address(market)), 0);
    }

    function test_blocklist_atTheDeadlineIsNoBlockEither() public {
        BlocklistToken token = new BlocklistToken();
        Order memory order = openFor(address(token));
        token.setBlocked(buyer, true);
        vm.warp(order.deadline + 1);
        orders.returnExpired(order);
        assertEq(market.earningsOf(address(token), buyer), COST);
    }

    function test_gasBurning_atTheRefundIsBounded() public {
        Order memory order = openFor(address(new GasBurningToken()));
        uint256 before = gasleft();
        assertRefundIsCredited(order);
        assertLt(before - gasleft(), market.REFUND_GAS() + 120_000);
    }

    function test_hook_canNotReenterWhileItPays() public {
        HookToken token = new HookToken();
        sell(address(token));
        Order memory order = openFor(address(token));
        buyMore(address(token));
        bytes[4] memory attempts = [
            abi.encodeCall(IMarket.withdraw, (address(token))),
            abi.encodeCall(IMarket.buy, (address(datatoken), 1, limitsFor(address(token), COST))),
            abi.encodeCall(
                IMarket.buyAndOpen, (address(datatoken), REQUEST, anHourFromNow(), "b", limitsFor(address(token), COST))
            ),
            abi.encodeCall(Market.push, (address(token), address(token), 1))
        ];
        bytes4[4] memory refusals = [
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector,
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector,
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector,
            IMarket.NotSelf.selector
        ];
        for (uint256 i = 0; i < attempts.length; ++i) {
            token.setHook(address(market), attempts[i]);
            buyMore(address(token));
            assertFalse(token.called());
            assertEq(token.failure(), refusals[i]);
        }
        // An end of an order inside somebody's payment would hide a part of it.
        vm.warp(order.deadline + 1);
        token.setHook(address(orders), abi.encodeCall(IOrders.returnExpired, (order)));
        buyMore(address(token));
        assertEq(token.failure(), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Open));
    }

    function test_hook_canNotEndTheOrderTwice() public {
        HookToken token = new HookToken();
        Order memory order = openFor(address(token));
        buyMore(address(token));
        vm.warp(order.deadline + 1);
        token.setHook(address(orders), abi.encodeCall(IOrders.returnExpired, (order)));
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(token.failure(), IOrders.OrderNotOpen.selector);
        assertEq(token.balanceOf(buyer), COST);
        assertEq(token.balanceOf(address(market)), COST);
    }

    /// @dev A price is in base units, so that decimals make no difference; this is the proof.
    function test_decimals_areNoneOfTheMarketsBusiness() public {
        uint8[5] memory decimals = [uint8(0), 2, 6, 18, 24];
        for (uint256 i = 0; i < decimals.length; ++i) {
            MintableToken token = new MintableToken(decimals[i]);
            sell(address(token));
            buyMore(address(token));
            uint256 protocolFee = COST * PROTOCOL_BPS / 10_000;
            assertEq(market.earningsOf(address(token), publisher), COST - protocolFee);
            vm.prank(publisher);
            market.withdraw(address(token));
            vm.prank(treasury);
            market.withdraw(address(token));
            assertEq(token.balanceOf(publisher), COST - protocolFee);
            assertEq(token.balanceOf(treasury), protocolFee);
            assertEq(token.balanceOf(address(market)), 0);
        }
    }

    function sell(address token) private {
        vm.prank(publisher);
        market.setPrice(address(datatoken), token, COST);
        provide(token);
    }

    function provide(address token) private {
        MintableToken(token).mint(buyer, COST);
        // Not through the interface of a token that returns something: one of them does not.
        vm.prank(buyer);
        (bool ok,) = token.call(abi.encodeCall(IERC20.approve, (address(market), COST)));
        assertTrue(ok);
    }

    function buyMore(address token) private {
        MintableToken(token).mint(stranger, COST);
        vm.startPrank(stranger);
        MintableToken(token).approve(address(market), COST);
        market.buy(address(datatoken), 1, limitsFor(token, COST));
        vm.stopPrank();
    }

    function openFor(address token) private returns (Order memory order) {
        sell(token);
        order = heldOrder(0);
        (order.escrowToken, order.escrowAmount) = (token, COST);
        order.protocolFee = COST * PROTOCOL_BPS / 10_000;
        vm.prank(buyer);
        bytes32 id = market.buyAndOpen(address(datatoken), REQUEST, order.deadline, 0, limitsFor(token, COST));
        assertEq(id, orders.orderIdOf(order));
        // What `sell` gave before is spent by now, or lies with the buyer for a second purchase.
    }

    function assertRefundIsCredited(Order memory order) private {
        vm.expectEmit(address(market));
        emit IMarket.RefundCredited(buyer, order.escrowToken, COST);
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Cancelled));
        assertEq(market.earningsOf(order.escrowToken, buyer), COST);
    }
}
