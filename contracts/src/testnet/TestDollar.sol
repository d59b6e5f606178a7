// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A dollar worth nothing
/// @notice ERC-20 with permit that anyone may mint. For local markets and tests only: never deploy it where it could be
/// taken for money. Six decimals, like the stablecoins it stands in for, so that nobody assumes eighteen.
contract TestDollar is ERC20, ERC20Permit {
    constructor() ERC20("Atoll Test Dollar", "tUSD") ERC20Permit("Atoll Test Dollar") {}

    /// @notice Gives `amount` base units (millionths of a test dollar) to `to`. Open to everyone, on purpose.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
