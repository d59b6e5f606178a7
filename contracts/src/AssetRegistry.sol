// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IAssetRegistry, ServiceTerms} from "./interfaces/IAssetRegistry.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {DatatokenArgs} from "./DatatokenArgs.sol";

/// @title The register of assets
/// @dev Holds no money and has no administrator. What it calls is the market and its own clones, neither of which calls
/// anyone else, so there is nothing to re-enter.
contract AssetRegistry is ERC721, IAssetRegistry {
    IMarket public immutable MARKET;
    address public immutable DATATOKEN_IMPLEMENTATION;

    mapping(uint256 assetId => bytes32) private _metadataHash;
    /// @dev `Active` is the zero value: publishing writes nothing here.
    mapping(uint256 assetId => State) private _state;

    constructor(address market, address datatokenImplementation) ERC721("Atoll Asset", "ATOLL") {
        MARKET = IMarket(market);
        DATATOKEN_IMPLEMENTATION = datatokenImplementation;
    }

    /// @inheritdoc IAssetRegistry
    function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
        external
        returns (uint256 assetId, address datatoken)
    {
        assetId = assetIdOf(msg.sender, salt);
        // `_update` instead of `_mint`, for an error that names the asset. The receiver's hook is not called: the
        // publisher is the caller and knows what it asked for.
        require(_update(msg.sender, assetId, address(0)) == address(0), AssetExists(assetId));
        emit AssetPublished(assetId, msg.sender, salt, _setMetadata(assetId, metadata), metadata);
        datatoken = _addService(assetId, 0, terms);
    }

    /// @inheritdoc IAssetRegistry
    function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        external
        returns (address datatoken)
    {
        _requireAssetOwner(assetId);
        // CREATE2 would refuse as well, but without saying why.
        require(datatokenOf(assetId, serviceIndex).code.length == 0, ServiceExists(assetId, serviceIndex));
        datatoken = _addService(assetId, serviceIndex, terms);
    }

    /// @inheritdoc IAssetRegistry
    function updateMetadata(uint256 assetId, bytes calldata metadata) external {
        _requireAssetOwner(assetId);
        emit MetadataUpdated(assetId, msg.sender, _setMetadata(assetId, metadata), metadata);
    }

    /// @inheritdoc IAssetRegistry
    function setState(uint256 assetId, State newState) external {
        _requireAssetOwner(assetId);
        _state[assetId] = newState;
        emit StateChanged(assetId, msg.sender, newState);
    }

    /// @inheritdoc IAssetRegistry
    function metadataHashOf(uint256 assetId) external view returns (bytes32) {
        _requireOwned(assetId);
        return _metadataHash[assetId];
    }

    /// @inheritdoc IAssetRegistry
    function stateOf(uint256 assetId) external view returns (State) {
        _requireOwned(assetId);
        return _state[assetId];
    }

    /// @inheritdoc IAssetRegistry
    function isOrderable(uint256 assetId) external view returns (bool) {
        _requireOwned(assetId);
        State state = _state[assetId];
        return state == State.Active || state == State.Unlisted;
    }

    /// @inheritdoc IAssetRegistry
    function assetIdOf(address publisher, bytes32 salt) public view returns (uint256) {
        // 96 bits fit into a datatoken's code beside its service's index. To take another publisher's id one would have
        // to hit these 96 bits (a second preimage): salts are bound to the caller, so a collision of one's own gains
        // nothing but a publication that reverts.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(keccak256(abi.encode(block.chainid, address(this), publisher, salt))));
    }

    /// @inheritdoc IAssetRegistry
    function datatokenOf(uint256 assetId, uint32 serviceIndex) public view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            DATATOKEN_IMPLEMENTATION, DatatokenArgs.encode(assetId, serviceIndex), DatatokenArgs.SALT
        );
    }

    function _addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        private
        returns (address datatoken)
    {
        datatoken = Clones.cloneDeterministicWithImmutableArgs(
            DATATOKEN_IMPLEMENTATION, DatatokenArgs.encode(assetId, serviceIndex), DatatokenArgs.SALT
        );
        ServiceTerms memory resolved = terms;
        if (resolved.provider == address(0)) resolved.provider = msg.sender;
        emit ServiceAdded(assetId, datatoken, serviceIndex, resolved.provider, resolved.paymentToken, resolved.price);
        MARKET.list(assetId, datatoken, resolved);
    }

    function _setMetadata(uint256 assetId, bytes calldata metadata) private returns (bytes32 metadataHash) {
        require(metadata.length != 0, EmptyMetadata());
        metadataHash = keccak256(metadata);
        _metadataHash[assetId] = metadataHash;
    }

    function _requireAssetOwner(uint256 assetId) private view {
        require(ownerOf(assetId) == msg.sender, NotAssetOwner(msg.sender, assetId));
    }
}
