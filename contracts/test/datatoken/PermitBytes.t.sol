// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Permit} from "../../src/interfaces/IMarket.sol";
import {AnsweringWallet, ContractWallet} from "../mocks/Signers.sol";

/// @notice `permit` with a signature of any form: of contracts (ERC-1271), and of keys.
contract PermitBytesTest is Fixture {
    bytes32 private constant TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    ContractWallet private wallet;

    function setUp() public override {
        super.setUp();
        wallet = new ContractWallet();
    }

    function test_permit_aContractThatAccepts() public {
        wallet.sign(digestOf(datatoken, address(wallet), 5), "yes");
        permit(address(wallet), 5, "yes");
        assertEq(datatoken.allowance(address(wallet), stranger), 5);
        assertEq(datatoken.nonces(address(wallet)), 1);
        // Only once: the next one has another number, so another digest.
        expectRefused(address(wallet), 5, "yes");
    }

    function test_permit_aContractsSignatureInTheClassicForm() public {
        (uint8 v, bytes32 r, bytes32 s) = (9, "r", "s");
        wallet.sign(digestOf(datatoken, address(wallet), 5), abi.encodePacked(r, s, v));
        datatoken.permit(address(wallet), stranger, 5, block.timestamp, v, r, s);
        assertEq(datatoken.allowance(address(wallet), stranger), 5);
    }

    function test_permit_aContractThatRefuses() public {
        expectRefused(address(wallet), 5, "yes");
        wallet.sign(digestOf(datatoken, address(wallet), 5), "yes");
        expectRefused(address(wallet), 5, "no");
        expectRefused(address(wallet), 6, "yes");
        expectRefused(address(wallet), 5, "");
    }

    function test_permit_aContractsSignatureForOneCloneAndChainIsNoneElsewhere() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        wallet.sign(digestOf(other, address(wallet), 5), "yes");
        expectRefused(address(wallet), 5, "yes");
        wallet.sign(digestOf(datatoken, address(wallet), 5), "yes");
        vm.chainId(1);
        expectRefused(address(wallet), 5, "yes");
    }

    function test_permit_aContractThatAnswersSomethingElse() public {
        bytes4 magic = IERC1271.isValidSignature.selector;
        bytes[7] memory answers = [
            bytes(""),
            abi.encodePacked(magic),
            abi.encode(true),
            abi.encode(bytes4(0xffffffff)),
            abi.encode(uint256(uint32(magic))),
            abi.encode(bytes32(magic) | bytes32(uint256(1))),
            abi.encode(bytes4(0), magic)
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            expectRefused(address(new AnsweringWallet(answers[i], false)), 5, "yes");
        }
        // More than the answer is still the answer.
        permit(address(new AnsweringWallet(abi.encode(magic, uint256(7)), false)), 5, "yes");
    }

    function test_permit_aContractThatReverts() public {
        bytes memory magic = abi.encode(IERC1271.isValidSignature.selector);
        expectRefused(address(new AnsweringWallet(magic, true)), 5, "yes");
        expectRefused(address(new AnsweringWallet("", true)), 5, "yes");
        // Any contract that was not meant to sign.
        expectRefused(address(market), 5, "yes");
        expectRefused(address(dollar), 5, "yes");
    }

    function test_permit_aKey() public {
        bytes memory signature = keySignature(5);
        permit(buyer, 5, signature);
        assertEq(datatoken.allowance(buyer, stranger), 5);
        expectRefused(buyer, 5, signature);
    }

    function test_permit_aKeysSignatureOfAnotherLength() public {
        bytes memory signature = keySignature(5);
        expectRefused(buyer, 5, "");
        expectRefused(buyer, 5, abi.encodePacked(signature, hex"00"));
        Permit memory parts = signPermit(datatoken, buyerKey, stranger, 5, block.timestamp);
        // The short form (ERC-2098) would be a second signature for the same thing.
        bytes32 vs = bytes32(uint256(parts.s) | uint256(parts.v - 27) << 255);
        expectRefused(buyer, 5, abi.encodePacked(parts.r, vs));
        permit(buyer, 5, signature);
    }

    function test_permit_expires() public {
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, block.timestamp - 1));
        datatoken.permit(address(wallet), stranger, 5, block.timestamp - 1, "yes");
    }

    /// @dev With EIP-7702 one account has both a key and code. Either signs; neither signs for another.
    function test_permit_anAccountWithKeyAndCode() public {
        vm.signAndAttachDelegation(address(wallet), buyerKey);
        ContractWallet(buyer).sign(digestOf(datatoken, buyer, 5), "yes");
        assertEq(buyer.code.length, 23);
        permit(buyer, 5, "yes");
        assertEq(datatoken.allowance(buyer, stranger), 5);
        permit(buyer, 6, keySignature(6));
        assertEq(datatoken.allowance(buyer, stranger), 6);
        expectRefused(buyer, 7, "yes");
        // The code's own address did not sign anything.
        expectRefused(address(wallet), 5, "yes");
    }

    function testFuzz_permit_noSignatureIsFound(address owner, bytes calldata signature) public {
        vm.assume(owner != address(0));
        expectRefused(owner, 5, signature);
    }

    function permit(address owner, uint256 value, bytes memory signature) private {
        datatoken.permit(owner, stranger, value, block.timestamp, signature);
    }

    function expectRefused(address owner, uint256 value, bytes memory signature) private {
        (uint256 nonce, uint256 allowance) = (datatoken.nonces(owner), datatoken.allowance(owner, stranger));
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        permit(owner, value, signature);
        assertEq(datatoken.nonces(owner), nonce);
        assertEq(datatoken.allowance(owner, stranger), allowance);
    }

    function keySignature(uint256 value) private view returns (bytes memory) {
        Permit memory parts = signPermit(datatoken, buyerKey, stranger, value, block.timestamp);
        return abi.encodePacked(parts.r, parts.s, parts.v);
    }

    function digestOf(Datatoken token, address owner, uint256 value) private view returns (bytes32) {
        bytes32 content = keccak256(abi.encode(TYPEHASH, owner, stranger, value, token.nonces(owner), block.timestamp));
        return keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), content));
    }
}
