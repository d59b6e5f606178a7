// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AssetHolder} from "../mocks/AssetHolder.sol";
import {Fixture} from "../Fixture.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";

/// @notice `transferFrom` and `safeTransferFrom`: the asset as an ERC-721.
contract TransferTest is Fixture {
    function test_transferFrom_movesOwnerAndCountAndNothingElse() public {
        (uint256 other,) = publish("other", address(dollar), PRICE);
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Unlisted);
        vm.expectEmit(address(registry));
        emit IERC721.Transfer(publisher, stranger, assetId);
        vm.recordLogs();
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(registry.ownerOf(assetId), stranger);
        assertEq(registry.ownerOf(other), publisher);
        assertEq(registry.balanceOf(publisher), 1);
        assertEq(registry.balanceOf(stranger), 1);
        assertEq(uint8(registry.stateOf(assetId)), uint8(IAssetRegistry.State.Unlisted));
        assertEq(registry.servicesOf(assetId), 1);
        assertEq(registry.metadataHashOf(assetId), keccak256(METADATA));
    }

    function test_transferFrom_toOneselfChangesNothing() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, publisher, assetId);
        assertEq(registry.ownerOf(assetId), publisher);
        assertEq(registry.balanceOf(publisher), 1);
    }

    function test_transferFrom_endsTheApproval() public {
        vm.prank(publisher);
        registry.approve(provider, assetId);
        vm.prank(provider);
        registry.transferFrom(publisher, stranger, assetId);
        assertEq(registry.getApproved(assetId), address(0));
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, provider, assetId));
        registry.transferFrom(stranger, provider, assetId);
    }

    function test_transferFrom_byAnOperator() public {
        vm.prank(publisher);
        registry.setApprovalForAll(provider, true);
        vm.prank(provider);
        registry.transferFrom(publisher, stranger, assetId);
        assertEq(registry.ownerOf(assetId), stranger);
        // An operator of the former owner is none of the new one.
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, provider, assetId));
        registry.transferFrom(stranger, provider, assetId);
    }

    function test_transferFrom_refusesEveryoneElse() public {
        address[4] memory callers = [stranger, provider, address(market), address(orders)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, callers[i], assetId)
            );
            registry.transferFrom(publisher, callers[i], assetId);
        }
    }

    function test_transferFrom_refusesNobodyWrongOwnerAndNoAsset() public {
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0)));
        registry.transferFrom(publisher, address(0), assetId);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, stranger, assetId, publisher)
        );
        registry.transferFrom(stranger, provider, assetId);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        registry.transferFrom(publisher, stranger, 5);
    }

    function test_safeTransferFrom_asksAContract() public {
        AssetHolder holder = new AssetHolder();
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(market)));
        registry.safeTransferFrom(publisher, address(market), assetId);
        registry.safeTransferFrom(publisher, address(holder), assetId, "data");
        assertEq(registry.ownerOf(assetId), address(holder));
    }

    function testFuzz_transferFrom_countsAddUp(uint8[8] calldata to) public {
        address[3] memory people = [publisher, stranger, provider];
        for (uint256 i = 0; i < to.length; ++i) {
            address owner = registry.ownerOf(assetId);
            vm.prank(owner);
            registry.transferFrom(owner, people[to[i] % 3], assetId);
            for (uint256 j = 0; j < people.length; ++j) {
                assertEq(registry.balanceOf(people[j]), registry.ownerOf(assetId) == people[j] ? 1 : 0);
            }
        }
    }
}
