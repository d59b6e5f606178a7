// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {HostileFixture} from "./HostileFixture.sol";
import {Order} from "../../src/interfaces/IOrders.sol";
import {AnsweringToken, FalseReturnToken, LyingToken, MuteToken, NoReturnToken} from "../mocks/HostileTokens.sol";

/// @notice Tokens that answer other than the standard says.
contract ReturnsTest is HostileFixture {
    function test_noReturn_isExact() public {
        NoReturnToken token = new NoReturnToken();
        Order memory order = openFor(address(token), "a");
        assertEq(token.balanceOf(address(market)), COST);
        cancel(order);
        assertEq(token.balanceOf(buyer), COST);
        buyOne(address(token), stranger);
        withdraw(address(token), publisher);
        assertEq(token.balanceOf(publisher), COST - PROTOCOL_PART);
        withdraw(address(token), treasury);
        assertEq(token.balanceOf(treasury), PROTOCOL_PART);
        assertEq(token.balanceOf(address(market)), 0);
    }

    function test_falseReturn_isRefused() public {
        FalseReturnToken token = new FalseReturnToken();
        sellFor(address(token));
        provide(address(token), buyer, COST);
        token.refuse(true);
        assertPaymentRefused(address(token), failed(address(token)));
        token.refuse(false);
        buyOne(address(token), buyer);
    }

    function test_falseReturn_atTheRefundBecomesACredit() public {
        FalseReturnToken token = new FalseReturnToken();
        Order memory order = openFor(address(token), "a");
        token.refuse(true);
        assertRefundIsCredited(order);
        expectWithdrawalRefused(address(token), buyer, failed(address(token)));
        token.refuse(false);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), COST);
        assertEq(token.balanceOf(address(market)), 0);
    }

    /// @dev What is neither nothing nor `true` is taken for a refusal, though the token moved.
    function test_garbage_isRefused() public {
        bytes[6] memory garbage = [
            abi.encode(uint256(2)),
            abi.encode(type(uint256).max),
            abi.encode(uint256(1) << 255),
            bytes(hex"01"),
            abi.encodePacked(uint248(1)),
            abi.encode(uint256(0), uint256(1))
        ];
        for (uint256 i = 0; i < garbage.length; ++i) {
            AnsweringToken token = new AnsweringToken();
            Order memory order = openFor(address(token), bytes32(i));
            provide(address(token), buyer, COST);
            token.answer(garbage[i]);
            assertPaymentRefused(address(token), failed(address(token)));
            assertEq(token.balanceOf(buyer), COST);
            assertRefundIsCredited(order);
            expectWithdrawalRefused(address(token), buyer, failed(address(token)));
            assertEq(token.balanceOf(address(market)), COST);
        }
    }

    function test_moreThanTrue_isTrue() public {
        AnsweringToken token = new AnsweringToken();
        token.answer(abi.encode(uint256(1), "and more"));
        Order memory order = openFor(address(token), "a");
        cancel(order);
        assertEq(token.balanceOf(buyer), COST);
    }

    function test_noBalance_isRefusedAndCredited() public {
        MuteToken token = new MuteToken();
        Order memory order = openFor(address(token), "a");
        provide(address(token), buyer, COST);
        token.silence(true);
        assertPaymentRefused(address(token), "");
        assertRefundIsCredited(order);
        token.silence(false);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), 2 * COST);
    }

    /// @dev `true` and a `Transfer` event are no payment: what counts is what arrived, and what left.
    function test_trueWithoutATransfer_isRefusedAndCredited() public {
        LyingToken token = new LyingToken();
        Order memory order = openFor(address(token), "a");
        provide(address(token), buyer, COST);
        token.lie(true);
        assertPaymentRefused(address(token), inexact(address(token), 0));
        assertRefundIsCredited(order);
        expectWithdrawalRefused(address(token), buyer, inexact(address(token), 0));
        token.lie(false);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), 2 * COST);
    }

    /// @dev A token that is gone: `saleOf` still names it, but nothing can be paid with it, and orders end.
    function test_aTokenWithoutCode_isRefusedAndCredited() public {
        FalseReturnToken token = new FalseReturnToken();
        Order memory order = openFor(address(token), "a");
        bytes memory code = address(token).code;
        vm.etch(address(token), "");
        assertPaymentRefused(address(token), "");
        assertRefundIsCredited(order);
        vm.etch(address(token), code);
        withdraw(address(token), buyer);
        assertEq(token.balanceOf(buyer), COST);
    }

    function failed(address token) private pure returns (bytes memory) {
        return abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token);
    }
}
