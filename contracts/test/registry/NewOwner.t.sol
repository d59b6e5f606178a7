// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IMemberList} from "../../src/interfaces/IMemberList.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

/// @notice Every right over an asset, in all of the contracts, goes where its token goes: at once and whole.
contract NewOwnerTest is Fixture {
    struct Right {
        address where;
        bytes call;
    }

    function test_everyRight_isTheOwnersOnly() public {
        assertRefusedEverywhere(stranger);
        assertRefusedEverywhere(provider);
        assertRefusedEverywhere(buyer);
        assertAllowedEverywhere(publisher);
    }

    function test_everyRight_movesWithTheAsset() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertRefusedEverywhere(publisher);
        assertAllowedEverywhere(stranger);
    }

    function test_everyRight_comesBackWithTheAsset() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.prank(stranger);
        registry.transferFrom(stranger, publisher, assetId);
        assertRefusedEverywhere(stranger);
        assertAllowedEverywhere(publisher);
    }

    function test_anOperator_hasNoRightButToMoveTheAsset() public {
        vm.startPrank(publisher);
        registry.setApprovalForAll(stranger, true);
        registry.approve(buyer, assetId);
        vm.stopPrank();
        assertRefusedEverywhere(stranger);
        assertRefusedEverywhere(buyer);
    }

    function test_income_ofWhatIsSoldAndFulfilledLaterIsTheNewOwners() public {
        holdDatatokens(buyer, 1);
        (Order memory before,) = openPaid("a");
        (Order memory after_,) = openPaid("b");
        uint256 part = PRICE - PRICE / 100;
        fulfil(before);
        assertEq(market.earningsOf(address(dollar), publisher), 2 * part);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        // What was earned before stays, and is not taken along.
        assertEq(market.earningsOf(address(dollar), stranger), 0);
        fulfil(after_);
        holdDatatokens(buyer, 1);
        assertEq(market.earningsOf(address(dollar), publisher), 2 * part);
        assertEq(market.earningsOf(address(dollar), stranger), 2 * part);
    }

    function test_settings_stayUntilTheNewOwnerChangesThem() public {
        vm.startPrank(publisher);
        market.setReferral(address(datatoken), 500);
        orders.setGate(address(datatoken), address(memberList));
        registry.transferFrom(publisher, stranger, assetId);
        vm.stopPrank();
        assertEq(market.saleOf(address(datatoken)).referralBps, 500);
        assertEq(market.saleOf(address(datatoken)).price, PRICE);
        assertEq(orders.gateOf(address(datatoken)), address(memberList));
        assertEq(orders.providerOf(address(datatoken)), provider);
    }

    function assertRefusedEverywhere(address caller) private {
        Right[] memory all = rights();
        for (uint256 i = 0; i < all.length; ++i) {
            vm.prank(caller);
            (bool ok, bytes memory reason) = all[i].where.call(all[i].call);
            assertFalse(ok);
            assertEq(reason, refusalOf(caller));
        }
    }

    function assertAllowedEverywhere(address caller) private {
        Right[] memory all = rights();
        for (uint256 i = 0; i < all.length; ++i) {
            vm.prank(caller);
            (bool ok,) = all[i].where.call(all[i].call);
            assertTrue(ok);
        }
    }

    function rights() private view returns (Right[] memory all) {
        address token = address(datatoken);
        address[] memory nobody = new address[](0);
        all = new Right[](11);
        all[0] = Right(address(registry), abi.encodeCall(IAssetRegistry.updateMetadata, (assetId, "x")));
        all[1] =
            Right(address(registry), abi.encodeCall(IAssetRegistry.setState, (assetId, IAssetRegistry.State.Unlisted)));
        all[2] = Right(
            address(registry),
            abi.encodeCall(IAssetRegistry.addService, (assetId, 1, ServiceTerms(provider, address(dollar), 1)))
        );
        all[3] = Right(address(market), abi.encodeCall(IMarket.setPrice, (token, address(dollar), 1)));
        all[4] = Right(address(market), abi.encodeCall(IMarket.setPaused, (token, true)));
        all[5] = Right(address(market), abi.encodeCall(IMarket.setReferral, (token, 1)));
        all[6] = Right(address(market), abi.encodeCall(IMarket.setFreeLimits, (token, 1, 1)));
        all[7] = Right(address(orders), abi.encodeCall(IOrders.setProvider, (token, provider)));
        all[8] = Right(address(orders), abi.encodeCall(IOrders.setGate, (token, address(memberList))));
        all[9] = Right(address(memberList), abi.encodeCall(IMemberList.add, (assetId, nobody)));
        all[10] = Right(address(memberList), abi.encodeCall(IMemberList.remove, (assetId, nobody)));
    }
}
