// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IDatatoken} from "../../src/interfaces/IDatatoken.sol";

/// @notice The one way in which a datatoken goes without its holder's allowance; so it is Orders' alone.
contract SpendTest is Fixture {
    function test_spend_isOrdersOnlyEvenForOwnTokens() public {
        holdDatatokens(buyer, 1);
        address[6] memory callers = [buyer, publisher, provider, stranger, address(market), address(registry)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotOrders.selector, callers[i]));
            datatoken.spend(buyer, ONE);
        }
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_spend_burnsTheHoldersTokensAndNoOthers() public {
        holdDatatokens(buyer, 2);
        holdDatatokens(stranger, 1);
        vm.prank(buyer);
        datatoken.approve(address(orders), 1);
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(buyer, address(0), ONE / 4);
        vm.recordLogs();
        vm.prank(address(orders));
        datatoken.spend(buyer, ONE / 4);
        assertEq(vm.getRecordedLogs().length, 1);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE - ONE / 4);
        assertEq(datatoken.balanceOf(stranger), ONE);
        assertEq(datatoken.allowance(buyer, address(orders)), 1);
        assertEq(datatoken.totalSupply(), 3 * ONE - ONE / 4);
    }

    function test_spend_refusesMoreThanThereIs() public {
        holdDatatokens(buyer, 1);
        vm.prank(address(orders));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, ONE, ONE + 1));
        datatoken.spend(buyer, ONE + 1);
    }
}
