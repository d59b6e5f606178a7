// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IDatatoken} from "./interfaces/IDatatoken.sol";
import {DatatokenArgs} from "./DatatokenArgs.sol";

/// @title The right to order one service
/// @dev One implementation, and a clone of it per service. There is no initialiser, so none can be called twice or by a
/// stranger: everything a clone knows is in its code. The implementation itself can never have a supply, since the
/// market mints only what the registry listed.
contract Datatoken is ERC20, ERC20Permit, IDatatoken {
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    address public immutable MARKET;
    address public immutable ORDERS;

    modifier onlyOrders() {
        require(msg.sender == ORDERS, NotOrders(msg.sender));
        _;
    }

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
    function spend(address holder, uint256 amount) external onlyOrders {
        _burn(holder, amount);
    }

    /// @inheritdoc IDatatoken
    function restore(address holder, uint256 amount) external onlyOrders {
        _mint(holder, amount);
    }

    /// @inheritdoc IDatatoken
    function assetId() external view returns (uint256) {
        return DatatokenArgs.assetIdOf(address(this));
    }

    /// @inheritdoc IDatatoken
    function serviceIndex() external view returns (uint32) {
        return DatatokenArgs.read(address(this)).serviceIndex;
    }

    /// @inheritdoc IERC20Permit
    /// @dev Also for owners that are contracts (ERC-1271).
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        public
        override(ERC20Permit, IERC20Permit)
    {
        permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc IDatatoken
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) public {
        require(block.timestamp <= deadline, ERC2612ExpiredSignature(deadline));
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline)));
        // The key first: an account with code of its own (EIP-7702) may sign with its key as well.
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        require(
            signer == owner || SignatureChecker.isValidERC1271SignatureNow(owner, digest, signature),
            ERC2612InvalidSigner(signer, owner)
        );
        _approve(owner, spender, value);
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
