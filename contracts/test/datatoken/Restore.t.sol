// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Fixture} from "../Fixture.sol";
import {IDatatoken} from "../../src/interfaces/IDatatoken.sol";

/// @notice What an order that failed gives back; so it is Orders' alone.
contract RestoreTest is Fixture {
    function test_restore_isOrdersOnly() public {
        address[6] memory callers = [buyer, publisher, provider, stranger, address(market), address(registry)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotOrders.selector, callers[i]));
            datatoken.restore(callers[i], ONE);
        }
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_restore_mintsToTheHolder() public {
        holdDatatokens(buyer, 1);
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(address(0), buyer, ONE / 4);
        vm.recordLogs();
        vm.prank(address(orders));
        datatoken.restore(buyer, ONE / 4);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(datatoken.balanceOf(buyer), ONE + ONE / 4);
        assertEq(datatoken.totalSupply(), ONE + ONE / 4);
    }

    /// @dev Whatever is spent and restored in turn: what is missing is what orders that were not given back took.
    function testFuzz_restore_givesBackWhatWasSpent(uint8[8] calldata ends) public {
        holdDatatokens(buyer, 8);
        uint256 fulfilled = 0;
        for (uint256 i = 0; i < ends.length; ++i) {
            openHeld(bytes32(i));
            if (ends[i] % 3 == 0) fulfil(heldOrder(bytes32(i)));
            else if (ends[i] % 3 == 1) cancel(heldOrder(bytes32(i)));
            else continue;
            if (ends[i] % 3 == 0) ++fulfilled;
        }
        uint256 open = 0;
        for (uint256 i = 0; i < ends.length; ++i) {
            if (ends[i] % 3 == 2) ++open;
        }
        assertEq(datatoken.balanceOf(buyer), (8 - fulfilled - open) * ONE);
        assertEq(datatoken.totalSupply(), (8 - fulfilled - open) * ONE);
    }
}
