// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {HostileFixture} from "./HostileFixture.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Order} from "../../src/interfaces/IOrders.sol";
import {FeeOnTransferToken, LaterFeeToken, OverchargingToken} from "../mocks/HostileTokens.sol";

/// @notice Tokens that move another amount than they are told.
contract FeesTest is HostileFixture {
    function test_feeOnTransfer_isRefused() public {
        FeeOnTransferToken token = new FeeOnTransferToken();
        sellFor(address(token));
        provide(address(token), buyer, 2 * COST);
        assertPaymentRefused(address(token), inexact(address(token), COST - COST / 100));
        assertEq(token.balanceOf(buyer), 2 * COST);
    }

    function test_feeOnTransfer_isRefusedHoweverMuchIsThere() public {
        FeeOnTransferToken token = new FeeOnTransferToken();
        sellFor(address(token));
        provide(address(token), buyer, COST);
        // The market's balance would hide it; what counts is the difference.
        token.mint(address(market), 100 * uint256(COST));
        assertPaymentRefused(address(token), inexact(address(token), COST - COST / 100));
    }

    /// @dev The market itself sends exactly what it was told: the fee is what the receiver of the token pays.
    function test_laterFee_refundAndEarningsLeaveExactlyTheMarket() public {
        LaterFeeToken token = new LaterFeeToken();
        Order memory order = openFor(address(token), "a");
        buyOne(address(token), stranger);
        token.setFee(10);
        cancel(order);
        assertEq(token.balanceOf(buyer), COST - COST / 10);
        withdraw(address(token), publisher);
        withdraw(address(token), treasury);
        assertEq(token.balanceOf(address(market)), 0);
        // And from now on it is refused.
        provide(address(token), buyer, 2 * COST);
        assertPaymentRefused(address(token), inexact(address(token), COST - COST / 10));
    }

    function test_overcharging_neverPaysOutOfOthersMoney() public {
        OverchargingToken token = new OverchargingToken();
        Order memory order = openFor(address(token), "a");
        buyOne(address(token), stranger);
        token.charge();
        assertRefundIsCredited(order);
        expectWithdrawalRefused(address(token), buyer, inexact(address(token), COST + COST / 100));
        uint256 part = COST - PROTOCOL_PART;
        expectWithdrawalRefused(
            address(token),
            publisher,
            abi.encodeWithSelector(IMarket.InexactPayment.selector, address(token), part + part / 100, part)
        );
        assertEq(token.balanceOf(address(market)), 2 * COST);
    }

    /// @dev A payer that is charged on top pays it itself; what the market gets is exact.
    function test_overcharging_thePayerIsItsOwnBusiness() public {
        OverchargingToken token = new OverchargingToken();
        token.charge();
        sellFor(address(token));
        provide(address(token), buyer, COST + COST / 100);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limitsFor(address(token), COST));
        assertEq(token.balanceOf(address(market)), COST);
        assertEq(token.balanceOf(buyer), 0);
    }

    /// @dev Whenever and however high the fee comes, nothing but the full amount ever leaves for an order.
    function testFuzz_laterFee_theMarketStaysSolvent(uint8 percent, bool fulfilled) public {
        percent = uint8(bound(percent, 0, 100));
        LaterFeeToken token = new LaterFeeToken();
        Order memory first = openFor(address(token), "a");
        Order memory second = openFor(address(token), "b");
        token.setFee(percent);
        if (fulfilled) {
            fulfil(first);
            withdraw(address(token), publisher);
            withdraw(address(token), treasury);
        } else {
            cancel(first);
        }
        assertEq(token.balanceOf(address(market)), COST);
        token.setFee(0);
        cancel(second);
        assertEq(token.balanceOf(address(market)), 0);
    }
}
