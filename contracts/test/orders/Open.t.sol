// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

contract OpenTest is Fixture {
    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 3);
    }

    function test_open_spendsOneDatatokenWithoutAnyAllowance() public {
        assertEq(datatoken.allowance(buyer, address(orders)), 0);
        Order memory order = heldOrder("a");
        bytes32 id = expectOpened(order);
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(buyer, address(0), ONE);
        vm.recordLogs();
        (, bytes32 opened) = openHeld("a");
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(opened, id);
        assertEq(orders.orderIdOf(order), id);
        assertEq(status(id), uint8(IOrders.Status.Open));
        assertEq(datatoken.balanceOf(buyer), 2 * ONE);
        assertEq(datatoken.totalSupply(), 2 * ONE);
    }

    function test_open_usesNoAllowanceThatIsThere() public {
        vm.prank(buyer);
        datatoken.approve(address(orders), 5);
        openHeld("a");
        assertEq(datatoken.allowance(buyer, address(orders)), 5);
    }

    function test_open_withABoughtTokenOfAnother() public {
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE));
        Order memory order = heldOrder("a");
        order.consumer = stranger;
        expectOpened(order);
        vm.prank(stranger);
        orders.open(batchOf(requestOf(order)));
        assertEq(datatoken.balanceOf(stranger), 0);
    }

    function test_open_needsAWholeToken() public {
        expectNoTokenRefused(stranger, 0);
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE - 1));
        expectNoTokenRefused(stranger, ONE - 1);
        // An allowance of somebody who has one is of no use either.
        vm.prank(buyer);
        datatoken.approve(stranger, type(uint256).max);
        expectNoTokenRefused(stranger, ONE - 1);
    }

    function test_open_batchOverAssetsServicesAndProviders() public {
        (uint256 otherId, Datatoken other) = publish("other", address(dollar), 0);
        vm.startPrank(publisher);
        orders.setProvider(address(other), stranger);
        Datatoken second = Datatoken(registry.addService(assetId, 1, ServiceTerms(treasury, address(0), 0)));
        vm.stopPrank();
        vm.startPrank(buyer);
        market.buy(address(other), 1, limitsFor(address(dollar), 0));
        market.buy(address(second), 1, limitsFor(address(0), 0));
        vm.stopPrank();

        Order[4] memory opened = [heldOrder("a"), heldOrder("a"), heldOrder("a"), heldOrder("b")];
        (opened[1].assetId, opened[1].datatoken, opened[1].provider) = (otherId, address(other), stranger);
        (opened[2].datatoken, opened[2].provider) = (address(second), treasury);
        opened[1].escrowToken = address(other);
        opened[2].escrowToken = address(second);
        OpenRequest[] memory requests = new OpenRequest[](4);
        for (uint256 i = 0; i < 4; ++i) {
            requests[i] = requestOf(opened[i]);
            expectOpened(opened[i]);
        }
        vm.prank(buyer);
        bytes32[] memory ids = orders.open(requests);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(ids[i], orders.orderIdOf(opened[i]));
            assertEq(status(ids[i]), uint8(IOrders.Status.Open));
        }
        assertEq(datatoken.totalSupply(), ONE);
        assertEq(other.totalSupply(), 0);
        assertEq(second.totalSupply(), 0);
        // Each for itself from now on.
        fulfil(opened[0]);
        cancel(opened[1]);
        returnLate(opened[2]);
        assertEq(status(ids[3]), uint8(IOrders.Status.Open));
        assertEq(datatoken.totalSupply(), ONE);
        assertEq(other.balanceOf(buyer), ONE);
        assertEq(second.balanceOf(buyer), ONE);
    }

    function test_open_batchIsAllOrNothing() public {
        (uint256 otherId, Datatoken other) = publish("other", address(dollar), 0);
        OpenRequest[] memory requests = new OpenRequest[](3);
        requests[0] = requestOf(heldOrder("a"));
        requests[1] = requestOf(heldOrder("b"));
        requests[2] = requestOf(heldOrder("c"));
        // Whatever is wrong with the last one.
        requests[2].datatoken = address(other);
        expectRefused(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, 0, ONE), requests);
        vm.prank(publisher);
        registry.setState(otherId, IAssetRegistry.State.Retired);
        expectRefused(abi.encodeWithSelector(IOrders.NotOrderable.selector, otherId), requests);
        requests[2] = requests[0];
        expectRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, orders.orderIdOf(heldOrder("a"))), requests);
        requests[2].salt = "c";
        requests[2].provider = stranger;
        expectRefused(abi.encodeWithSelector(IOrders.WrongProvider.selector, provider, stranger), requests);
        assertEq(status(orders.orderIdOf(heldOrder("a"))), uint8(IOrders.Status.None));
        assertEq(status(orders.orderIdOf(heldOrder("b"))), uint8(IOrders.Status.None));
    }

    function test_open_emptyBatchDoesNothing() public {
        vm.recordLogs();
        assertEq(orders.open(new OpenRequest[](0)).length, 0);
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_open_refusesAnUsedIdWhateverBecameOfIt() public {
        (Order memory order, bytes32 id) = openHeld("a");
        expectRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, id), batchOf(requestOf(order)));
        uint256 opened = vm.snapshotState();
        for (uint256 way = 0; way < 3; ++way) {
            vm.revertToState(opened);
            if (way == 0) fulfil(order);
            else if (way == 1) cancel(order);
            else returnLate(order);
            // Back in time, so that the deadline is one that is accepted.
            vm.warp(order.deadline - 1 hours);
            expectRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, id), batchOf(requestOf(order)));
        }
    }

    function test_open_refusesWhatMayNotBeOrdered() public {
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Retired);
        expectRefused(
            abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId), batchOf(requestOf(heldOrder("a")))
        );
    }

    function test_open_refusesAnotherProviderThanExpected() public {
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        requests[0].provider = address(0);
        expectRefused(abi.encodeWithSelector(IOrders.WrongProvider.selector, provider, address(0)), requests);
        // Changed between quote and transaction.
        requests[0].provider = provider;
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        expectRefused(abi.encodeWithSelector(IOrders.WrongProvider.selector, stranger, provider), requests);
        requests[0].provider = stranger;
        vm.prank(buyer);
        orders.open(requests);
    }

    function test_open_deadlineAtItsBoundaries() public {
        uint64 earliest = uint64(block.timestamp) + orders.MIN_DURATION();
        uint64 latest = uint64(block.timestamp) + orders.MAX_DURATION();
        uint64[4] memory wrong = [uint64(0), earliest - 1, latest + 1, type(uint64).max];
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        for (uint256 i = 0; i < wrong.length; ++i) {
            requests[0].deadline = wrong[i];
            expectRefused(
                abi.encodeWithSelector(IOrders.DeadlineOutOfRange.selector, wrong[i], earliest, latest), requests
            );
        }
        vm.startPrank(buyer);
        requests[0].deadline = earliest;
        orders.open(requests);
        requests[0].deadline = latest;
        orders.open(requests);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function testFuzz_open_deadline(uint64 deadline) public {
        uint64 earliest = uint64(block.timestamp) + 60;
        uint64 latest = uint64(block.timestamp) + 30 days;
        // Half of the time close enough to be accepted.
        if (deadline % 2 == 0) deadline = uint64(block.timestamp) + deadline % 60 days;
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        requests[0].deadline = deadline;
        vm.prank(buyer);
        if (deadline < earliest || deadline > latest) {
            vm.expectRevert(abi.encodeWithSelector(IOrders.DeadlineOutOfRange.selector, deadline, earliest, latest));
        }
        orders.open(requests);
    }

    /// @dev As many as are held, and not one more.
    function testFuzz_open_asManyAsAreHeld(uint8 held, uint8 wanted) public {
        held = uint8(bound(held, 1, 20));
        wanted = uint8(bound(wanted, 0, 25));
        holdDatatokens(stranger, held);
        OpenRequest[] memory requests = new OpenRequest[](wanted);
        for (uint256 i = 0; i < wanted; ++i) {
            requests[i] = requestOf(heldOrder(bytes32(i)));
        }
        vm.prank(stranger);
        if (wanted > held) {
            vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, stranger, 0, ONE));
        }
        orders.open(requests);
        uint256 opened = wanted > held ? 0 : wanted;
        assertEq(datatoken.balanceOf(stranger), (held - opened) * ONE);
    }

    function expectNoTokenRefused(address who, uint256 has) private {
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        vm.prank(who);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, who, has, ONE));
        orders.open(requests);
    }

    function expectRefused(bytes memory reason, OpenRequest[] memory requests) private {
        uint256 before = datatoken.balanceOf(buyer);
        vm.prank(buyer);
        vm.expectRevert(reason);
        orders.open(requests);
        assertEq(datatoken.balanceOf(buyer), before);
    }
}
