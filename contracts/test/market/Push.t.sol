// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {RejectingBuyer} from "../mocks/Buyers.sol";
import {FeeOnTransferToken} from "../mocks/HostileTokens.sol";

/// @notice The part of a refund that may fail.
contract PushTest is Fixture {
    function test_push_isTheMarketsOnly() public {
        openPaid("a");
        address[6] memory callers = [publisher, provider, buyer, stranger, address(registry), address(orders)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotSelf.selector, callers[i]));
            market.push(address(dollar), callers[i], PRICE);
        }
    }

    function test_push_paysATokenAndEther() public {
        dollar.mint(address(market), 7);
        vm.deal(address(market), 9);
        vm.startPrank(address(market));
        market.push(address(dollar), stranger, 7);
        market.push(address(0), stranger, 9);
        assertEq(dollar.balanceOf(stranger), 7);
        assertEq(stranger.balance, 9);
    }

    function test_push_revertsWithoutATrace() public {
        RejectingBuyer rejecting = new RejectingBuyer(market, orders);
        vm.deal(address(market), 9);
        FeeOnTransferToken token = new FeeOnTransferToken();
        token.mint(address(market), 1_000);
        vm.startPrank(address(market));
        vm.expectRevert(abi.encodeWithSelector(IMarket.EtherRefused.selector, address(rejecting)));
        market.push(address(0), address(rejecting), 9);
        vm.expectRevert(abi.encodeWithSelector(IMarket.EtherRefused.selector, stranger));
        market.push(address(0), stranger, 10);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, address(market), 0, 1));
        market.push(address(dollar), stranger, 1);
        // To itself: nothing would have left.
        vm.expectRevert(abi.encodeWithSelector(IMarket.InexactPayment.selector, address(token), 10, 1_000));
        market.push(address(token), address(market), 1_000);
        assertEq(address(market).balance, 9);
        assertEq(token.balanceOf(address(market)), 1_000);
    }
}
