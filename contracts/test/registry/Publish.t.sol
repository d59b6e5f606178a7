// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Sale} from "../../src/interfaces/IMarket.sol";

contract PublishTest is Fixture {
    bytes32 private constant SECOND = "second";

    function test_publish_emitsEverythingAndNothingElse() public {
        uint256 id = registry.assetIdOf(publisher, SECOND);
        address token = registry.datatokenOf(id, 0, provider);
        vm.expectEmit(address(registry));
        emit IERC721.Transfer(address(0), publisher, id);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.AssetPublished(id, publisher, SECOND, METADATA);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(id, publisher, token, 0, provider, address(dollar), PRICE);
        vm.recordLogs();
        publish(SECOND, address(dollar), PRICE);
        assertEq(vm.getRecordedLogs().length, 3);
    }

    function test_publish_leavesAnAssetThatCanBeBought() public {
        uint256 id = registry.assetIdOf(publisher, SECOND);
        address token = registry.datatokenOf(id, 0, provider);
        (uint256 published, Datatoken deployed) = publish(SECOND, address(dollar), PRICE);

        assertEq(published, id);
        assertEq(address(deployed), token);
        assertEq(registry.ownerOf(id), publisher);
        assertEq(registry.balanceOf(publisher), 2);
        assertEq(registry.metadataHashOf(id), keccak256(METADATA));
        assertEq(uint8(registry.stateOf(id)), uint8(IAssetRegistry.State.Active));
        assertEq(registry.servicesOf(id), 1);
        assertEq(deployed.assetId(), id);
        assertEq(deployed.serviceIndex(), 0);
        assertEq(orders.providerOf(token), provider);
        Sale memory sale = market.saleOf(token);
        assertEq(sale.paymentToken, address(dollar));
        assertEq(sale.price, PRICE);
        assertEq(sale.referralBps, 0);
        assertFalse(sale.paused);
        assertFalse(sale.limited);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(token, 1, usual());
        assertEq(deployed.balanceOf(buyer), ONE);
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
        assertEq(registry.ownerOf(assetId), publisher);
    }

    function test_publish_refusesEmptyMetadataAndLeavesNothing() public {
        vm.prank(publisher);
        vm.expectRevert(IAssetRegistry.EmptyMetadata.selector);
        registry.publish(SECOND, "", ServiceTerms(provider, address(dollar), PRICE));
        uint256 id = registry.assetIdOf(publisher, SECOND);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id));
        registry.ownerOf(id);
        assertEq(registry.datatokenOf(id, 0, provider).code.length, 0);
    }

    function test_publish_takesOneByteOfMetadata() public {
        vm.prank(publisher);
        (uint256 id,) = registry.publish(SECOND, hex"00", ServiceTerms(provider, address(dollar), PRICE));
        assertEq(registry.metadataHashOf(id), keccak256(hex"00"));
    }

    function test_publish_withoutProviderMeansThePublisher() public {
        uint256 id = registry.assetIdOf(publisher, SECOND);
        address token = registry.datatokenOf(id, 0, publisher);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(id, publisher, token, 0, publisher, address(0), 0);
        vm.prank(publisher);
        registry.publish(SECOND, METADATA, ServiceTerms(address(0), address(0), 0));
        assertEq(orders.providerOf(token), publisher);
    }

    function test_publish_doesNotAskAContractWhetherItTakesTheAsset() public {
        // The market is a contract and would refuse to be asked.
        vm.prank(address(market));
        (uint256 id,) = registry.publish(SALT, METADATA, ServiceTerms(provider, address(dollar), PRICE));
        assertEq(registry.ownerOf(id), address(market));
    }

    function test_publish_priceUpToTheLastThatFits() public {
        (, Datatoken token) = publish(SECOND, address(dollar), 2 ** 88 - 1);
        assertEq(market.saleOf(address(token)).price, 2 ** 88 - 1);
        (, token) = publish("third", address(dollar), 0);
        assertEq(market.saleOf(address(token)).price, 0);
        uint96[2] memory wrong = [uint96(2 ** 88), type(uint96).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, wrong[i]));
            publish("fourth", address(dollar), wrong[i]);
        }
    }

    function test_publish_refusesTheDatatokenItselfAndAddressesWithoutCode() public {
        address foretold = registry.datatokenOf(registry.assetIdOf(publisher, SECOND), 0, provider);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, foretold));
        publish(SECOND, foretold, PRICE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger));
        publish(SECOND, stranger, PRICE);
        // Another datatoken is a token like any other.
        publish(SECOND, address(datatoken), PRICE);
    }

    function testFuzz_publish_keepsTheHashOfWhatItEmits(address who, bytes32 salt, bytes calldata metadata) public {
        vm.assume(metadata.length != 0 && who != address(0) && !(who == publisher && salt == SALT));
        uint256 id = registry.assetIdOf(who, salt);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.AssetPublished(id, who, salt, metadata);
        vm.prank(who);
        registry.publish(salt, metadata, ServiceTerms(provider, address(dollar), PRICE));
        assertEq(registry.metadataHashOf(id), keccak256(metadata));
        assertEq(registry.ownerOf(id), who);
    }

    /// @dev The terms arrive where they are asked for, whatever they are.
    function testFuzz_publish_keepsTheTerms(address runs, bool inEther, uint96 price) public {
        price = uint96(bound(price, 0, 2 ** 88 - 1));
        address money = inEther ? address(0) : address(dollar);
        vm.prank(publisher);
        (uint256 id, address token) = registry.publish(SECOND, METADATA, ServiceTerms(runs, money, price));
        assertEq(orders.providerOf(token), runs == address(0) ? publisher : runs);
        assertEq(registry.serviceOf(token).assetId, id);
        assertEq(market.saleOf(token).paymentToken, money);
        assertEq(market.saleOf(token).price, price);
    }
}
