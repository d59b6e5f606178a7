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

/// @notice The receiver gets less than was sent once that is switched on, like a stablecoin that has kept the right to.
contract LaterFeeToken is MintableToken(6) {
    uint256 public feePercent;

    function setFee(uint256 percent) external {
        feePercent = percent;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value * feePercent / 100);
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

    function _update(address from, address to, uint256 value) internal virtual override {
        require(!blocked[to], Blocked(to));
        super._update(from, to, value);
    }
}

/// @notice Refuses to move money of, to, or by whoever is on its list.
contract StrictBlocklistToken is BlocklistToken {
    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[from], Blocked(from));
        require(!blocked[msg.sender], Blocked(msg.sender));
        super._update(from, to, value);
    }
}

/// @notice Moves nothing for anybody while it is paused.
contract PausableToken is MintableToken(6) {
    bool public paused;

    error Paused();

    function pause(bool on) external {
        paused = on;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!paused, Paused());
        super._update(from, to, value);
    }
}

/// @notice Everyone's balance grows and shrinks by itself. Like the known ones it keeps shares, and moves what the shares
/// are worth: by rounding, a little less than told.
contract RebasingToken is MintableToken(18) {
    uint256 public percent = 100;

    function rebase(uint256 to) external {
        percent = to;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * percent / 100;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value * 100 / percent);
    }
}

/// @notice Moves what it is told, and returns any bytes that it was told to, once it was told.
contract AnsweringToken is MintableToken(6) {
    bytes private _answer;
    bool private _answers;

    function answer(bytes calldata with) external {
        (_answer, _answers) = (with, true);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        _transfer(msg.sender, to, value);
        return _return();
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        _spendAllowance(from, msg.sender, value);
        _transfer(from, to, value);
        return _return();
    }

    function _return() private view returns (bool) {
        if (!_answers) return true;
        bytes memory with = _answer;
        assembly {
            return(add(with, 32), mload(with))
        }
    }
}

/// @notice Forgets to say, or lies about, what anybody has.
contract MuteToken is MintableToken(6) {
    bool public mute;

    function silence(bool on) external {
        mute = on;
    }

    function balanceOf(address account) public view override returns (uint256) {
        if (mute) {
            assembly {
                return(0, 0)
            }
        }
        return super.balanceOf(account);
    }
}

/// @notice Says that it moved everything, and moves nothing, once it is switched on.
contract LyingToken is MintableToken(6) {
    bool public lying;

    function lie(bool on) external {
        lying = on;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (lying) emit Transfer(from, to, value);
        else super._update(from, to, value);
    }
}

/// @notice Uses up all gas when it pays somebody out.
contract GasBurningToken is MintableToken(6) {
    function transfer(address, uint256) public pure override returns (bool) {
        while (true) {}
        return true;
    }
}
