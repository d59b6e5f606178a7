// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IOrders, OpenRequest} from "../../src/interfaces/IOrders.sol";

/// @notice What the registry tells Orders. Through `setState`: see there and `States.t.sol`.
contract SetClosedTest is Fixture {
    function test_setClosed_isTheRegistrysOnly() public {
        address[6] memory callers = [publisher, provider, stranger, address(market), address(orders), buyer];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IOrders.NotRegistry.selector, callers[i]));
            orders.setClosed(assetId, true);
        }
    }

    function test_setClosed_stopsAndResumesWithoutAnEvent() public {
        holdDatatokens(buyer, 1);
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        vm.recordLogs();
        vm.prank(address(registry));
        orders.setClosed(assetId, true);
        assertEq(vm.getRecordedLogs().length, 0);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId));
        orders.open(requests);
        vm.prank(address(registry));
        orders.setClosed(assetId, false);
        vm.prank(buyer);
        orders.open(requests);
    }

    function test_setClosed_ofAnotherAssetIsNoneOfThis() public {
        holdDatatokens(buyer, 1);
        vm.prank(address(registry));
        orders.setClosed(assetId + 1, true);
        openHeld("a");
    }
}
