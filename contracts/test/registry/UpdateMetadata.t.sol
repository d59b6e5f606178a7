// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";

contract UpdateMetadataTest is Fixture {
    function test_updateMetadata_refusesEmptyAndKeepsTheOld() public {
        vm.prank(publisher);
        vm.expectRevert(IAssetRegistry.EmptyMetadata.selector);
        registry.updateMetadata(assetId, "");
        assertEq(registry.metadataHashOf(assetId), keccak256(METADATA));
    }

    function test_updateMetadata_isTheOwnersOnly() public {
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
        emit IAssetRegistry.MetadataUpdated(assetId, stranger, "mine now");
        vm.prank(stranger);
        registry.updateMetadata(assetId, "mine now");
    }

    function test_updateMetadata_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        registry.updateMetadata(5, "x");
    }

    function test_updateMetadata_ofARetiredAsset() public {
        vm.startPrank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Retired);
        registry.updateMetadata(assetId, "why it is retired");
        assertEq(registry.metadataHashOf(assetId), keccak256("why it is retired"));
    }

    function testFuzz_updateMetadata_keepsTheHashOfWhatItEmits(bytes calldata metadata) public {
        vm.assume(metadata.length != 0);
        (uint256 other,) = publish("other", address(dollar), PRICE);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.MetadataUpdated(assetId, publisher, metadata);
        vm.recordLogs();
        vm.prank(publisher);
        registry.updateMetadata(assetId, metadata);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(registry.metadataHashOf(assetId), keccak256(metadata));
        assertEq(registry.metadataHashOf(other), keccak256(METADATA));
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        registry.updateMetadata(assetId, "x");
    }
}
