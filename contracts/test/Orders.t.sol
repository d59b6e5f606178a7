// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {IAssetRegistry} from "../src/interfaces/IAssetRegistry.sol";
import {IOrders, OpenRequest, Order} from "../src/interfaces/IOrders.sol";

/// @notice Orders opened with held datatokens, and the rules of ending that all orders share.
contract OrdersTest is Fixture {
    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 3);
    }

    function test_open_locksOneDatatoken() public {
        Order memory order = heldOrder("a");
        bytes32 id = orders.orderIdOf(order);
        vm.expectEmit(address(orders));
        emit IOrders.OrderOpened(
            id,
            assetId,
            buyer,
            address(datatoken),
            provider,
            REQUEST,
            order.deadline,
            "a",
            address(datatoken),
            ONE,
            address(0),
            0,
            0
        );
        (, bytes32 opened) = openHeld("a");
        assertEq(opened, id);
        assertEq(status(id), uint8(IOrders.Status.Open));
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        assertEq(datatoken.balanceOf(address(orders)), ONE);
    }

    function test_open_batchOverAssetsAndProviders() public {
        (, Datatoken other) = publish("other", address(dollar), 0);
        vm.prank(publisher);
        market.setProvider(address(other), stranger);
        vm.startPrank(buyer);
        market.buy(address(other), 1, limitsFor(address(dollar), 0));
        other.approve(address(orders), ONE);
        OpenRequest[] memory requests = new OpenRequest[](3);
        requests[0] = OpenRequest(address(datatoken), REQUEST, anHourFromNow(), "a");
        requests[1] = OpenRequest(address(other), "another request", anHourFromNow(), "a");
        requests[2] = OpenRequest(address(datatoken), REQUEST, anHourFromNow(), "b");
        bytes32[] memory ids = orders.open(requests);
        vm.stopPrank();
        assertEq(ids[0], orders.orderIdOf(heldOrder("a")));
        assertEq(ids[2], orders.orderIdOf(heldOrder("b")));
        assertEq(status(ids[1]), uint8(IOrders.Status.Open));
        assertEq(datatoken.balanceOf(address(orders)), 2 * ONE);
        assertEq(other.balanceOf(address(orders)), ONE);
    }

    function test_open_batchIsAllOrNothing() public {
        OpenRequest[] memory requests = new OpenRequest[](2);
        requests[0] = OpenRequest(address(datatoken), REQUEST, anHourFromNow(), "a");
        requests[1] = requests[0];
        bytes32 id = orders.orderIdOf(heldOrder("a"));
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderExists.selector, id));
        orders.open(requests);
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
    }

    function test_open_emptyBatchDoesNothing() public {
        assertEq(orders.open(new OpenRequest[](0)).length, 0);
    }

    function test_open_refusesAnUnknownService() public {
        expectOpenRefused(
            abi.encodeWithSelector(IOrders.UnknownService.selector, address(dollar)), address(dollar), anHourFromNow()
        );
    }

    function test_open_refusesWhatMayNotBeOrdered() public {
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Retired);
        expectOpenRefused(
            abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId), address(datatoken), anHourFromNow()
        );
    }

    function test_open_aPausedSaleDoesNotStopWhoPaidBefore() public {
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        openHeld("a");
    }

    function test_open_deadlineAtItsBoundaries() public {
        uint64 earliest = uint64(block.timestamp) + 60;
        uint64 latest = uint64(block.timestamp) + 30 days;
        uint64[4] memory wrong = [uint64(0), earliest - 1, latest + 1, type(uint64).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectOpenRefused(
                abi.encodeWithSelector(IOrders.DeadlineOutOfRange.selector, wrong[i], earliest, latest),
                address(datatoken),
                wrong[i]
            );
        }
        OpenRequest[] memory requests = new OpenRequest[](2);
        requests[0] = OpenRequest(address(datatoken), REQUEST, earliest, "a");
        requests[1] = OpenRequest(address(datatoken), REQUEST, latest, "a");
        vm.prank(buyer);
        orders.open(requests);
    }

    function test_open_needsATokenAndAnAllowance() public {
        OpenRequest[] memory requests = new OpenRequest[](1);
        requests[0] = OpenRequest(address(datatoken), REQUEST, anHourFromNow(), "a");
        vm.startPrank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(orders), 0, ONE)
        );
        orders.open(requests);
        datatoken.approve(address(orders), ONE);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, ONE));
        orders.open(requests);
    }

    function test_openPaid_isTheMarketsOnly() public {
        Order memory order = heldOrder("a");
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotMarket.selector, buyer));
        orders.openPaid(order, assetId);
    }

    function test_fulfil_redeemsTheToken() public {
        (Order memory order, bytes32 id) = openHeld("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderFulfilled(id, assetId, provider, publisher, RECEIPT, 0);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        assertEq(status(id), uint8(IOrders.Status.Fulfilled));
        assertEq(datatoken.totalSupply(), 2 * ONE);
        assertEq(datatoken.balanceOf(address(orders)), 0);
    }

    function test_fulfil_untilTheDeadlineAndNotAfter() public {
        (Order memory order, bytes32 id) = openHeld("a");
        (Order memory late, bytes32 lateId) = openHeld("b");
        vm.warp(order.deadline);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderNotExpired.selector, id, order.deadline));
        orders.returnExpired(order);
        vm.prank(provider);
        orders.fulfil(order, RECEIPT);
        vm.warp(late.deadline + 1);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IOrders.OrderExpired.selector, lateId, late.deadline));
        orders.fulfil(late, RECEIPT);
    }

    function test_cancel_givesTheTokenBackAtOnce() public {
        (Order memory order, bytes32 id) = openHeld("a");
        vm.expectEmit(address(orders));
        emit IOrders.OrderCancelled(id, assetId, provider, "no worker");
        vm.prank(provider);
        orders.cancel(order, "no worker");
        assertEq(status(id), uint8(IOrders.Status.Cancelled));
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
    }

    function test_cancel_alsoAfterTheDeadline() public {
        (Order memory order,) = openHeld("a");
        vm.warp(order.deadline + 1 days);
        vm.prank(provider);
        orders.cancel(order, 0);
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
    }

    function test_returnExpired_byAnyone() public {
        (Order memory order, bytes32 id) = openHeld("a");
        vm.warp(order.deadline + 1);
        vm.expectEmit(address(orders));
        emit IOrders.OrderReturned(id, assetId, stranger);
        vm.prank(stranger);
        orders.returnExpired(order);
        assertEq(status(id), uint8(IOrders.Status.Returned));
        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
        assertEq(datatoken.balanceOf(stranger), 0);
    }

    function test_fulfilAndCancel_areTheProvidersOnly() public {
        (Order memory order,) = openHeld("a");
        address[4] memory others = [publisher, buyer, stranger, address(market)];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IOrders.NotProvider.selector, others[i], provider);
            vm.startPrank(others[i]);
            vm.expectRevert(refusal);
            orders.fulfil(order, RECEIPT);
            vm.expectRevert(refusal);
            orders.cancel(order, 0);
            vm.stopPrank();
        }
    }

    function test_endsOnce_whateverTheWay() public {
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32[3] memory salts = [bytes32("a"), "b", "c"];
        for (uint8 first = 0; first < 3; ++first) {
            (Order memory order, bytes32 id) = openHeld(salts[first]);
            uint256 opened = vm.snapshotState();
            for (uint8 second = 0; second < 3; ++second) {
                vm.revertToState(opened);
                end(order, first);
                uint8 ended = status(id);
                // Back in time, so that it is the status that refuses and not the clock.
                vm.warp(second == 2 ? order.deadline + 1 : order.deadline);
                bytes memory refusal = abi.encodeWithSelector(IOrders.OrderNotOpen.selector, id, ended);
                vm.prank(provider);
                vm.expectRevert(refusal);
                if (second == 0) orders.fulfil(order, RECEIPT);
                else if (second == 1) orders.cancel(order, 0);
                else orders.returnExpired(order);
                assertEq(status(id), ended);
            }
            vm.revertToState(opened);
        }
    }

    function test_ended_canNotBeOpenedAgain() public {
        (Order memory order, bytes32 id) = openHeld("a");
        vm.prank(provider);
        orders.cancel(order, 0);
        expectOpenRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, id), address(datatoken), order.deadline);
    }

    /// @dev Presenting any other order than the one that was opened finds nothing, whichever field was changed.
    function testFuzz_presentedOrder_mustBeTheOpenedOne(uint8 field, uint256 to) public {
        (Order memory order, bytes32 id) = openHeld("a");
        field = uint8(bound(field, 0, 10));
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
        else order.protocolFee = to;
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
    }

    function test_orderIdOf_isTheDocumentedHash() public {
        Order memory order = heldOrder("a");
        bytes32 id = orders.orderIdOf(order);
        assertEq(id, keccak256(abi.encode(block.chainid, address(orders), order)));
        vm.chainId(1);
        assertNotEq(orders.orderIdOf(order), id);
    }

    function test_aRevokedAsset_stillLetsRunningOrdersEnd() public {
        (Order memory order,) = openHeld("a");
        (Order memory other,) = openHeld("b");
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Revoked);
        vm.startPrank(provider);
        orders.fulfil(order, RECEIPT);
        orders.cancel(other, 0);
    }

    function end(Order memory order, uint8 way) private {
        if (way == 2) vm.warp(order.deadline + 1);
        vm.prank(provider);
        if (way == 0) orders.fulfil(order, RECEIPT);
        else if (way == 1) orders.cancel(order, 0);
        else orders.returnExpired(order);
    }

    function expectOpenRefused(bytes memory reason, address token, uint64 deadline) private {
        OpenRequest[] memory requests = new OpenRequest[](1);
        requests[0] = OpenRequest(token, REQUEST, deadline, "a");
        vm.prank(buyer);
        vm.expectRevert(reason);
        orders.open(requests);
    }
}
