// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {HostileFixture} from "./HostileFixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";
import {RebasingToken} from "../mocks/HostileTokens.sol";

/// @notice Balances that grow and shrink by themselves. Every payment is exact when it is made. What grows is nobody's. What
/// shrinks is missing in this token and nowhere else: whoever comes first is paid whole, whoever comes last has a claim that
/// can not be paid. Every order still ends.
contract RebasingTest is HostileFixture {
    RebasingToken private token;

    function setUp() public override {
        super.setUp();
        token = new RebasingToken();
    }

    function test_aPaymentIsExactAtItsTime() public {
        token.rebase(200);
        Order memory order = openFor(address(token), "a");
        assertEq(token.balanceOf(address(market)), COST);
        cancel(order);
        assertEq(token.balanceOf(buyer), COST);
        assertEq(token.balanceOf(address(market)), 0);
    }

    /// @dev 1,000,000 is no whole number of shares at 300 %: 999,999 would move.
    function test_aPaymentThatRoundsIsRefused() public {
        sellFor(address(token));
        provide(address(token), buyer, 3 * COST);
        token.rebase(300);
        assertPaymentRefused(address(token), inexact(address(token), COST - 1));
    }

    function test_aRefundThatRoundsIsCredited() public {
        Order memory order = openFor(address(token), "a");
        token.rebase(300);
        assertRefundIsCredited(order);
        expectWithdrawalRefused(address(token), buyer, inexact(address(token), COST - 1));
        token.rebase(200);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), COST);
    }

    function test_growth_isNobodys() public {
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        token.rebase(200);
        cancel(first);
        assertEq(token.balanceOf(buyer), COST);
        fulfil(second);
        withdraw(address(token), publisher);
        withdraw(address(token), treasury);
        assertEq(token.balanceOf(publisher), COST - PROTOCOL_PART);
        assertEq(token.balanceOf(treasury), PROTOCOL_PART);
        // Four millions came to be of two; two are left, and no one can take them.
        assertEq(token.balanceOf(address(market)), 2 * COST);
    }

    function test_shrinking_endsEveryOrderAndPaysWhoComesFirst() public {
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        Order memory third = openFor(address(token), "c");
        token.rebase(50);
        assertEq(token.balanceOf(address(market)), 3 * COST / 2);
        cancel(first);
        assertEq(token.balanceOf(buyer), COST);
        // Half a payment is left. The rest of the orders end, with claims.
        assertRefundIsCredited(second);
        fulfil(third);
        assertEq(market.earningsOf(address(token), publisher), COST - PROTOCOL_PART);
        expectWithdrawalRefused(
            address(token),
            buyer,
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(market), uint256(COST), 2 * uint256(COST)
            )
        );
        // Never a part of a claim: all or nothing.
        withdraw(address(token), treasury);
        assertEq(token.balanceOf(address(market)), COST / 2 - PROTOCOL_PART);
        // Whoever makes up for it lets everyone have all.
        token.mint(address(market), 2 * COST);
        withdraw(address(token), buyer);
        withdraw(address(token), publisher);
    }

    function test_shrinking_isThisTokensAlone() public {
        Order memory dollars = openFor(address(dollar), "dollar");
        sellFor(address(0));
        Order memory ether_ = paidFor(address(0), "ether");
        vm.deal(buyer, COST);
        vm.prank(buyer);
        market.buyAndOpen{value: COST}(requestOf(ether_), limitsFor(address(0), COST));
        Order memory shrunk = openFor(address(token), "a");
        token.rebase(1);
        assertRefundIsCredited(shrunk);
        cancel(dollars);
        cancel(ether_);
        assertEq(dollar.balanceOf(buyer), COST);
        assertEq(buyer.balance, COST);
        assertEq(dollar.balanceOf(address(market)), 0);
        assertEq(address(market).balance, 0);
    }

    function test_shrinking_doesNotConcernHeldDatatokens() public {
        sellFor(address(token));
        buyOne(address(token), buyer);
        (Order memory order, bytes32 id) = openHeld("a");
        token.rebase(1);
        fulfil(order);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
    }

    /// @dev Whatever the balances do between payment and end: the order ends, and nobody is paid another's ether or dollars.
    function testFuzz_everyOrderEnds(uint16 percent, uint8 way) public {
        percent = uint16(bound(percent, 1, 1_000));
        Order memory order = openFor(address(token), "a");
        holdDollars();
        token.rebase(percent);
        bytes32 id = orders.orderIdOf(order);
        uint256 before = token.balanceOf(address(market));
        if (way % 3 == 0) fulfil(order);
        else if (way % 3 == 1) cancel(order);
        else returnLate(order);
        assertEq(status(id), way % 3 + 2);
        assertEq(dollar.balanceOf(address(market)), PRICE);
        // Exactly the price leaves, or it is owed whole. (The token may round once more where it arrives.)
        bool owed = market.earningsOf(address(token), buyer) == COST;
        assertEq(token.balanceOf(address(market)), way % 3 == 0 || owed ? before : before - COST);
        if (way % 3 != 0 && !owed) assertApproxEqAbs(token.balanceOf(buyer), COST, 1);
    }

    function holdDollars() private {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        fund(stranger, PRICE);
        vm.prank(stranger);
        market.buy(address(other), 1, limitsFor(address(dollar), PRICE));
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - PRICE / 100);
    }
}
