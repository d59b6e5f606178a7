// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {HostileFixture} from "./HostileFixture.sol";
import {Market} from "../../src/Market.sol";
import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Limits, Permit} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order, Payment} from "../../src/interfaces/IOrders.sol";
import {HookToken} from "../mocks/HookToken.sol";

/// @notice A token with hooks tries every external function of every contract from inside every move of itself. It is the
/// publisher, the provider and a consumer with money at once, so that nothing but the contracts' own order can stop it.
contract HooksTest is HostileFixture {
    bytes4 private immutable LOCKED = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;

    /// @dev Something to try, and what has to come of it: 0 for success.
    struct Attempt {
        address target;
        bytes call;
        bytes4 refusal;
    }

    HookToken private token;
    /// @dev Open orders of the token itself, for it to end: two that were paid, and two with datatokens.
    Order[2] private paid;
    Order[2] private held;
    /// @dev The move that is disturbed is about these: a paid order of somebody else.
    Order private victim;

    function setUp() public override {
        super.setUp();
        token = new HookToken();
        sellFor(address(token));
        vm.startPrank(publisher);
        orders.setProvider(address(datatoken), address(token));
        registry.transferFrom(publisher, address(token), assetId);
        vm.stopPrank();
        token.mint(address(token), 10 * uint256(COST));
        act(address(token), abi.encodeCall(token.approve, (address(market), type(uint256).max)));
        act(address(market), abi.encodeCall(IMarket.buy, (address(datatoken), 4, limits())));
        for (uint64 i = 0; i < 2; ++i) {
            paid[i] = orderOf(address(token), bytes32(uint256(i)), 1 hours + i * 1 days);
            act(address(market), abi.encodeCall(IMarket.buyAndOpen, (requestOf(paid[i]), limits())));
            held[i] = orderOf(address(token), bytes32(uint256(i)), 1 hours + i * 1 days);
            (held[i].escrowToken, held[i].escrowAmount, held[i].protocolFee) = (address(datatoken), ONE, 0);
            act(address(orders), abi.encodeCall(IOrders.open, (batchOf(requestOf(held[i])))));
        }
        provide(address(token), buyer, 10 * COST);
        victim = orderOf(buyer, "victim", 2 days);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(victim), limits());
        // The first of each has expired; the second and the victim's have not.
        vm.warp(block.timestamp + 1 hours + 1);
        assertSolvent(5);
    }

    function test_inAPurchase() public {
        tryEverything(this.purchase);
    }

    function test_inAPurchaseWithPermit() public {
        tryEverything(this.purchaseWithPermit);
    }

    function test_inAPurchaseWithAnOrder() public {
        tryEverything(this.purchaseWithOrder);
    }

    function test_inAPurchaseWithAnOrderAndPermit() public {
        tryEverything(this.purchaseWithOrderAndPermit);
    }

    function test_inARefund() public {
        tryEverything(this.cancellation);
    }

    function test_inAWithdrawal() public {
        tryEverything(this.withdrawal);
    }

    function test_canNotEndTheOrderThatIsBeingRefunded() public {
        bytes[3] memory ends = [
            abi.encodeCall(IOrders.fulfil, (victim, RECEIPT)),
            abi.encodeCall(IOrders.cancel, (victim, bytes32(0))),
            abi.encodeCall(IOrders.returnExpired, (victim))
        ];
        bytes4[3] memory refusals =
            [IOrders.OrderExpired.selector, IOrders.OrderNotOpen.selector, IOrders.OrderNotOpen.selector];
        vm.warp(victim.deadline + 1);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            token.setHook(address(orders), ends[i], true);
            vm.prank(stranger);
            orders.returnExpired(victim);
            assertRefused(refusals[i]);
            assertEq(token.balanceOf(buyer), 10 * uint256(COST));
            vm.revertToState(before);
        }
        // In time, so that it is not the clock that refuses to fulfil.
        vm.warp(victim.deadline);
        token.setHook(address(orders), ends[0], true);
        act(address(orders), abi.encodeCall(IOrders.cancel, (victim, bytes32(0))));
        assertRefused(IOrders.OrderNotOpen.selector);
    }

    /// @dev What is agreed is read once: a change from inside the payment has no effect on this purchase.
    function test_aChangeFromInsideComesTooLateForThisPurchase() public {
        token.setHook(
            address(market), abi.encodeCall(IMarket.setPrice, (address(datatoken), address(0), uint96(1))), true
        );
        vm.expectEmit(address(market));
        emit IMarket.DatatokenSold(
            assetId, buyer, address(datatoken), address(token), 1, address(token), COST, address(0), 0, PROTOCOL_PART
        );
        this.purchase();
        assertTrue(token.succeeded());
        assertEq(market.saleOf(address(datatoken)).price, 1);
    }

    /// @dev Whom the order goes to is settled after the payment; so a change from inside is refused as any other is.
    function test_aChangeOfProviderFromInsideIsNoticed() public {
        token.setHook(address(orders), abi.encodeCall(IOrders.setProvider, (address(datatoken), stranger)), true);
        Order memory order = orderOf(buyer, "new", 1 hours);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.WrongProvider.selector, stranger, address(token)));
        market.buyAndOpen(requestOf(order), limits());
    }

    function purchase() external {
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limits());
    }

    function purchaseWithPermit() external {
        Permit memory nothing;
        vm.prank(buyer);
        market.buyWithPermit(address(datatoken), 1, limits(), nothing);
    }

    function purchaseWithOrder() external {
        Order memory order = orderOf(buyer, "new", 1 hours);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(order), limits());
    }

    function purchaseWithOrderAndPermit() external {
        Permit memory nothing;
        Order memory order = orderOf(buyer, "new", 1 hours);
        vm.prank(buyer);
        market.buyAndOpenWithPermit(requestOf(order), limits(), nothing);
    }

    function cancellation() external {
        act(address(orders), abi.encodeCall(IOrders.cancel, (victim, bytes32(0))));
    }

    function withdrawal() external {
        vm.prank(treasury);
        market.withdraw(address(token));
    }

    /// @dev Each attempt in a fresh copy of the same world, before the balances change and after.
    function tryEverything(function() external move) private {
        Attempt[] memory all = attempts();
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < all.length; ++i) {
            for (uint256 late = 0; late < 2; ++late) {
                token.setHook(all[i].target, all[i].call, late == 1);
                move();
                if (all[i].refusal == 0) assertTrue(token.succeeded(), vm.toString(all[i].call));
                else assertRefused(all[i].refusal);
                assertSolvent(i);
                vm.revertToState(before);
            }
        }
    }

    function attempts() private view returns (Attempt[] memory all) {
        address m = address(market);
        address o = address(orders);
        address r = address(registry);
        address d = address(datatoken);
        Permit memory nothing;
        OpenRequest memory request = requestOf(orderOf(address(token), "reentrant", 1 hours));
        all = new Attempt[](31);
        all[0] = Attempt(m, abi.encodeCall(IMarket.buy, (d, 1, limits())), LOCKED);
        all[1] = Attempt(m, abi.encodeCall(IMarket.buyWithPermit, (d, 1, limits(), nothing)), LOCKED);
        all[2] = Attempt(m, abi.encodeCall(IMarket.buyAndOpen, (request, limits())), LOCKED);
        all[3] = Attempt(m, abi.encodeCall(IMarket.buyAndOpenWithPermit, (request, limits(), nothing)), LOCKED);
        all[4] = Attempt(m, abi.encodeCall(IMarket.withdraw, (address(token))), LOCKED);
        all[5] = Attempt(m, abi.encodeCall(IMarket.withdraw, (address(0))), LOCKED);
        all[6] = Attempt(m, abi.encodeCall(Market.push, (address(token), address(token), 1)), IMarket.NotSelf.selector);
        all[7] = Attempt(
            m, abi.encodeCall(IMarket.refund, (d, address(token), address(token), 1)), IMarket.NotOrders.selector
        );
        all[8] = Attempt(
            m,
            abi.encodeCall(IMarket.settle, (address(token), 1, address(token), address(0), 0, 0)),
            IMarket.NotOrders.selector
        );
        all[9] = Attempt(m, abi.encodeCall(IMarket.list, (d, address(0), uint96(1))), IMarket.NotRegistry.selector);
        all[10] = Attempt(m, abi.encodeCall(IMarket.setPrice, (d, address(token), COST)), 0);
        all[11] = Attempt(m, abi.encodeCall(IMarket.setPaused, (d, false)), 0);
        all[12] = Attempt(m, abi.encodeCall(IMarket.setReferral, (d, uint16(9))), 0);
        all[13] = Attempt(m, abi.encodeCall(IMarket.setFreeLimits, (d, uint64(1), uint64(1))), 0);
        // A refund from inside would hide a part of the move that is being measured.
        all[14] = Attempt(o, abi.encodeCall(IOrders.cancel, (paid[0], bytes32(0))), LOCKED);
        all[15] = Attempt(o, abi.encodeCall(IOrders.cancel, (paid[1], bytes32(0))), LOCKED);
        all[16] = Attempt(o, abi.encodeCall(IOrders.returnExpired, (paid[0])), LOCKED);
        all[17] = Attempt(o, abi.encodeCall(IOrders.returnExpired, (paid[1])), IOrders.OrderNotExpired.selector);
        // What moves no payment may happen meanwhile.
        all[18] = Attempt(o, abi.encodeCall(IOrders.fulfil, (paid[1], RECEIPT)), 0);
        all[19] = Attempt(o, abi.encodeCall(IOrders.fulfil, (held[1], RECEIPT)), 0);
        all[20] = Attempt(o, abi.encodeCall(IOrders.cancel, (held[1], bytes32(0))), 0);
        all[21] = Attempt(o, abi.encodeCall(IOrders.returnExpired, (held[0])), 0);
        all[22] = Attempt(o, abi.encodeCall(IOrders.open, (batchOf(request))), 0);
        all[23] = Attempt(
            o,
            abi.encodeCall(
                IOrders.openPaid, (request, address(token), Payment(address(token), COST, address(0), 0, 0))
            ),
            IOrders.NotMarket.selector
        );
        all[24] = Attempt(o, abi.encodeCall(IOrders.setClosed, (assetId, true)), IOrders.NotRegistry.selector);
        all[25] = Attempt(o, abi.encodeCall(IOrders.setGate, (d, address(0))), 0);
        all[26] = Attempt(
            r, abi.encodeCall(IAssetRegistry.addService, (assetId, 1, ServiceTerms(stranger, address(0), 1))), 0
        );
        all[27] = Attempt(o, abi.encodeCall(IOrders.setProvider, (d, address(token))), 0);
        all[28] = Attempt(r, abi.encodeCall(IAssetRegistry.updateMetadata, (assetId, "x")), 0);
        all[29] = Attempt(r, abi.encodeCall(IAssetRegistry.setState, (assetId, IAssetRegistry.State.Unlisted)), 0);
        // Whoever was the publisher when the purchase began is credited.
        all[30] = Attempt(r, abi.encodeCall(registry.transferFrom, (address(token), stranger, assetId)), 0);
    }

    function act(address target, bytes memory call) private {
        token.act(target, call);
    }

    function limits() private view returns (Limits memory) {
        return limitsFor(address(token), COST);
    }

    function orderOf(address consumer, bytes32 salt, uint64 lasts) private view returns (Order memory order) {
        order = paidFor(address(token), salt);
        (order.consumer, order.provider) = (consumer, address(token));
        order.deadline = uint64(block.timestamp) + lasts;
    }

    function assertRefused(bytes4 refusal) private view {
        assertTrue(token.tried());
        assertFalse(token.succeeded());
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(bytes4(token.returned()), refusal);
    }

    /// @dev What the market has is what it owes: to the orders that are open and to those who earned.
    function assertSolvent(uint256 attempt) private view {
        uint256 owed = market.earningsOf(address(token), address(token)) + market.earningsOf(address(token), treasury)
            + market.earningsOf(address(token), buyer);
        Order[4] memory all = [paid[0], paid[1], victim, orderOf(buyer, "new", 1 hours)];
        for (uint256 i = 0; i < all.length; ++i) {
            if (status(orders.orderIdOf(all[i])) == uint8(IOrders.Status.Open)) owed += COST;
        }
        assertEq(token.balanceOf(address(market)), owed, vm.toString(attempt));
    }
}
