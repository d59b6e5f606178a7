// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";

/// @notice `approve` and `setApprovalForAll`: the right to move an asset, and no other.
contract ApproveTest is Fixture {
    function test_approve() public {
        vm.expectEmit(address(registry));
        emit IERC721.Approval(publisher, stranger, assetId);
        vm.prank(publisher);
        registry.approve(stranger, assetId);
        assertEq(registry.getApproved(assetId), stranger);
    }

    function test_approve_refusesEveryoneElse() public {
        vm.prank(publisher);
        registry.approve(provider, assetId);
        address[2] memory callers = [stranger, provider];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidApprover.selector, callers[i]));
            registry.approve(stranger, assetId);
        }
    }

    function test_approve_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        registry.approve(stranger, 5);
    }

    function test_setApprovalForAll() public {
        vm.expectEmit(address(registry));
        emit IERC721.ApprovalForAll(publisher, stranger, true);
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        assertTrue(registry.isApprovedForAll(publisher, stranger));
        assertFalse(registry.isApprovedForAll(stranger, publisher));
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, false);
        assertFalse(registry.isApprovedForAll(publisher, stranger));
    }

    function test_setApprovalForAll_refusesNobody() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOperator.selector, address(0)));
        registry.setApprovalForAll(address(0), true);
    }
}
