// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IDatatoken} from "../../src/interfaces/IDatatoken.sol";

contract MintTest is Fixture {
    function test_mint_isTheMarketsOnly() public {
        address[6] memory callers =
            [publisher, provider, stranger, address(orders), address(registry), address(datatoken)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotMarket.selector, callers[i]));
            datatoken.mint(callers[i], 1);
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotMarket.selector, callers[i]));
            implementation.mint(callers[i], 1);
        }
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_mint_refusesNobody() public {
        vm.prank(address(market));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        datatoken.mint(address(0), 1);
    }

    function testFuzz_mint_exactly(address to, uint256 amount) public {
        vm.assume(to != address(0));
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(address(0), to, amount);
        vm.prank(address(market));
        datatoken.mint(to, amount);
        assertEq(datatoken.balanceOf(to), amount);
        assertEq(datatoken.totalSupply(), amount);
    }

    function test_mint_ofOneCloneIsNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        vm.prank(address(market));
        datatoken.mint(buyer, 5);
        assertEq(other.balanceOf(buyer), 0);
        assertEq(other.totalSupply(), 0);
        assertEq(implementation.totalSupply(), 0);
    }
}
