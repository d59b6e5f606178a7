// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";

/// @title ERC-721 that keeps an asset's state and its number of services in its owner's storage slot
/// @dev Who orders has to know the owner and the state, always both: one slot instead of two. Everything else is
/// OpenZeppelin's, through the places that it names for this: `_update`, `_ownerOf` and `balanceOf`.
abstract contract AssetToken is ERC721 {
    struct Asset {
        address owner;
        IAssetRegistry.State state;
        /// @dev Number of the newest service: each asset has one, so `publish` has nothing to write here.
        uint32 lastService;
    }

    mapping(uint256 assetId => Asset) internal _assets;
    mapping(address owner => uint256) private _counts;

    /// @notice How many assets an account owns.
    /// @param owner The account; not 0.
    /// @return Their number.
    function balanceOf(address owner) public view virtual override returns (uint256) {
        require(owner != address(0), ERC721InvalidOwner(owner));
        return _counts[owner];
    }

    function _ownerOf(uint256 assetId) internal view virtual override returns (address) {
        return _assets[assetId].owner;
    }

    /// @dev As OpenZeppelin's, of which it keeps the order of events; nothing burns an asset.
    function _update(address to, uint256 assetId, address auth) internal virtual override returns (address from) {
        from = _ownerOf(assetId);
        if (auth != address(0)) _checkAuthorized(from, auth, assetId);
        if (from != address(0)) {
            // Whoever owned it may no longer have somebody else move it. No event: the transfer implies it.
            _approve(address(0), assetId, address(0), false);
            --_counts[from];
        }
        ++_counts[to];
        _assets[assetId].owner = to;
        emit Transfer(from, to, assetId);
    }
}
