// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {stdError} from "forge-std/StdError.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";

contract RegistryViewsTest is Fixture {
    function test_describesItself() public view {
        assertEq(registry.name(), "Atoll Asset");
        assertEq(registry.symbol(), "ATOLL");
        assertEq(registry.tokenURI(assetId), "");
        assertEq(address(registry.MARKET()), address(market));
        assertEq(address(registry.ORDERS()), address(orders));
        assertEq(registry.DATATOKEN_IMPLEMENTATION(), address(implementation));
        assertTrue(registry.supportsInterface(type(IERC165).interfaceId));
        assertTrue(registry.supportsInterface(type(IERC721).interfaceId));
        assertTrue(registry.supportsInterface(type(IERC721Metadata).interfaceId));
        assertFalse(registry.supportsInterface(0xffffffff));
    }

    function test_ofAnAssetThatIsNone() public {
        bytes memory missing = abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5);
        vm.expectRevert(missing);
        registry.ordering(5);
        vm.expectRevert(missing);
        registry.stateOf(5);
        vm.expectRevert(missing);
        registry.servicesOf(5);
        vm.expectRevert(missing);
        registry.metadataHashOf(5);
        vm.expectRevert(missing);
        registry.ownerOf(5);
        vm.expectRevert(missing);
        registry.getApproved(5);
        vm.expectRevert(missing);
        registry.tokenURI(5);
    }

    function test_balanceOf() public {
        assertEq(registry.balanceOf(publisher), 1);
        assertEq(registry.balanceOf(stranger), 0);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOwner.selector, address(0)));
        registry.balanceOf(address(0));
    }

    function testFuzz_assetIdOf_isTheDocumentedHashAndFits96Bits(address who, bytes32 salt) public view {
        uint256 id = registry.assetIdOf(who, salt);
        assertEq(id, uint256(keccak256(abi.encode(block.chainid, address(registry), who, salt))) % (1 << 96));
    }

    function test_assetIdOf_dependsOnTheChain() public {
        vm.chainId(1);
        assertNotEq(registry.assetIdOf(publisher, SALT), assetId);
    }

    /// @dev Against the library's own arithmetic, with the layout written out.
    function testFuzz_datatokenOf_isTheCreate2AddressOfTheArguments(uint96 id, uint32 index, address runs) public view {
        assertEq(
            registry.datatokenOf(id, index, runs),
            Clones.predictDeterministicAddressWithImmutableArgs(
                address(implementation), bytes.concat(bytes12(id), bytes4(index), bytes20(runs)), 0, address(registry)
            )
        );
    }

    function test_datatokenOf_refusesAnIdThatIsNone() public {
        registry.datatokenOf(type(uint96).max, 0, provider);
        vm.expectRevert(stdError.assertionError);
        registry.datatokenOf(uint256(type(uint96).max) + 1, 0, provider);
    }
}
