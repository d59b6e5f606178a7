// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

/// @notice What fulfil, cancel and return share: an order ends once, and only the very order that was opened.
contract EndsOnceTest is Fixture {
    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 3);
    }

    function test_everyEndAfterEveryOtherIsRefused() public {
        (Order memory held, bytes32 heldId) = openHeld("a");
        (Order memory paid, bytes32 paidId) = openPaid("a");
        assertEndsOnce(held, heldId);
        assertEndsOnce(paid, paidId);
    }

    /// @dev Presenting any other order than the one that was opened finds nothing, whichever field was changed.
    function testFuzz_presentedOrder_mustBeTheOpenedOne(uint8 field, uint256 to, bool isPaid) public {
        (Order memory order, bytes32 id) = isPaid ? openPaid("a") : openHeld("a");
        field = uint8(bound(field, 0, 11));
        // Any account will do.
        // forge-lint: disable-next-line(unsafe-typecast)
        address account = address(uint160(to));
        if (field == 0) order.datatoken = account;
        else if (field == 1) order.consumer = account;
        else if (field == 2) order.provider = account;
        else if (field == 3) order.requestHash = bytes32(to);
        else if (field == 4) order.deadline = uint64(bound(to, block.timestamp, type(uint64).max));
        else if (field == 5) order.salt = bytes32(to);
        else if (field == 6) order.escrowToken = account;
        else if (field == 7) order.escrowAmount = to;
        else if (field == 8) order.referrer = account;
        else if (field == 9) order.referralFee = to;
        else if (field == 10) order.protocolFee = to;
        else order.assetId = to;
        bytes32 other = orders.orderIdOf(order);
        vm.assume(other != id);
        bytes memory refusal = abi.encodeWithSelector(IOrders.OrderNotOpen.selector, other, IOrders.Status.None);
        vm.startPrank(order.provider);
        vm.expectRevert(refusal);
        orders.fulfil(order, RECEIPT);
        vm.expectRevert(refusal);
        orders.cancel(order, 0);
        if (order.deadline < type(uint64).max) {
            vm.warp(uint256(order.deadline) + 1);
            vm.expectRevert(refusal);
            orders.returnExpired(order);
        }
        assertEq(status(id), uint8(IOrders.Status.Open));
    }

    /// @dev Of two orders that differ in nothing but their salt, one's end is not the other's.
    function test_oneOrdersEndIsNoneOfAnother() public {
        (Order memory first,) = openHeld("a");
        (Order memory second, bytes32 id) = openHeld("b");
        fulfil(first);
        assertEq(status(id), uint8(IOrders.Status.Open));
        cancel(second);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
    }

    function assertEndsOnce(Order memory order, bytes32 id) private {
        uint256 opened = vm.snapshotState();
        for (uint8 first = 0; first < 3; ++first) {
            for (uint8 second = 0; second < 3; ++second) {
                vm.revertToState(opened);
                if (first == 0) fulfil(order);
                else if (first == 1) cancel(order);
                else returnLate(order);
                uint8 ended = status(id);
                assertEq(ended, first + 2);
                uint256 held = dollar.balanceOf(address(market));
                uint256 supply = datatoken.totalSupply();
                // Back in time, so that it is the status that refuses and not the clock.
                vm.warp(second == 2 ? order.deadline + 1 : order.deadline);
                vm.prank(provider);
                vm.expectRevert(abi.encodeWithSelector(IOrders.OrderNotOpen.selector, id, ended));
                if (second == 0) orders.fulfil(order, RECEIPT);
                else if (second == 1) orders.cancel(order, 0);
                else orders.returnExpired(order);
                assertEq(status(id), ended);
                assertEq(dollar.balanceOf(address(market)), held);
                assertEq(datatoken.totalSupply(), supply);
            }
        }
        vm.revertToState(opened);
    }
}
