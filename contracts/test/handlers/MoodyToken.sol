// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {MintableToken} from "../mocks/HostileTokens.sol";

/// @notice Six decimals; its issuer can stop everybody's payments, or those from and to one account.
contract MoodyToken is MintableToken(6) {
    bool public stopped;
    mapping(address account => bool) public blocked;

    error Stopped();
    error Blocked(address account);

    function setStopped(bool on) external {
        stopped = on;
    }

    function setBlocked(address account, bool on) external {
        blocked[account] = on;
    }

    /// @dev What a payment would fail with; empty if it would not.
    function refusal(address from, address to) public view returns (bytes memory) {
        if (stopped) return abi.encodeWithSelector(Stopped.selector);
        if (blocked[from]) return abi.encodeWithSelector(Blocked.selector, from);
        if (blocked[to]) return abi.encodeWithSelector(Blocked.selector, to);
        return "";
    }

    function _update(address from, address to, uint256 value) internal override {
        bytes memory reason = from == address(0) ? bytes("") : refusal(from, to);
        if (reason.length != 0) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
        super._update(from, to, value);
    }
}
