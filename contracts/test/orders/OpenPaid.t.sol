// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IOrders, OpenRequest, Order, Payment} from "../../src/interfaces/IOrders.sol";

/// @notice Opening for a payment that the market holds. Through `buyAndOpen`: see there.
contract OpenPaidTest is Fixture {
    function test_openPaid_isTheMarketsOnly() public {
        OpenRequest memory request = requestOf(heldOrder("a"));
        address[6] memory callers = [buyer, publisher, provider, stranger, address(registry), address(orders)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IOrders.NotMarket.selector, callers[i]));
            orders.openPaid(request, buyer, Payment(address(dollar), PRICE, address(0), 0, 0));
        }
    }

    function test_openPaid_keepsEveryFieldOfThePayment() public {
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount) = (address(dollar), 100);
        (order.referrer, order.referralFee, order.protocolFee) = (referrer, 9, 4);
        bytes32 id = expectOpened(order);
        vm.prank(address(market));
        assertEq(orders.openPaid(requestOf(order), buyer, Payment(address(dollar), 100, referrer, 9, 4)), id);
        assertEq(status(id), uint8(IOrders.Status.Open));
    }
}
