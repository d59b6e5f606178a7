// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @notice How one service of an asset is sold.
/// @param provider Account that runs the service, and fulfils or cancels its orders.
/// @param paymentToken ERC-20 that pays for it; address 0 for ether.
/// @param price Base units of the payment token for one whole datatoken; 0 for free.
struct ServiceTerms {
    address provider;
    address paymentToken;
    uint96 price;
}

/// @title The register of assets
/// @notice One ERC-721 collection. A token is an asset; its owner is the publisher and holds every right over it.
interface IAssetRegistry is IERC721 {
    /// @notice Active: found and ordered. Unlisted: ordered by who knows it. OrderingDisabled: found, not ordered.
    /// Retired and Revoked: neither; running orders may still end.
    enum State {
        Active,
        Retired,
        Revoked,
        OrderingDisabled,
        Unlisted
    }

    event AssetPublished(
        uint256 indexed assetId, address indexed publisher, bytes32 salt, bytes32 metadataHash, bytes metadata
    );
    event ServiceAdded(
        uint256 indexed assetId,
        address indexed datatoken,
        uint32 serviceIndex,
        address provider,
        address paymentToken,
        uint96 price
    );
    event MetadataUpdated(
        uint256 indexed assetId, address indexed publisher, bytes32 metadataHash, bytes metadata
    );
    event StateChanged(uint256 indexed assetId, address indexed publisher, State state);

    error NotAssetOwner(address caller, uint256 assetId);
    error EmptyMetadata();

    /// @notice Mints the asset, deploys its first service's datatoken, sets its price and publishes the metadata.
    /// The id depends only on the caller and `salt`, so content can be bound to it before this transaction.
    function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
        external
        returns (uint256 assetId, address datatoken);
    /// @notice Adds a service. Reverts if `serviceIndex` is taken. Only the asset's owner.
    function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        external
        returns (address datatoken);
    /// @notice Replaces the metadata. Only the asset's owner.
    function updateMetadata(uint256 assetId, bytes calldata metadata) external;
    /// @notice Changes whether the asset is found and ordered. Only the asset's owner.
    function setState(uint256 assetId, State newState) external;
    /// @notice uint96(uint256(keccak256(abi.encode(chainid, this contract, publisher, salt)))).
    function assetIdOf(address publisher, bytes32 salt) external view returns (uint256);
    /// @notice Where the datatoken of this service is, or would be.
    function datatokenOf(uint256 assetId, uint32 serviceIndex) external view returns (address);
    function metadataHashOf(uint256 assetId) external view returns (bytes32);
    function stateOf(uint256 assetId) external view returns (State);
    /// @notice Reverts unless the asset exists; true if its services may be ordered now.
    function isOrderable(uint256 assetId) external view returns (bool);
}
