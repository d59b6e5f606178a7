// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Who may order a service
/// @notice What a publisher can put before a service with `IOrders.setGate`. Asked anew for every order; orders that are
/// open stay so. Datatokens can be held and traded by anyone: a gate is about redeeming them.
interface IGate {
    /// @notice Called as a view; reverting refuses as well.
    /// @param datatoken The service's token.
    /// @param assetId The asset that it belongs to.
    /// @param consumer Who wants to order.
    /// @return True if it may.
    function mayOrder(address datatoken, uint256 assetId, address consumer) external view returns (bool);
}
