// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";

contract DatatokenViewsTest is Fixture {
    function test_describesItself() public view {
        assertEq(datatoken.name(), "Atoll Datatoken");
        assertEq(datatoken.symbol(), "ADT");
        assertEq(datatoken.decimals(), 18);
        assertEq(datatoken.assetId(), assetId);
        assertEq(datatoken.serviceIndex(), 0);
        assertEq(datatoken.totalSupply(), 0);
        assertEq(datatoken.MARKET(), address(market));
        assertEq(datatoken.ORDERS(), address(orders));
        assertEq(datatoken.nonces(buyer), 0);
    }

    /// @dev What a wallet shows and signs: each clone is a domain of its own, on this chain.
    function test_eip712Domain() public {
        (, string memory name, string memory version, uint256 chain, address verifier,,) =
            IERC5267(address(datatoken)).eip712Domain();
        assertEq(name, "Atoll Datatoken");
        assertEq(version, "1");
        assertEq(chain, block.chainid);
        assertEq(verifier, address(datatoken));
        bytes32 type_ = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 expected =
            keccak256(abi.encode(type_, keccak256("Atoll Datatoken"), keccak256("1"), chain, address(datatoken)));
        assertEq(datatoken.DOMAIN_SEPARATOR(), expected);
        vm.chainId(1);
        assertNotEq(datatoken.DOMAIN_SEPARATOR(), expected);
    }

    /// @dev The implementation has no arguments behind its code; it is nobody's token and can have no supply.
    function test_theImplementationIsNoAssetsToken() public view {
        assertEq(implementation.totalSupply(), 0);
        assertNotEq(implementation.assetId(), assetId);
        assertGt(address(implementation).code.length, address(datatoken).code.length);
    }

    /// @dev There is nothing to initialise: a clone has written nothing when it is born.
    function test_aNewCloneHasAnEmptyStorage() public {
        (, Datatoken fresh) = publish("fresh", address(dollar), PRICE);
        for (uint256 slot = 0; slot < 16; ++slot) {
            assertEq(vm.load(address(fresh), bytes32(slot)), 0);
        }
    }

    function test_testDollar_isOpenMoneyWithSixDecimals() public {
        assertEq(dollar.decimals(), 6);
        assertEq(dollar.name(), "Atoll Test Dollar");
        assertEq(dollar.symbol(), "tUSD");
        vm.prank(stranger);
        dollar.mint(stranger, 7);
        assertEq(dollar.balanceOf(stranger), 7);
        assertEq(dollar.totalSupply(), 7);
    }
}
