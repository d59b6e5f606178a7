// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IGate} from "./IGate.sol";

/// @title The stock gate: a list of members for each asset
/// @notice Membership is bound to the account: nobody but the asset's owner can give, take or move it. What the owner does
/// holds from the next order on.
interface IMemberList is IGate {
    /// @notice An account was added to an asset's list, or removed.
    /// @param assetId The asset.
    /// @param account Whose membership it is.
    /// @param publisher The asset's owner, who did it.
    /// @param member Whether it is a member from now on.
    event MemberChanged(uint256 indexed assetId, address indexed account, address indexed publisher, bool member);

    /// @notice Adds members. Only the asset's owner. Who is one already stays one.
    /// @param assetId The asset.
    /// @param accounts Whom to add.
    function add(uint256 assetId, address[] calldata accounts) external;

    /// @notice Removes members. Only the asset's owner. Who is none stays none.
    /// @param assetId The asset.
    /// @param accounts Whom to remove.
    function remove(uint256 assetId, address[] calldata accounts) external;

    /// @notice Whether an account is on an asset's list.
    /// @param assetId The asset.
    /// @param account The account.
    /// @return True if it is.
    function isMember(uint256 assetId, address account) external view returns (bool);
}
