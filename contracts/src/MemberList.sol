// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IGate} from "./interfaces/IGate.sol";
import {IMemberList} from "./interfaces/IMemberList.sol";

/// @title The stock gate: a list of members for each asset
/// @dev One for all: nothing has to be deployed to have a list. Like every right, it is the asset's owner's.
contract MemberList is IMemberList {
    IAssetRegistry public immutable REGISTRY;

    mapping(uint256 assetId => mapping(address account => bool)) private _members;

    constructor(address registry) {
        REGISTRY = IAssetRegistry(registry);
    }

    /// @inheritdoc IMemberList
    function add(uint256 assetId, address[] calldata accounts) external {
        _set(assetId, accounts, true);
    }

    /// @inheritdoc IMemberList
    function remove(uint256 assetId, address[] calldata accounts) external {
        _set(assetId, accounts, false);
    }

    /// @inheritdoc IMemberList
    function isMember(uint256 assetId, address account) external view returns (bool) {
        return _members[assetId][account];
    }

    /// @inheritdoc IGate
    function mayOrder(address, uint256 assetId, address consumer) external view returns (bool) {
        return _members[assetId][consumer];
    }

    function _set(uint256 assetId, address[] calldata accounts, bool member) private {
        require(REGISTRY.ownerOf(assetId) == msg.sender, IAssetRegistry.NotAssetOwner(msg.sender, assetId));
        for (uint256 i = 0; i < accounts.length; ++i) {
            _members[assetId][accounts[i]] = member;
            emit MemberChanged(assetId, accounts[i], msg.sender, member);
        }
    }
}
