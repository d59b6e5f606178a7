// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {MintableToken} from "./HostileTokens.sol";

/// @notice Makes one call during its next transfer, like a token with hooks (ERC-777), and remembers how that went. It calls
/// before or after the balances change; being the caller itself, it has whatever rights it was given.
contract HookToken is MintableToken(18) {
    address private _target;
    bytes private _call;
    bool private _afterwards;
    bool public tried;
    bool public succeeded;
    bytes public returned;

    function setHook(address target, bytes calldata call, bool afterwards) external {
        (_target, _call, _afterwards) = (target, call, afterwards);
        (tried, succeeded) = (false, false);
        delete returned;
    }

    /// @notice Does something as this contract, outside of a transfer.
    function act(address target, bytes calldata call) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call(call);
        if (!ok) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function _update(address from, address to, uint256 value) internal override {
        bool hooked = _target != address(0) && from != address(0);
        bool afterwards = _afterwards;
        if (hooked && !afterwards) _hook();
        super._update(from, to, value);
        if (hooked && afterwards) _hook();
    }

    function _hook() private {
        address target = _target;
        // Once: what it calls may transfer as well.
        _target = address(0);
        tried = true;
        (succeeded, returned) = target.call(_call);
    }
}
