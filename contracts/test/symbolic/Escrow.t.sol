// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {SymbolicMarket} from "./SymbolicMarket.sol";

/// @notice One order from its opening to its end, for every price, referral and salt at once: what came in is there, or
/// went to whom it is due. `forge test` runs none of these; symbolic execution (halmos 0.3.3) does:
///
///     FOUNDRY_OUT=out/symbolic FOUNDRY_CACHE_PATH=cache/symbolic halmos --forge-build-out out/symbolic \
///         --contract EscrowCheck --solver-timeout-assertion 0
contract EscrowCheck is SymbolicMarket {
    /// @dev Invariants 1, 4 and 6 of the README for a payment that is earned.
    function check_paid_fulfilled(uint96 price, uint16 referralBps, bool referred, bytes32 salt, bytes32 receipt)
        public
    {
        sellFor(price, referralBps);
        (Order memory order, bytes32 orderId) = openPaid(price, referralBps, referred, salt);
        assert(address(market).balance == price && earned() == 0);
        vm.prank(PROVIDER);
        orders.fulfil(order, receipt);
        assert(orders.statusOf(orderId) == IOrders.Status.Fulfilled);
        assert(address(market).balance == price && earned() == price);
        assert(market.earningsOf(address(0), REFERRER) == order.referralFee);
        assert(market.earningsOf(address(0), TREASURY) == order.protocolFee);
        assert(market.earningsOf(address(0), BUYER) == 0);
    }

    /// @dev The same for a payment that comes back because the provider gives up.
    function check_paid_cancelled(uint96 price, uint16 referralBps, bool referred, bytes32 salt, bytes32 reason)
        public
    {
        sellFor(price, referralBps);
        (Order memory order, bytes32 orderId) = openPaid(price, referralBps, referred, salt);
        vm.prank(PROVIDER);
        orders.cancel(order, reason);
        assert(orders.statusOf(orderId) == IOrders.Status.Cancelled);
        assertGivenBack(price);
    }

    /// @dev The same after the deadline, whoever sends the transaction, and not a second before.
    function check_paid_returned(
        uint96 price,
        uint16 referralBps,
        bool referred,
        bytes32 salt,
        address caller,
        uint64 at
    ) public {
        vm.assume(at >= block.timestamp);
        sellFor(price, referralBps);
        (Order memory order, bytes32 orderId) = openPaid(price, referralBps, referred, salt);
        vm.warp(at);
        vm.prank(caller);
        orders.returnExpired(order);
        assert(at > order.deadline);
        assert(orders.statusOf(orderId) == IOrders.Status.Returned);
        assertGivenBack(price);
    }

    /// @dev Invariants 3 and 4: whoever calls, whenever, with whatever order: one that is not as it was opened never ends
    /// anything, and one that has ended never ends again.
    function check_noOtherOrderEnds(Order calldata other, bytes32 salt, address caller, uint64 at, uint8 way) public {
        sellFor(1 ether, 1_000);
        (Order memory order, bytes32 orderId) = openPaid(1 ether, 1_000, true, salt);
        vm.assume(keccak256(abi.encode(other)) != keccak256(abi.encode(order)));
        vm.assume(at >= block.timestamp);
        vm.warp(at);
        vm.prank(caller);
        (bool done,) = address(orders).call(ending(other, way));
        assert(!done);
        assert(orders.statusOf(orderId) == IOrders.Status.Open);
    }

    /// @dev Invariants 3 and 4: only the provider ends an order before its deadline, and what has ended stays so.
    function check_endsOnce(address caller, uint64 at, uint8 way, address again, uint8 wayAgain, bytes32 salt) public {
        sellFor(1 ether, 1_000);
        (Order memory order, bytes32 orderId) = openPaid(1 ether, 1_000, true, salt);
        vm.assume(at >= block.timestamp);
        vm.warp(at);
        vm.prank(caller);
        (bool done,) = address(orders).call(ending(order, way));
        vm.assume(done);
        assert(caller == PROVIDER || at > order.deadline);
        IOrders.Status status = orders.statusOf(orderId);
        assert(status != IOrders.Status.Open);
        vm.prank(again);
        (done,) = address(orders).call(ending(order, wayAgain));
        assert(!done);
        assert(orders.statusOf(orderId) == status);
    }

    /// @dev Invariants 2, 5 and 14: a datatoken that is spent on an order is gone, or comes back to who spent it.
    function check_datatoken(uint96 price, bytes32 salt, uint8 way) public {
        sellFor(price, 0);
        vm.deal(BUYER, price);
        vm.prank(BUYER);
        market.buy{value: price}(address(datatoken), 1, limits(price, false));
        assert(datatoken.totalSupply() == ONE && datatoken.balanceOf(BUYER) == ONE);
        Order memory order = anOrder(salt);
        (order.escrowToken, order.escrowAmount) = (address(datatoken), ONE);
        OpenRequest[] memory requests = new OpenRequest[](1);
        requests[0] = requestOf(order);
        vm.prank(BUYER);
        bytes32 orderId = orders.open(requests)[0];
        assert(orderId == orders.orderIdOf(order));
        assert(datatoken.totalSupply() == 0 && datatoken.balanceOf(BUYER) == 0);
        if (way >= 2) vm.warp(uint256(order.deadline) + 1);
        vm.prank(PROVIDER);
        (bool done,) = address(orders).call(ending(order, way));
        assert(done);
        uint256 left = way == 0 ? 0 : ONE;
        assert(datatoken.totalSupply() == left && datatoken.balanceOf(BUYER) == left);
        assert(address(market).balance == price && earned() == price);
    }

    function ending(Order memory order, uint8 way) private pure returns (bytes memory) {
        if (way == 0) return abi.encodeCall(IOrders.fulfil, (order, "receipt"));
        if (way == 1) return abi.encodeCall(IOrders.cancel, (order, "reason"));
        return abi.encodeCall(IOrders.returnExpired, (order));
    }

    /// @dev In the buyer's hands, or credited to it where the payment did not go through.
    function assertGivenBack(uint256 price) private view {
        uint256 credited = market.earningsOf(address(0), BUYER);
        assert(BUYER.balance + credited == price);
        assert(address(market).balance == credited && earned() == credited);
    }
}
