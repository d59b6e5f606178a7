// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title The right to order one service
/// @notice A plain ERC-20 with permit, 18 decimals; one whole token is one order. A minimal clone per service.
interface IDatatoken is IERC20Metadata, IERC20Permit {
    /// @notice Only the market mints.
    /// @param caller Who tried.
    error NotMarket(address caller);

    /// @notice Only `Orders` burns.
    /// @param caller Who tried.
    error NotOrders(address caller);

    /// @notice The asset whose service this token orders.
    /// @return The asset's id.
    function assetId() external view returns (uint256);

    /// @notice Which of the asset's services it is.
    /// @return The service's number.
    function serviceIndex() external view returns (uint32);

    /// @notice Only the market, when it is paid.
    /// @param to Who gets the tokens.
    /// @param amount How many, in base units.
    function mint(address to, uint256 amount) external;

    /// @notice Destroys the caller's tokens. Only `Orders`, when it fulfils.
    /// @param amount How many, in base units.
    function burn(uint256 amount) external;
}
