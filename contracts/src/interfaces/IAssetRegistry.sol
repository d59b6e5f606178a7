// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Service} from "../DatatokenArgs.sol";

/// @notice How one service of an asset is sold.
/// @param provider Account that runs the service, and fulfils or cancels its orders; 0 means the caller. What is kept and
/// what events carry is never 0.
/// @param paymentToken ERC-20 that pays for it; address 0 for ether.
/// @param price Base units of the payment token for one whole datatoken, less than 2^88; 0 for free.
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
    /// @param metadata The document itself, which only this event holds; the register keeps its keccak-256.
    event AssetPublished(uint256 indexed assetId, address indexed publisher, bytes32 salt, bytes metadata);

    /// @notice A service was added, and its datatoken deployed.
    /// @param assetId The asset it belongs to.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The token that orders it.
    /// @param serviceIndex Its number within the asset; 0 is the one that `publish` creates.
    /// @param provider Who runs it. Never 0.
    /// @param paymentToken What pays for it; 0 for ether.
    /// @param price Base units of the payment token for one whole datatoken.
    event ServiceAdded(
        uint256 indexed assetId,
        address indexed publisher,
        address datatoken,
        uint32 serviceIndex,
        address provider,
        address paymentToken,
        uint96 price
    );

    /// @notice The metadata was replaced.
    /// @param assetId The asset.
    /// @param publisher Its owner, who did it.
    /// @param metadata The new document; the register keeps its keccak-256.
    event MetadataUpdated(uint256 indexed assetId, address indexed publisher, bytes metadata);

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

    /// @notice An asset's services are numbered one after the other.
    /// @param assetId The asset.
    /// @param serviceIndex What was asked for.
    /// @param next The number that the next service has to have.
    error NotNextService(uint256 assetId, uint32 serviceIndex, uint32 next);

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

    /// @notice Adds a service. Only the asset's owner.
    /// @param assetId The asset.
    /// @param serviceIndex `servicesOf(assetId)`: named by the caller, so that a transaction that is sent twice adds one
    /// service, and content can be bound to it before.
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

    /// @notice Where the datatoken of a service is, or would be, that was added with this provider.
    /// @param assetId An asset's id; the asset need not exist. At most 96 bits, like every id.
    /// @param serviceIndex The service's number.
    /// @param provider Its first provider; not 0.
    /// @return The datatoken's address.
    function datatokenOf(uint256 assetId, uint32 serviceIndex, address provider) external view returns (address);

    /// @notice What a datatoken orders. Reverts with `UnknownService` for anything that this contract did not deploy.
    /// @param datatoken The service's token.
    /// @return The asset, the service's number and its first provider.
    function serviceOf(address datatoken) external view returns (Service memory);

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
    /// @return How many services it has; also the number of the next one.
    function servicesOf(uint256 assetId) external view returns (uint32);

    /// @notice What a sale has to know. Reverts unless the asset exists.
    /// @param assetId The asset.
    /// @return publisher Its owner.
    /// @return orderable True if its services may be bought and ordered now: it is `Active` or `Unlisted`.
    function ordering(uint256 assetId) external view returns (address publisher, bool orderable);
}
