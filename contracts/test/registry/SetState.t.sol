// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract SetStateTest is Fixture {
    function test_setState_fromEachToEach() public {
        bool[5] memory orderable = [true, false, false, false, true];
        for (uint8 from = 0; from < 5; ++from) {
            for (uint8 to = 0; to < 5; ++to) {
                set(from);
                vm.expectEmit(address(registry));
                emit IAssetRegistry.StateChanged(assetId, publisher, IAssetRegistry.State(to));
                vm.recordLogs();
                vm.record();
                set(to);
                assertEq(vm.getRecordedLogs().length, 1);
                // Orders is told when, and only when, something changes for it.
                (, bytes32[] memory writes) = vm.accesses(address(orders));
                assertEq(writes.length, orderable[from] == orderable[to] ? 0 : 1);
                assertEq(uint8(registry.stateOf(assetId)), to);
                (address owner, bool open) = registry.ordering(assetId);
                assertEq(owner, publisher);
                assertEq(open, orderable[to]);
            }
        }
    }

    function test_setState_ofOneAssetIsNoneOfAnother() public {
        (uint256 other,) = publish("other", address(dollar), PRICE);
        set(uint8(IAssetRegistry.State.Revoked));
        assertEq(uint8(registry.stateOf(other)), uint8(IAssetRegistry.State.Active));
        (, bool open) = registry.ordering(other);
        assertTrue(open);
    }

    function test_setState_keepsOwnerAndServices() public {
        set(uint8(IAssetRegistry.State.Unlisted));
        assertEq(registry.ownerOf(assetId), publisher);
        assertEq(registry.servicesOf(assetId), 1);
    }

    function test_setState_refusesAStateThatIsNone() public {
        vm.prank(publisher);
        (bool ok,) = address(registry).call(abi.encodeWithSelector(IAssetRegistry.setState.selector, assetId, 5));
        assertFalse(ok);
        assertEq(uint8(registry.stateOf(assetId)), uint8(IAssetRegistry.State.Active));
    }

    function test_setState_isTheOwnersOnly() public {
        vm.startPrank(publisher);
        registry.setApprovalForAll(stranger, true);
        registry.approve(provider, assetId);
        vm.stopPrank();
        expectRefused(stranger);
        expectRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.StateChanged(assetId, stranger, IAssetRegistry.State.Retired);
        vm.prank(stranger);
        registry.setState(assetId, IAssetRegistry.State.Retired);
    }

    function test_setState_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        registry.setState(5, IAssetRegistry.State.Retired);
    }

    /// @dev Registry and Orders keep the same thing in two places; they never differ, whatever came before.
    function testFuzz_setState_registryAndOrdersAgree(uint8[8] calldata states) public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        for (uint256 i = 0; i < states.length; ++i) {
            set(states[i] % 5);
            (, bool open) = registry.ordering(assetId);
            Order memory order = heldOrder(bytes32(i));
            vm.prank(buyer);
            if (!open) vm.expectRevert(abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId));
            market.buyAndOpen(requestOf(order), limitsFor(address(dollar), 0));
        }
    }

    function set(uint8 state) private {
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State(state));
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        registry.setState(assetId, IAssetRegistry.State.Revoked);
    }
}
