// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice An account that is a contract: signs by ERC-1271, takes ether only when it likes to, and says no to
/// ERC-721 tokens if it is asked.
contract Wallet is IERC1271 {
    address private immutable SIGNER;
    bool public accepts;

    constructor(address signer) {
        SIGNER = signer;
    }

    function setAccepts(bool on) external {
        accepts = on;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        return signer == SIGNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return "no";
    }

    receive() external payable {
        require(accepts, "no ether, please");
    }
}
