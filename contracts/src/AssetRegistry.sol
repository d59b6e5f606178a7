// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IAssetRegistry, ServiceTerms} from "./interfaces/IAssetRegistry.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {IOrders} from "./interfaces/IOrders.sol";
import {AssetToken} from "./AssetToken.sol";
import {DatatokenArgs, Service} from "./DatatokenArgs.sol";

/// @title The register of assets
/// @dev Holds no money and has no administrator. What it calls is the market, the orders and its own clones, and those
/// calls go no further: there is nothing to re-enter.
contract AssetRegistry is AssetToken, IAssetRegistry {
    IMarket public immutable MARKET;
    IOrders public immutable ORDERS;
    address public immutable DATATOKEN_IMPLEMENTATION;

    mapping(uint256 assetId => bytes32) private _metadataHash;

    constructor(address market, address orders, address datatokenImplementation) ERC721("Atoll Asset", "ATOLL") {
        MARKET = IMarket(market);
        ORDERS = IOrders(orders);
        DATATOKEN_IMPLEMENTATION = datatokenImplementation;
    }

    /// @inheritdoc IAssetRegistry
    function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
        external
        returns (uint256 assetId, address datatoken)
    {
        assetId = assetIdOf(msg.sender, salt);
        require(_ownerOf(assetId) == address(0), AssetExists(assetId));
        // `_update` instead of `_mint`: the receiver's hook is not called, since the publisher is the caller and knows
        // what it asked for. `Active` is the zero value.
        _update(msg.sender, assetId, address(0));
        _setMetadata(assetId, metadata);
        emit AssetPublished(assetId, msg.sender, salt, metadata);
        datatoken = _addService(assetId, 0, terms);
    }

    /// @inheritdoc IAssetRegistry
    function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        external
        returns (address datatoken)
    {
        Asset storage asset = _assets[assetId];
        require(asset.owner == msg.sender, NotAssetOwner(msg.sender, assetId));
        uint32 next = asset.lastService + 1;
        require(serviceIndex == next, NotNextService(assetId, serviceIndex, next));
        asset.lastService = next;
        datatoken = _addService(assetId, serviceIndex, terms);
    }

    /// @inheritdoc IAssetRegistry
    function updateMetadata(uint256 assetId, bytes calldata metadata) external {
        _requireAssetOwner(assetId);
        _setMetadata(assetId, metadata);
        emit MetadataUpdated(assetId, msg.sender, metadata);
    }

    /// @inheritdoc IAssetRegistry
    function setState(uint256 assetId, State newState) external {
        _requireAssetOwner(assetId);
        State former = _assets[assetId].state;
        _assets[assetId].state = newState;
        if (_orderable(former) != _orderable(newState)) ORDERS.setClosed(assetId, !_orderable(newState));
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
        return _assets[assetId].state;
    }

    /// @inheritdoc IAssetRegistry
    function servicesOf(uint256 assetId) external view returns (uint32) {
        _requireOwned(assetId);
        return _assets[assetId].lastService + 1;
    }

    /// @inheritdoc IAssetRegistry
    function ordering(uint256 assetId) external view returns (address publisher, bool orderable) {
        publisher = _requireOwned(assetId);
        orderable = _orderable(_assets[assetId].state);
    }

    /// @inheritdoc IAssetRegistry
    function assetIdOf(address publisher, bytes32 salt) public view returns (uint256) {
        // 96 bits fit into a datatoken's code beside its service's number. To take another publisher's id one would have
        // to hit these 96 bits (a second preimage): salts are bound to the caller, so a collision of one's own gains
        // nothing but a publication that reverts.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint96(uint256(keccak256(abi.encode(block.chainid, address(this), publisher, salt))));
    }

    /// @inheritdoc IAssetRegistry
    function datatokenOf(uint256 assetId, uint32 serviceIndex, address provider) external view returns (address) {
        return DatatokenArgs.addressOf(
            DatatokenArgs.encode(assetId, serviceIndex, provider), address(this), DATATOKEN_IMPLEMENTATION
        );
    }

    /// @inheritdoc IAssetRegistry
    function serviceOf(address datatoken) external view returns (Service memory) {
        return DatatokenArgs.verified(datatoken, address(this), DATATOKEN_IMPLEMENTATION);
    }

    function _addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
        private
        returns (address datatoken)
    {
        address provider = terms.provider == address(0) ? msg.sender : terms.provider;
        datatoken = Clones.cloneDeterministicWithImmutableArgs(
            DATATOKEN_IMPLEMENTATION, DatatokenArgs.encode(assetId, serviceIndex, provider), DatatokenArgs.SALT
        );
        emit ServiceAdded(assetId, msg.sender, datatoken, serviceIndex, provider, terms.paymentToken, terms.price);
        MARKET.list(datatoken, terms.paymentToken, terms.price);
    }

    function _setMetadata(uint256 assetId, bytes calldata metadata) private {
        require(metadata.length != 0, EmptyMetadata());
        _metadataHash[assetId] = keccak256(metadata);
    }

    function _orderable(State state) private pure returns (bool) {
        return state == State.Active || state == State.Unlisted;
    }

    function _requireAssetOwner(uint256 assetId) private view {
        require(ownerOf(assetId) == msg.sender, NotAssetOwner(msg.sender, assetId));
    }
}
