// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

/// @title What a datatoken's own code says about it
/// @notice A clone carries the asset and the service that it belongs to at the end of its code: 16 bytes, the asset's id
/// (96 bits) before the service's index (32 bits). Reading them costs no storage and, from another contract, no call.
library DatatokenArgs {
    /// @dev Since the arguments are part of the creation code, they alone make every clone's CREATE2 address unique.
    bytes32 internal constant SALT = 0;

    function encode(uint256 assetId, uint32 serviceIndex) internal pure returns (bytes memory) {
        // An id is 96 bits by construction; one that is not must not silently become another asset's.
        assert(assetId <= type(uint96).max);
        // forge-lint: disable-next-line(unsafe-typecast)
        return abi.encodePacked(uint96(assetId), serviceIndex);
    }

    /// @dev Only for addresses that are known to be datatokens: any other code would be read just as well.
    function read(address datatoken) internal view returns (uint256 assetId, uint32 serviceIndex) {
        bytes16 packed = bytes16(Clones.fetchCloneArgs(datatoken));
        // The halves of 16 bytes that `encode` put together: nothing that matters is cut off.
        // forge-lint: disable-next-item(unsafe-typecast)
        (assetId, serviceIndex) = (uint128(packed) >> 32, uint32(uint128(packed)));
    }
}
