// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {AssetRegistry} from "../../src/AssetRegistry.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {DatatokenArgs, Service} from "../../src/DatatokenArgs.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {OpenRequest} from "../../src/interfaces/IOrders.sol";
import {Forger} from "../mocks/Forger.sol";

/// @notice What is a datatoken, and everything that only looks like one.
contract ServiceOfTest is Fixture {
    function test_serviceOf_aDatatoken() public view {
        Service memory service = registry.serviceOf(address(datatoken));
        assertEq(service.assetId, assetId);
        assertEq(service.serviceIndex, 0);
        assertEq(service.provider, provider);
    }

    function test_serviceOf_staysWhatItWasWhateverChangesLater() public {
        vm.startPrank(publisher);
        orders.setProvider(address(datatoken), stranger);
        registry.transferFrom(publisher, stranger, assetId);
        vm.stopPrank();
        assertEq(registry.serviceOf(address(datatoken)).provider, provider);
    }

    function test_serviceOf_refusesTheSameCodeFromAnotherDeployer() public {
        address forged = new Forger().forge(address(implementation), argsOf(assetId, 0, provider));
        assertEq(forged.code, address(datatoken).code);
        // It even says that it is the asset's.
        assertEq(Datatoken(forged).assetId(), assetId);
        assertRefused(forged);
    }

    function test_serviceOf_refusesAServiceThatWasNeverAdded() public {
        address forged = new Forger().forge(address(implementation), argsOf(assetId, 1, stranger));
        assertRefused(forged);
        assertRefused(registry.datatokenOf(assetId, 1, stranger));
    }

    function test_serviceOf_refusesAnotherRegistrysDatatoken() public {
        AssetRegistry other = new AssetRegistry(address(market), address(orders), address(implementation));
        vm.mockCall(address(market), abi.encodeWithSelector(IMarket.list.selector), "");
        vm.prank(publisher);
        (uint256 id, address token) = other.publish(SALT, METADATA, ServiceTerms(provider, address(dollar), PRICE));
        assertEq(other.serviceOf(token).assetId, id);
        assertRefused(token);
    }

    function test_serviceOf_refusesAnotherImplementationsClone() public {
        Datatoken other = new Datatoken(address(this), address(this));
        assertRefused(new Forger().forge(address(other), argsOf(assetId, 0, provider)));
    }

    function test_serviceOf_refusesACopyElsewhere() public {
        address copy = makeAddr("copy");
        vm.etch(copy, address(datatoken).code);
        assertRefused(copy);
    }

    function test_serviceOf_refusesCodeOfAnotherLength() public {
        bytes memory code = address(datatoken).code;
        assertEq(code.length, 81);
        address copy = makeAddr("copy");
        vm.etch(copy, abi.encodePacked(code, hex"00"));
        assertRefused(copy);
        vm.etch(copy, cut(code, 80));
        assertRefused(copy);
        vm.etch(copy, hex"00");
        assertRefused(copy);
        assertRefused(new Forger().forgeWithoutArgs(address(implementation)));
        // What EIP-7702 leaves at the address of a key.
        vm.etch(copy, abi.encodePacked(hex"ef0100", address(datatoken)));
        assertRefused(copy);
    }

    function test_serviceOf_refusesALongerCodeEvenAtADatatokensAddress() public {
        bytes memory code = address(datatoken).code;
        vm.etch(address(datatoken), abi.encodePacked(code, hex"00"));
        assertRefused(address(datatoken));
    }

    function test_serviceOf_refusesWhatIsNoClone() public {
        address[8] memory others = [
            address(0),
            address(1),
            stranger,
            address(dollar),
            address(implementation),
            address(registry),
            address(market),
            address(orders)
        ];
        for (uint256 i = 0; i < others.length; ++i) {
            assertRefused(others[i]);
        }
    }

    /// @dev Whatever stands in code of the right length: an address proves nothing but what is hashed into it.
    function testFuzz_serviceOf_refusesAnyOtherArguments(uint96 id, uint32 index, address runs) public {
        vm.assume(id != assetId || index != 0 || runs != provider);
        bytes memory code = abi.encodePacked(cut(address(datatoken).code, 45), argsOf(id, index, runs));
        assertEq(code.length, 81);
        vm.etch(stranger, code);
        assertRefused(stranger);
        vm.etch(address(datatoken), code);
        assertRefused(address(datatoken));
    }

    /// @dev Also by everyone who relies on it.
    function assertRefused(address forged) private {
        bytes memory refusal = abi.encodeWithSelector(DatatokenArgs.UnknownService.selector, forged);
        vm.expectRevert(refusal);
        registry.serviceOf(forged);
        vm.expectRevert(refusal);
        orders.providerOf(forged);
        vm.prank(buyer);
        vm.expectRevert(refusal);
        orders.open(batchOf(OpenRequest(forged, provider, REQUEST, anHourFromNow(), "a")));
        vm.startPrank(publisher);
        vm.expectRevert(refusal);
        orders.setProvider(forged, publisher);
        vm.expectRevert(refusal);
        orders.setGate(forged, address(memberList));
        vm.stopPrank();
    }

    function argsOf(uint256 id, uint32 index, address runs) private pure returns (bytes memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return abi.encodePacked(uint96(id), index, runs);
    }

    function cut(bytes memory code, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = code[i];
        }
    }
}
