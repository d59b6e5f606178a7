// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {IDatatoken} from "../src/interfaces/IDatatoken.sol";
import {Permit} from "../src/interfaces/IMarket.sol";

contract DatatokenTest is Fixture {
    function test_describesItself() public view {
        assertEq(datatoken.name(), "Atoll Datatoken");
        assertEq(datatoken.symbol(), "ADT");
        assertEq(datatoken.decimals(), 18);
        assertEq(datatoken.assetId(), assetId);
        assertEq(datatoken.serviceIndex(), 0);
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_isTransferable() public {
        holdDatatokens(buyer, 2);
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE / 2));
        assertEq(datatoken.balanceOf(stranger), ONE / 2);
        assertEq(datatoken.balanceOf(buyer), 2 * ONE - ONE / 2);
    }

    function test_mint_isTheMarketsOnly() public {
        address[4] memory callers = [publisher, provider, address(orders), address(registry)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotMarket.selector, callers[i]));
            datatoken.mint(callers[i], 1);
        }
    }

    function test_burn_isOrdersOnlyEvenForOwnTokens() public {
        holdDatatokens(buyer, 1);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotOrders.selector, buyer));
        datatoken.burn(1);
    }

    function test_implementation_canNotBeUsed() public {
        vm.expectRevert(abi.encodeWithSelector(IDatatoken.NotMarket.selector, address(this)));
        implementation.mint(address(this), 1);
        // Nor does it claim to be any asset's token: it has no arguments behind its code.
        vm.prank(buyer);
        vm.expectRevert();
        market.buy(address(implementation), 1, usual());
    }

    function test_permit_worksOnAClone() public {
        Permit memory permit = signPermit(datatoken, buyerKey, stranger, 5, block.timestamp + 1);
        datatoken.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
        assertEq(datatoken.allowance(buyer, stranger), 5);
        assertEq(datatoken.nonces(buyer), 1);
    }

    function test_permit_ofOneCloneIsNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        assertNotEq(other.DOMAIN_SEPARATOR(), datatoken.DOMAIN_SEPARATOR());
        Permit memory permit = signPermit(datatoken, buyerKey, stranger, 5, block.timestamp + 1);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        other.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
    }

    function test_permit_expires() public {
        Permit memory permit = signPermit(datatoken, buyerKey, stranger, 5, block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, permit.deadline));
        datatoken.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
    }

    function test_testDollar_isOpenMoneyWithSixDecimals() public {
        assertEq(dollar.decimals(), 6);
        assertEq(dollar.symbol(), "tUSD");
        vm.prank(stranger);
        dollar.mint(stranger, 7);
        assertEq(dollar.balanceOf(stranger), 7);
    }
}
