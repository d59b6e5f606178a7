// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {HostileFixture} from "./HostileFixture.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";
import {BlocklistToken, GasBurningToken, PausableToken, StrictBlocklistToken} from "../mocks/HostileTokens.sol";

/// @notice Tokens that refuse to move: for everybody or for one, for a while or for ever.
contract RefusalsTest is HostileFixture {
    function test_paused_holdsUpNoOrder() public {
        PausableToken token = new PausableToken();
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        Order memory third = openFor(address(token), "c");
        provide(address(token), buyer, COST);
        token.pause(true);
        bytes memory refusal = abi.encodeWithSelector(PausableToken.Paused.selector);
        assertPaymentRefused(address(token), refusal);
        assertRefundIsCredited(first);
        fulfil(second);
        returnLate(third);
        assertEq(market.earningsOf(address(token), buyer), 2 * COST);
        expectWithdrawalRefused(address(token), buyer, refusal);
        expectWithdrawalRefused(address(token), publisher, refusal);
        token.pause(false);
        withdraw(address(token), buyer);
        withdraw(address(token), publisher);
        withdraw(address(token), treasury);
        assertEq(token.balanceOf(buyer), 3 * COST);
        assertEq(token.balanceOf(publisher), COST - PROTOCOL_PART);
        assertEq(token.balanceOf(address(market)), 0);
    }

    function test_blocked_theConsumer() public {
        StrictBlocklistToken token = new StrictBlocklistToken();
        Order memory order = openFor(address(token), "a");
        Order memory other = openFor(address(token), "b");
        provide(address(token), buyer, COST);
        token.setBlocked(buyer, true);
        assertPaymentRefused(address(token), blockedMessage(buyer));
        assertRefundIsCredited(order);
        expectWithdrawalRefused(address(token), buyer, blockedMessage(buyer));
        // Nobody else has a disadvantage.
        fulfil(other);
        withdraw(address(token), publisher);
        assertEq(token.balanceOf(publisher), COST - PROTOCOL_PART);
        token.setBlocked(buyer, false);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), 2 * COST);
    }

    function test_blocked_theConsumerAtTheDeadline() public {
        BlocklistToken token = new BlocklistToken();
        Order memory order = openFor(address(token), "a");
        token.setBlocked(buyer, true);
        returnLate(order);
        assertEq(status(orders.orderIdOf(order)), uint8(IOrders.Status.Returned));
        assertEq(market.earningsOf(address(token), buyer), COST);
    }

    function test_blocked_thePublisher() public {
        StrictBlocklistToken token = new StrictBlocklistToken();
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        token.setBlocked(publisher, true);
        // Earnings are credited, not pushed: the publisher's trouble is no one else's.
        fulfil(first);
        cancel(second);
        assertEq(token.balanceOf(buyer), COST);
        buyOne(address(token), stranger);
        withdraw(address(token), treasury);
        expectWithdrawalRefused(address(token), publisher, blockedMessage(publisher));
        token.setBlocked(publisher, false);
        withdraw(address(token), publisher);
        assertEq(token.balanceOf(publisher), 2 * (COST - PROTOCOL_PART));
        assertEq(token.balanceOf(address(market)), 0);
    }

    function test_blocked_theMarket() public {
        StrictBlocklistToken token = new StrictBlocklistToken();
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        Order memory dollars = openFor(address(dollar), "c");
        sellFor(address(token));
        provide(address(token), buyer, COST);
        token.setBlocked(address(market), true);
        assertPaymentRefused(address(token), blockedMessage(address(market)));
        assertRefundIsCredited(first);
        fulfil(second);
        expectWithdrawalRefused(address(token), publisher, blockedMessage(address(market)));
        expectWithdrawalRefused(address(token), buyer, blockedMessage(address(market)));
        // No other token is affected.
        cancel(dollars);
        assertEq(dollar.balanceOf(buyer), COST);
    }

    function test_gasBurning_atTheRefundIsBounded() public {
        Order memory order = openFor(address(new GasBurningToken()), "a");
        vm.prank(provider);
        uint256 before = gasleft();
        orders.cancel(order, 0);
        assertLt(before - gasleft(), market.REFUND_GAS() + 120_000);
        assertEq(market.earningsOf(order.escrowToken, buyer), COST);
    }

    function test_gasBurning_doesNotKeepAnOrderFromBeingFulfilled() public {
        GasBurningToken token = new GasBurningToken();
        Order memory order = openFor(address(token), "a");
        fulfil(order);
        assertEq(market.earningsOf(address(token), publisher), COST - PROTOCOL_PART);
    }

    function blockedMessage(address account) private pure returns (bytes memory) {
        return abi.encodeWithSelector(BlocklistToken.Blocked.selector, account);
    }
}
