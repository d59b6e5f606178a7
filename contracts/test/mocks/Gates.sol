// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IGate} from "../../src/interfaces/IGate.sol";

/// @notice Lets through exactly one service, asset and consumer: shows what a gate is asked.
contract ExactGate is IGate {
    bytes32 private immutable ALLOWED;

    constructor(address datatoken, uint256 assetId, address consumer) {
        ALLOWED = keccak256(abi.encode(datatoken, assetId, consumer));
    }

    function mayOrder(address datatoken, uint256 assetId, address consumer) external view returns (bool) {
        return keccak256(abi.encode(datatoken, assetId, consumer)) == ALLOWED;
    }
}

/// @notice Gives its reason.
contract RevertingGate is IGate {
    error ComeBackTomorrow(address consumer);

    function mayOrder(address, uint256, address consumer) external pure returns (bool) {
        revert ComeBackTomorrow(consumer);
    }
}

/// @notice Answers every call with the same bytes, whatever was asked.
contract AnsweringGate {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return _answer;
    }
}

/// @notice Wants to keep a count of who asked.
contract WritingGate {
    uint256 public asked;

    function mayOrder(address, uint256, address) external returns (bool) {
        ++asked;
        return true;
    }
}
