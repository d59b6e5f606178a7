// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

/// @notice What a datatoken's code says.
/// @param assetId The asset; at most 96 bits, like every id.
/// @param serviceIndex The service's number within the asset.
/// @param provider Who ran the service when it was added.
struct Service {
    uint256 assetId;
    uint32 serviceIndex;
    address provider;
}

/// @title What a datatoken's own code says about it
/// @notice A clone carries its service at the end of its code: 36 bytes, the asset's id (96 bits), the service's number
/// (32 bits) and its first provider (160 bits). Reading them costs no storage and no call; and since they are part of what
/// CREATE2 hashes, an address proves that the registry deployed it with just these.
library DatatokenArgs {
    /// @dev The arguments alone make every clone's address unique.
    bytes32 internal constant SALT = 0;
    uint256 private constant LENGTH = 36;
    /// @dev Of the code before the arguments.
    uint256 private constant CLONE = 45;

    /// @notice This address is not a datatoken that the registry deployed.
    /// @param datatoken The address.
    error UnknownService(address datatoken);

    function encode(uint256 assetId, uint32 serviceIndex, address provider) internal pure returns (bytes memory) {
        // An id is 96 bits by construction; one that is not must not silently become another asset's.
        assert(assetId <= type(uint96).max);
        // forge-lint: disable-next-line(unsafe-typecast)
        return abi.encodePacked(uint96(assetId), serviceIndex, provider);
    }

    /// @dev Only for addresses that are known to be datatokens: any other code would be read just as well.
    function read(address datatoken) internal view returns (Service memory service) {
        uint256 head;
        uint256 tail;
        assembly ("memory-safe") {
            // The arguments fit into the 64 bytes that Solidity leaves to whoever needs them for a moment.
            extcodecopy(datatoken, 0, CLONE, LENGTH)
            head := mload(0) // the asset's id, the service's number, the first half of the provider
            tail := mload(4) // the last 20 bytes of it are the provider
        }
        service.assetId = head >> 160;
        // What is cut off is the asset's id.
        // forge-lint: disable-next-line(unsafe-typecast)
        service.serviceIndex = uint32(head >> 128);
        // forge-lint: disable-next-line(unsafe-typecast)
        service.provider = address(uint160(tail));
    }

    /// @dev Like `read`, of the asset's id alone.
    function assetIdOf(address datatoken) internal view returns (uint256 assetId) {
        assembly ("memory-safe") {
            extcodecopy(datatoken, 0, CLONE, 12)
            assetId := shr(160, mload(0))
        }
    }

    /// @dev For any address: reverts unless `registry` deployed it.
    function verified(address datatoken, address registry, address implementation)
        internal
        view
        returns (Service memory service)
    {
        require(datatoken.code.length == CLONE + LENGTH, UnknownService(datatoken));
        service = read(datatoken);
        bytes memory args = encode(service.assetId, service.serviceIndex, service.provider);
        require(addressOf(args, registry, implementation) == datatoken, UnknownService(datatoken));
    }

    function addressOf(bytes memory args, address registry, address implementation) internal pure returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(implementation, args, SALT, registry);
    }
}
