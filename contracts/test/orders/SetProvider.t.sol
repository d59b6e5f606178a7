// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract SetProviderTest is Fixture {
    function test_setProvider() public {
        vm.expectEmit(address(orders));
        emit IOrders.ProviderChanged(assetId, publisher, address(datatoken), stranger);
        vm.recordLogs();
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(orders.providerOf(address(datatoken)), stranger);
    }

    function test_setProvider_zeroMeansTheCallerAndStaysIt() public {
        vm.expectEmit(address(orders));
        emit IOrders.ProviderChanged(assetId, publisher, address(datatoken), publisher);
        vm.prank(publisher);
        orders.setProvider(address(datatoken), address(0));
        assertEq(orders.providerOf(address(datatoken)), publisher);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        assertEq(orders.providerOf(address(datatoken)), publisher);
    }

    function test_setProvider_backToTheFirst() public {
        vm.startPrank(publisher);
        orders.setProvider(address(datatoken), stranger);
        orders.setProvider(address(datatoken), provider);
        assertEq(orders.providerOf(address(datatoken)), provider);
    }

    function test_setProvider_ofOneServiceIsNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        assertEq(orders.providerOf(address(other)), provider);
    }

    function test_setProvider_keepsTheGate() public {
        vm.startPrank(publisher);
        orders.setGate(address(datatoken), address(memberList));
        orders.setProvider(address(datatoken), stranger);
        vm.stopPrank();
        assertEq(orders.gateOf(address(datatoken)), address(memberList));
        holdDatatokens(buyer, 1);
        Order memory order = heldOrder("a");
        order.provider = stranger;
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotAllowed.selector, address(datatoken), buyer));
        orders.open(batchOf(requestOf(order)));
    }

    function test_setProvider_whoIsNamedFulfilsNewOrders() public {
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        holdDatatokens(buyer, 1);
        Order memory order = heldOrder("a");
        order.provider = stranger;
        expectOpened(order);
        vm.prank(buyer);
        orders.open(batchOf(requestOf(order)));
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotProvider.selector, provider, stranger));
        orders.fulfil(order, RECEIPT);
        fulfil(order);
    }

    function test_setProvider_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(orders));
        emit IOrders.ProviderChanged(assetId, stranger, address(datatoken), stranger);
        vm.prank(stranger);
        orders.setProvider(address(datatoken), address(0));
    }

    function testFuzz_setProvider_keepsWhoIsNamed(address runs) public {
        vm.prank(publisher);
        orders.setProvider(address(datatoken), runs);
        assertEq(orders.providerOf(address(datatoken)), runs == address(0) ? publisher : runs);
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        orders.setProvider(address(datatoken), caller);
    }
}
