// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {DatatokenArgs} from "./DatatokenArgs.sol";

/// @title The right to order one service
/// @dev One implementation, and a clone of it per service. There is no initialiser, so none can be called twice or by a
/// stranger: everything a clone knows is in its code. The implementation itself can never have a supply, since the
/// market mints only what the registry listed.
contract Datatoken is ERC20, ERC20Permit, IDatatoken {
    address public immutable MARKET;
    address public immutable ORDERS;

    /// @dev The permit's domain has this name for every clone; the verifying contract in it tells them apart.
    constructor(address market, address orders) ERC20("", "") ERC20Permit("Atoll Datatoken") {
        MARKET = market;
        ORDERS = orders;
    }

    /// @inheritdoc IDatatoken
    function mint(address to, uint256 amount) external {
        require(msg.sender == MARKET, NotMarket(msg.sender));
        _mint(to, amount);
    }

    /// @inheritdoc IDatatoken
    function burn(uint256 amount) external {
        require(msg.sender == ORDERS, NotOrders(msg.sender));
        _burn(msg.sender, amount);
    }

    /// @inheritdoc IDatatoken
    function assetId() external view returns (uint256 id) {
        (id,) = DatatokenArgs.read(address(this));
    }

    /// @inheritdoc IDatatoken
    function serviceIndex() external view returns (uint32 index) {
        (, index) = DatatokenArgs.read(address(this));
    }

    /// @dev Only says which of the two equal declarations is meant.
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }

    /// @dev Constants, because a clone does not share the storage that ERC20's constructor writes.
    function name() public pure override(ERC20, IERC20Metadata) returns (string memory) {
        return "Atoll Datatoken";
    }

    /// @dev See `name`.
    function symbol() public pure override(ERC20, IERC20Metadata) returns (string memory) {
        return "ADT";
    }
}
