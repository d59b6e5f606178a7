// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

/// @notice Deploys what looks like a datatoken: the same code with the same arguments, from another deployer.
contract Forger {
    function forge(address implementation, bytes calldata args) external returns (address) {
        return Clones.cloneDeterministicWithImmutableArgs(implementation, args, 0);
    }

    function forgeWithoutArgs(address implementation) external returns (address) {
        return Clones.cloneDeterministic(implementation, 0);
    }
}
