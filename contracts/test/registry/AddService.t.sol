// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {stdError} from "forge-std/StdError.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Service} from "../../src/DatatokenArgs.sol";
import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Sale} from "../../src/interfaces/IMarket.sol";

contract AddServiceTest is Fixture {
    function test_addService_deploysAtTheForetoldAddress() public {
        address foretold = registry.datatokenOf(assetId, 1, stranger);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(assetId, publisher, foretold, 1, stranger, address(0), 3);
        vm.recordLogs();
        vm.prank(publisher);
        address token = registry.addService(assetId, 1, ServiceTerms(stranger, address(0), 3));
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(token, foretold);
        assertEq(Datatoken(token).assetId(), assetId);
        assertEq(Datatoken(token).serviceIndex(), 1);
        assertEq(orders.providerOf(token), stranger);
        assertEq(registry.servicesOf(assetId), 2);
        Sale memory sale = market.saleOf(token);
        assertEq(sale.paymentToken, address(0));
        assertEq(sale.price, 3);
        // The first service is as it was.
        assertEq(market.saleOf(address(datatoken)).price, PRICE);
        assertEq(orders.providerOf(address(datatoken)), provider);
    }

    function test_addService_numbersOneAfterTheOther() public {
        expectNumberRefused(0, 1);
        expectNumberRefused(2, 1);
        expectNumberRefused(type(uint32).max, 1);
        add(1);
        expectNumberRefused(1, 2);
        expectNumberRefused(3, 2);
        add(2);
        assertEq(registry.servicesOf(assetId), 3);
    }

    function test_addService_ofOneAssetDoesNotCountForAnother() public {
        add(1);
        (uint256 other,) = publish("other", address(dollar), PRICE);
        assertEq(registry.servicesOf(other), 1);
        vm.prank(publisher);
        registry.addService(other, 1, terms());
        assertEq(registry.servicesOf(assetId), 2);
    }

    function test_addService_upToTheLastNumber() public {
        setLastService(type(uint32).max - 1);
        add(type(uint32).max);
        vm.prank(publisher);
        vm.expectRevert(stdError.arithmeticError);
        registry.addService(assetId, 0, terms());
    }

    function test_addService_withoutProviderMeansTheCaller() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        address foretold = registry.datatokenOf(assetId, 1, stranger);
        vm.expectEmit(address(registry));
        emit IAssetRegistry.ServiceAdded(assetId, stranger, foretold, 1, stranger, address(dollar), PRICE);
        vm.prank(stranger);
        registry.addService(assetId, 1, ServiceTerms(address(0), address(dollar), PRICE));
    }

    function test_addService_isTheOwnersOnly() public {
        expectCallerRefused(stranger);
        expectCallerRefused(provider);
        vm.startPrank(publisher);
        registry.setApprovalForAll(stranger, true);
        registry.approve(provider, assetId);
        vm.stopPrank();
        expectCallerRefused(stranger);
        expectCallerRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectCallerRefused(publisher);
        vm.prank(stranger);
        registry.addService(assetId, 1, terms());
    }

    function test_addService_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IAssetRegistry.NotAssetOwner.selector, publisher, 5));
        registry.addService(5, 1, terms());
    }

    function test_addService_refusesWhatCanNotPayAndLeavesTheNumberFree() public {
        address foretold = registry.datatokenOf(assetId, 1, provider);
        vm.startPrank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, foretold));
        registry.addService(assetId, 1, ServiceTerms(provider, foretold, 1));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, stranger));
        registry.addService(assetId, 1, ServiceTerms(provider, stranger, 1));
        vm.expectRevert(abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, uint96(2 ** 88)));
        registry.addService(assetId, 1, ServiceTerms(provider, address(dollar), 2 ** 88));
        assertEq(registry.servicesOf(assetId), 1);
        assertEq(registry.addService(assetId, 1, ServiceTerms(provider, address(dollar), 2 ** 88 - 1)), foretold);
    }

    function test_addService_inEveryState() public {
        for (uint8 i = 0; i < 5; ++i) {
            vm.startPrank(publisher);
            registry.setState(assetId, IAssetRegistry.State(i));
            registry.addService(assetId, i + 1, terms());
            vm.stopPrank();
            assertEq(uint8(registry.stateOf(assetId)), i);
        }
    }

    /// @dev What goes into a datatoken's code comes out of it.
    function testFuzz_addService_argumentsSurviveTheRoundTrip(bytes32 salt, uint32 index, address runs) public {
        index = uint32(bound(index, 1, type(uint32).max));
        vm.assume(salt != SALT && runs != address(0));
        (assetId,) = publish(salt, address(dollar), PRICE);
        setLastService(index - 1);
        vm.prank(publisher);
        Datatoken token = Datatoken(registry.addService(assetId, index, ServiceTerms(runs, address(dollar), PRICE)));
        Service memory service = registry.serviceOf(address(token));
        assertEq(service.assetId, assetId);
        assertEq(service.serviceIndex, index);
        assertEq(service.provider, runs);
        assertEq(token.assetId(), assetId);
        assertEq(token.serviceIndex(), index);
        assertEq(orders.providerOf(address(token)), runs);
        assertEq(registry.ownerOf(assetId), publisher);
    }

    function add(uint32 index) private {
        vm.prank(publisher);
        registry.addService(assetId, index, terms());
    }

    function terms() private view returns (ServiceTerms memory) {
        return ServiceTerms(provider, address(dollar), PRICE);
    }

    function expectNumberRefused(uint32 index, uint32 next) private {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IAssetRegistry.NotNextService.selector, assetId, index, next));
        registry.addService(assetId, index, terms());
    }

    function expectCallerRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        registry.addService(assetId, 1, terms());
    }

    /// @dev As if the asset had so many services: its slot holds owner (160 bits), state (8) and this number (32).
    function setLastService(uint32 number) private {
        bytes32 slot = keccak256(abi.encode(assetId, uint256(6)));
        uint256 rest = uint256(vm.load(address(registry), slot)) & (2 ** 168 - 1);
        vm.store(address(registry), slot, bytes32(rest | uint256(number) << 168));
        assertEq(registry.servicesOf(assetId), uint256(number) + 1);
        assertEq(registry.ownerOf(assetId), publisher);
    }
}
