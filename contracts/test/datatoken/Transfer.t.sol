// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";

/// @notice `transfer`, `approve` and `transferFrom`: a datatoken is a plain ERC-20.
contract DatatokenTransferTest is Fixture {
    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 2);
    }

    function test_transfer() public {
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(buyer, stranger, ONE / 2);
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE / 2));
        assertEq(datatoken.balanceOf(stranger), ONE / 2);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE - ONE / 2);
        assertEq(datatoken.totalSupply(), 2 * ONE);
    }

    function test_transfer_refusesMoreThanThereIs() public {
        vm.prank(buyer);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, 2 * ONE, 2 * ONE + 1)
        );
        assertFalse(datatoken.transfer(stranger, 2 * ONE + 1));
    }

    function test_approve_andTransferFrom() public {
        vm.expectEmit(address(datatoken));
        emit IERC20.Approval(buyer, stranger, ONE);
        vm.prank(buyer);
        datatoken.approve(stranger, ONE);
        vm.startPrank(stranger);
        assertTrue(datatoken.transferFrom(buyer, provider, ONE / 4));
        assertEq(datatoken.allowance(buyer, stranger), ONE - ONE / 4);
        assertEq(datatoken.balanceOf(provider), ONE / 4);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, stranger, ONE - ONE / 4, ONE)
        );
        assertFalse(datatoken.transferFrom(buyer, provider, ONE));
    }

    /// @dev Neither the publisher nor a contract of the market has a hand in it.
    function test_transferFrom_isNobodysWithoutAllowance() public {
        address[4] memory callers = [publisher, address(market), address(orders), address(registry)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(
                abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, callers[i], 0, ONE)
            );
            assertFalse(datatoken.transferFrom(buyer, callers[i], ONE));
        }
    }

    function testFuzz_transfer_conserves(uint256 amount, address to) public {
        vm.assume(to != address(0));
        amount = bound(amount, 0, 2 * ONE);
        vm.prank(buyer);
        assertTrue(datatoken.transfer(to, amount));
        assertEq(datatoken.balanceOf(to), to == buyer ? 2 * ONE : amount);
        assertEq(datatoken.balanceOf(buyer), to == buyer ? 2 * ONE : 2 * ONE - amount);
        assertEq(datatoken.totalSupply(), 2 * ONE);
    }
}
