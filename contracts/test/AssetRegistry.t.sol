// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {IAssetRegistry, ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {IMarket, Sale} from "../src/interfaces/IMarket.sol";

contract AssetRegistryTest is Fixture {
    function test_publish_emitsEverythingAndIsUsable() public {
        bytes32 salt = "second";
        uint256 id = registry.assetIdOf(publisher, salt);
        address token = registry.datatokenOf(id, 0);

        vm.expectEmit(address(registry));
        emit IAssetRegistry.AssetPublished(id, publisher, salt, keccak256(METADATA), METADATA);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(id, token, 0, provider, address(dollar), PRICE);
        vm.expectEmit(address(market));
        emit IMarket.ServiceListed(id, token, provider, address(dollar), PRICE);
        (uint256 published, Datatoken deployed) = publish(salt, address(dollar), PRICE);

        assertEq(published, id);
        assertEq(address(deployed), token);
        assertEq(registry.ownerOf(id), publisher);
        assertEq(registry.metadataHashOf(id), keccak256(METADATA));
        assertEq(uint8(registry.stateOf(id)), uint8(IAssetRegistry.State.Active));
        assertTrue(registry.isOrderable(id));
        Sale memory sale = market.saleOf(token);
        assertEq(sale.provider, provider);
        assertEq(sale.paymentToken, address(dollar));
        assertEq(sale.price, PRICE);
        assertFalse(sale.paused);
        assertEq(sale.referralBps, 0);
    }

    function test_publish_refusesASaltTwice() public {
        vm.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetExists.selector, assetId));
        publish(SALT, address(dollar), PRICE);
    }

    function test_publish_refusesASaltTwiceEvenAfterTheAssetWasGivenAway() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.expectRevert(abi.encodeWithSelector(IAssetRegistry.AssetExists.selector, assetId));
        publish(SALT, address(dollar), PRICE);
        assertEq(registry.ownerOf(assetId), stranger);
    }

    function test_publish_sameSaltOfAnotherPublisherIsAnotherAsset() public {
        vm.prank(stranger);
        (uint256 id,) = registry.publish(SALT, METADATA, ServiceTerms(provider, address(dollar), PRICE));
        assertNotEq(id, assetId);
        assertEq(registry.ownerOf(id), stranger);
    }

    function test_publish_refusesEmptyMetadata() public {
        vm.prank(publisher);
        vm.expectRevert(IAssetRegistry.EmptyMetadata.selector);
        registry.publish("empty", "", ServiceTerms(provider, address(dollar), PRICE));
    }

    function test_publish_withoutProviderMeansThePublisher() public {
        uint256 id = registry.assetIdOf(publisher, "own");
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(id, registry.datatokenOf(id, 0), 0, publisher, address(dollar), PRICE);
        vm.prank(publisher);
        (, address token) = registry.publish("own", METADATA, ServiceTerms(address(0), address(dollar), PRICE));
        assertEq(market.saleOf(token).provider, publisher);
    }

    function testFuzz_assetIdOf_isTheDocumentedHashAndFits96Bits(address who, bytes32 salt) public view {
        uint256 id = registry.assetIdOf(who, salt);
        assertEq(id, uint256(keccak256(abi.encode(block.chainid, address(registry), who, salt))) % (1 << 96));
    }

    function test_assetIdOf_dependsOnTheChain() public {
        vm.chainId(1);
        assertNotEq(registry.assetIdOf(publisher, SALT), assetId);
    }

    function test_addService_deploysAtTheForetoldAddress() public {
        address foretold = registry.datatokenOf(assetId, 7);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(assetId, foretold, 7, stranger, address(0), 3);
        vm.prank(publisher);
        address token = registry.addService(assetId, 7, ServiceTerms(stranger, address(0), 3));
        assertEq(token, foretold);
        assertEq(Datatoken(token).assetId(), assetId);
        assertEq(Datatoken(token).serviceIndex(), 7);
        assertEq(market.saleOf(token).price, 3);
    }

    function test_addService_refusesATakenIndex() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IAssetRegistry.ServiceExists.selector, assetId, 0));
        registry.addService(assetId, 0, ServiceTerms(provider, address(dollar), PRICE));
    }

    function test_updateMetadata_keepsTheHashOfWhatItEmits() public {
        bytes memory metadata = "second edition";
        vm.expectEmit(address(registry));
        emit IAssetRegistry.MetadataUpdated(assetId, publisher, keccak256(metadata), metadata);
        vm.prank(publisher);
        registry.updateMetadata(assetId, metadata);
        assertEq(registry.metadataHashOf(assetId), keccak256(metadata));
    }

    function test_updateMetadata_refusesEmpty() public {
        vm.prank(publisher);
        vm.expectRevert(IAssetRegistry.EmptyMetadata.selector);
        registry.updateMetadata(assetId, "");
    }

    function test_setState_truthTable() public {
        bool[5] memory orderable = [true, false, false, false, true];
        for (uint8 i = 0; i < 5; ++i) {
            IAssetRegistry.State state = IAssetRegistry.State(i);
            vm.expectEmit(address(registry));
            emit IAssetRegistry.StateChanged(assetId, publisher, state);
            vm.prank(publisher);
            registry.setState(assetId, state);
            assertEq(uint8(registry.stateOf(assetId)), i);
            assertEq(registry.isOrderable(assetId), orderable[i]);
        }
    }

    function test_everyRight_isTheOwnersOnly() public {
        assertRefused(stranger);
    }

    function test_everyRight_movesWithTheAsset() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertRefused(publisher);
        vm.startPrank(stranger);
        registry.updateMetadata(assetId, "mine now");
        registry.setState(assetId, IAssetRegistry.State.Retired);
        registry.addService(assetId, 1, ServiceTerms(provider, address(dollar), PRICE));
    }

    function test_anApprovedOperatorHasNoRightsButToMoveTheAsset() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        assertRefused(stranger);
    }

    function test_unknownAsset_reverts() public {
        bytes memory missing = abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5);
        vm.expectRevert(missing);
        registry.isOrderable(5);
        vm.expectRevert(missing);
        registry.stateOf(5);
        vm.expectRevert(missing);
        registry.metadataHashOf(5);
        vm.expectRevert(missing);
        registry.setState(5, IAssetRegistry.State.Retired);
    }

    function test_datatokenOf_refusesAnIdThatIsNone() public {
        vm.expectRevert();
        registry.datatokenOf(uint256(type(uint96).max) + 1, 0);
    }

    function testFuzz_datatokenArgs_surviveTheRoundTrip(bytes32 salt, uint32 index) public {
        index = uint32(bound(index, 1, type(uint32).max));
        vm.assume(salt != SALT);
        (uint256 id,) = publish(salt, address(dollar), PRICE);
        vm.prank(publisher);
        Datatoken token = Datatoken(registry.addService(id, index, ServiceTerms(provider, address(dollar), PRICE)));
        assertEq(token.assetId(), id);
        assertEq(token.serviceIndex(), index);
    }

    function assertRefused(address caller) private {
        bytes memory refusal = abi.encodeWithSelector(IAssetRegistry.NotAssetOwner.selector, caller, assetId);
        vm.startPrank(caller);
        vm.expectRevert(refusal);
        registry.updateMetadata(assetId, "x");
        vm.expectRevert(refusal);
        registry.setState(assetId, IAssetRegistry.State.Revoked);
        vm.expectRevert(refusal);
        registry.addService(assetId, 1, ServiceTerms(provider, address(dollar), PRICE));
        vm.stopPrank();
    }
}
