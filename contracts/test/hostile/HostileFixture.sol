// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Fixture} from "../Fixture.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";

/// @notice The usual market, whose asset is sold for a token that may misbehave.
abstract contract HostileFixture is Fixture {
    uint96 internal constant COST = 1_000_000;
    uint256 internal constant PROTOCOL_PART = COST / 100;

    function sellFor(address token) internal {
        vm.prank(publisher);
        market.setPrice(address(datatoken), token, COST);
    }

    /// @dev `amount` for `who`, approved to the market.
    function provide(address token, address who, uint256 amount) internal {
        MintableToken(token).mint(who, amount);
        // Not through the interface of a token that returns something: one of them does not.
        vm.prank(who);
        (bool ok,) = token.call(abi.encodeCall(IERC20.approve, (address(market), type(uint256).max)));
        assertTrue(ok);
    }

    function buyOne(address token, address who) internal {
        provide(token, who, COST);
        vm.prank(who);
        market.buy(address(datatoken), 1, limitsFor(token, COST));
    }

    function paidFor(address token, bytes32 salt) internal view returns (Order memory order) {
        order = heldOrder(salt);
        (order.escrowToken, order.escrowAmount, order.protocolFee) = (token, COST, PROTOCOL_PART);
    }

    function openFor(address token, bytes32 salt) internal returns (Order memory order) {
        sellFor(token);
        provide(token, buyer, COST);
        order = paidFor(token, salt);
        OpenRequest memory request = requestOf(order);
        vm.prank(buyer);
        assertEq(market.buyAndOpen(request, limitsFor(token, COST)), orders.orderIdOf(order));
    }

    /// @dev Every way to pay is refused with this reason, and leaves nothing behind.
    function assertPaymentRefused(address token, bytes memory reason) internal {
        OpenRequest memory request = requestOf(paidFor(token, "refused"));
        uint256 before = datatoken.totalSupply();
        vm.startPrank(buyer);
        vm.expectRevert(reason);
        market.buy(address(datatoken), 1, limitsFor(token, COST));
        vm.expectRevert(reason);
        market.buyAndOpen(request, limitsFor(token, COST));
        vm.stopPrank();
        assertEq(datatoken.totalSupply(), before);
    }

    /// @dev The order ends all the same, and what could not be paid waits for its consumer.
    function assertRefundIsCredited(Order memory order) internal {
        uint256 before = market.earningsOf(order.escrowToken, order.consumer);
        vm.expectEmit(address(market));
        emit IMarket.RefundCredited(order.consumer, order.escrowToken, order.escrowAmount);
        cancel(order);
        assertEq(status(orders.orderIdOf(order)), 3);
        assertEq(market.earningsOf(order.escrowToken, order.consumer), before + order.escrowAmount);
    }

    function withdraw(address token, address who) internal {
        vm.prank(who);
        market.withdraw(token);
    }

    function expectWithdrawalRefused(address token, address who, bytes memory reason) internal {
        uint256 before = market.earningsOf(token, who);
        vm.prank(who);
        vm.expectRevert(reason);
        market.withdraw(token);
        assertEq(market.earningsOf(token, who), before);
    }

    function inexact(address token, uint256 moved) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IMarket.InexactPayment.selector, token, moved, COST);
    }
}
