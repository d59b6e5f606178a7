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

    /// @notice Only `Orders` spends and restores.
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

    /// @notice Burns what an order is opened with. Only `Orders`, which names nobody but its caller as the holder: opening an
    /// order needs no allowance.
    /// @param holder Whose tokens.
    /// @param amount How many, in base units.
    function spend(address holder, uint256 amount) external;

    /// @notice Mints what was spent on an order that was not fulfilled. Only `Orders`, once for each such order.
    /// @param holder Who opened the order.
    /// @param amount How many, in base units.
    function restore(address holder, uint256 amount) external;

    /// @notice As `permit`, for signatures of any form: of contracts (ERC-1271) and of keys (65 bytes: r, s, v).
    /// @param owner Whose tokens.
    /// @param spender Who may spend them.
    /// @param value How many, in base units.
    /// @param deadline Unix seconds after which the signature is void.
    /// @param signature The owner's, over the same EIP-712 message as `permit`'s.
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) external;
}
