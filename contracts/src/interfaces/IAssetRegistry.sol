// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @notice How one service of an asset is sold.
/// @param provider Account that runs the service, and fulfils or cancels its orders; 0 means the asset's owner at the
/// moment of the call. What is stored and what events carry is never 0.
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

    /// @notice An asset came into being, in state `Active`.
    /// @param assetId The token that was minted.
    /// @param publisher Who published it: its first owner.
    /// @param salt What the publisher chose; with the publisher it determines the id.
    /// @param metadataHash keccak-256 of `metadata`, as the register keeps it.
    /// @param metadata The document itself, which only this event holds.
    event AssetPublished(
        uint256 indexed assetId, address indexed publisher, bytes32 salt, bytes32 metadataHash, bytes metadata
    );

    /// @notice A service was added, and its datatoken deployed.
    /// @param assetId The asset it belongs to.
    /// @param datatoken The token that orders it.
    /// @param serviceIndex Its number within the asset; 0 is the one that `publish` creates.
    /// @param provider Who runs it. Never 0.
    /// @param paymentToken What pays for it; 0 for ether.
    /// @param price Base units of the payment token for one whole datatoken.
    event ServiceAdded(
        uint256 indexed assetId,
        address indexed datatoken,
        uint32 serviceIndex,
        address provider,
        address paymentToken,
        uint96 price
    );

    /// @notice The metadata was replaced.
    /// @param assetId The asset.
    /// @param publisher Its owner, who did it.
    /// @param metadataHash keccak-256 of `metadata`.
    /// @param metadata The new document.
    event MetadataUpdated(uint256 indexed assetId, address indexed publisher, bytes32 metadataHash, bytes metadata);

    /// @notice The asset's state was set.
    /// @param assetId The asset.
    /// @param publisher Its owner, who did it.
    /// @param state The state from now on.
    event StateChanged(uint256 indexed assetId, address indexed publisher, State state);

    /// @notice Only the asset's owner may do this.
    /// @param caller Who tried.
    /// @param assetId The asset.
    error NotAssetOwner(address caller, uint256 assetId);

    /// @notice An asset without a description can not be sold honestly.
    error EmptyMetadata();

    /// @notice The caller published with this salt before.
    /// @param assetId The asset that has the id already.
    error AssetExists(uint256 assetId);

    /// @notice The asset has a service of this number already.
    /// @param assetId The asset.
    /// @param serviceIndex The number that is taken.
    error ServiceExists(uint256 assetId, uint32 serviceIndex);

    /// @notice Mints the asset, deploys its first service's datatoken, sets its price and publishes the metadata.
    /// The id depends only on the caller and `salt`, so content can be bound to it before this transaction.
    /// @param salt Any value that the caller has not published with.
    /// @param metadata The asset's document; not empty.
    /// @param terms How service 0 is sold.
    /// @return assetId The asset's id.
    /// @return datatoken The token of service 0.
    function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
        external
        returns (uint256 assetId, address datatoken);

    /// @notice Adds a service. Reverts if `serviceIndex` is taken. Only the asset's owner.
    /// @param assetId The asset.
    /// @param serviceIndex A number that is free; they need not be consecutive.
    /// @param terms How the service is sold.
    /// @return datatoken The new service's token.
    function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        external
        returns (address datatoken);

    /// @notice Replaces the metadata. Only the asset's owner.
    /// @param assetId The asset.
    /// @param metadata The new document; not empty.
    function updateMetadata(uint256 assetId, bytes calldata metadata) external;

    /// @notice Changes whether the asset is found and ordered. Only the asset's owner.
    /// @param assetId The asset.
    /// @param newState Any state; the owner may also go back.
    function setState(uint256 assetId, State newState) external;

    /// @notice uint96(uint256(keccak256(abi.encode(chainid, this contract, publisher, salt)))).
    /// @param publisher Who would publish.
    /// @param salt With which salt.
    /// @return The id that the asset has, or would get.
    function assetIdOf(address publisher, bytes32 salt) external view returns (uint256);

    /// @notice Where the datatoken of this service is, or would be.
    /// @param assetId An asset's id; the asset need not exist. At most 96 bits, like every id.
    /// @param serviceIndex The service's number.
    /// @return The datatoken's address.
    function datatokenOf(uint256 assetId, uint32 serviceIndex) external view returns (address);

    /// @notice Reverts unless the asset exists.
    /// @param assetId The asset.
    /// @return keccak-256 of its newest metadata.
    function metadataHashOf(uint256 assetId) external view returns (bytes32);

    /// @notice Reverts unless the asset exists.
    /// @param assetId The asset.
    /// @return Its state.
    function stateOf(uint256 assetId) external view returns (State);

    /// @notice Reverts unless the asset exists.
    /// @param assetId The asset.
    /// @return True if its services may be ordered now: `Active` or `Unlisted`.
    function isOrderable(uint256 assetId) external view returns (bool);
}
