// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Order} from "../../src/interfaces/IOrders.sol";

/// @notice What an order was opened with comes back, whatever others do to the supply meanwhile.
contract AlwaysBackTest is Fixture {
    function test_aDatatokenComesBackHoweverManyThereAre() public {
        holdDatatokens(buyer, 1);
        (Order memory order,) = openHeld("a");
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        // As many as anyone can take, for nothing.
        vm.prank(stranger);
        market.buy(address(datatoken), type(uint32).max, limitsFor(address(dollar), 0));
        vm.prank(provider);
        orders.cancel(order, "reason");
        assertEq(datatoken.balanceOf(buyer), ONE);
    }
}
