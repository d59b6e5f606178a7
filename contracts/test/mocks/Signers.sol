// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice A wallet that is a contract and signs what its owner tells it to (ERC-1271).
contract ContractWallet is IERC1271 {
    mapping(bytes32 digest => bytes32) private _signed;

    function sign(bytes32 digest, bytes calldata signature) external {
        _signed[digest] = keccak256(signature);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return _signed[digest] == keccak256(signature) ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Answers every call with the same bytes, or reverts with them.
contract AnsweringWallet {
    bytes private _answer;
    bool private immutable REVERTS;

    constructor(bytes memory answer, bool reverts) {
        _answer = answer;
        REVERTS = reverts;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory answer = _answer;
        if (REVERTS) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
        return answer;
    }
}
