// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that anyone may mint, as the base of the misbehaving ones.
contract MintableToken is ERC20 {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) ERC20("Token", "TKN") {
        DECIMALS = decimals_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}

/// @notice The receiver gets one hundredth less than was sent.
contract FeeOnTransferToken is MintableToken(6) {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}

/// @notice Takes a fee from the sender, on top, once it is switched on.
contract OverchargingToken is MintableToken(6) {
    bool public charging;

    function charge() external {
        charging = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (charging && from != address(0) && to != address(0)) super._update(from, address(0), value / 100);
    }
}

/// @notice Says false instead of reverting, and moves nothing, once it is switched on.
contract FalseReturnToken is MintableToken(6) {
    bool public refusing;

    function refuse(bool on) external {
        refusing = on;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        return refusing ? false : super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        return refusing ? false : super.transferFrom(from, to, value);
    }
}

/// @notice Returns nothing at all, like some tokens that are older than the standard.
contract NoReturnToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Refuses to pay whoever is on its list.
contract BlocklistToken is MintableToken(6) {
    mapping(address account => bool) public blocked;

    error Blocked(address account);

    function setBlocked(address account, bool on) external {
        blocked[account] = on;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[to], Blocked(to));
        super._update(from, to, value);
    }
}

/// @notice Calls somebody during every transfer, like a token with hooks, and remembers how that went.
contract HookToken is MintableToken(18) {
    address private _target;
    bytes private _call;
    bool public called;
    bytes4 public failure;

    function setHook(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
        (called, failure) = (false, 0);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (_target != address(0) && from != address(0)) {
            (bool ok, bytes memory returned) = _target.call(_call);
            called = ok;
            // forge-lint: disable-next-line(unsafe-typecast)
            if (!ok) failure = bytes4(returned);
        }
        super._update(from, to, value);
    }
}

/// @notice Uses up all gas when it pays somebody out.
contract GasBurningToken is MintableToken(6) {
    function transfer(address, uint256) public pure override returns (bool) {
        while (true) {}
        return true;
    }
}
