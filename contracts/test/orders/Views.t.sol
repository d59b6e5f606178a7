// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Orders} from "../../src/Orders.sol";
import {Service} from "../../src/DatatokenArgs.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";

contract OrdersViewsTest is Fixture {
    function test_describesItself() public view {
        assertEq(address(orders.REGISTRY()), address(registry));
        assertEq(address(orders.MARKET()), address(market));
        assertEq(orders.DATATOKEN_IMPLEMENTATION(), address(implementation));
        assertEq(orders.ONE_DATATOKEN(), 1e18);
        assertEq(orders.MIN_DURATION(), 60);
        assertEq(orders.MAX_DURATION(), 30 days);
    }

    function test_providerOf_isTheDatatokensUntilAnotherIsNamed() public {
        assertEq(orders.providerOf(address(datatoken)), provider);
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        assertEq(orders.providerOf(address(datatoken)), stranger);
        Service memory service = registry.serviceOf(address(datatoken));
        assertEq(service.provider, provider);
    }

    function test_gateOf_whatHasNone() public view {
        assertEq(orders.gateOf(address(datatoken)), address(0));
        assertEq(orders.gateOf(stranger), address(0));
    }

    function test_statusOf_whatWasNeverOpened() public view {
        assertEq(status(0), uint8(IOrders.Status.None));
        assertEq(status(keccak256("nothing")), uint8(IOrders.Status.None));
    }

    function test_orderIdOf_dependsOnChainAndContract() public {
        Order memory order = heldOrder("a");
        bytes32 id = orders.orderIdOf(order);
        Orders another = new Orders(address(registry), address(market), address(implementation));
        assertNotEq(another.orderIdOf(order), id);
        vm.chainId(1);
        assertNotEq(orders.orderIdOf(order), id);
    }

    /// @dev The hash is written out field by field, as another language would have to.
    function testFuzz_orderIdOf_isTheDocumentedHash(Order memory order) public view {
        bytes memory head =
            abi.encode(block.chainid, address(orders), order.assetId, order.datatoken, order.consumer, order.provider);
        bytes memory middle = abi.encode(order.requestHash, order.deadline, order.salt, order.escrowToken);
        bytes memory tail = abi.encode(order.escrowAmount, order.referrer, order.referralFee, order.protocolFee);
        assertEq(orders.orderIdOf(order), keccak256(bytes.concat(head, middle, tail)));
    }

    function testFuzz_orderIdOf_differsInEveryField(Order memory order, Order memory other) public view {
        bool same = keccak256(abi.encode(order)) == keccak256(abi.encode(other));
        assertEq(orders.orderIdOf(order) == orders.orderIdOf(other), same);
    }
}
