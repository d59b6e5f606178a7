// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Permit} from "../../src/interfaces/IMarket.sol";

/// @notice `permit` with v, r and s, as ERC-2612 has it; also for a key with code of its own (EIP-7702).
contract PermitTest is Fixture {
    bytes32 private constant TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_permit_onAClone() public {
        Permit memory permit = signed(5);
        vm.expectEmit(address(datatoken));
        emit IERC20.Approval(buyer, stranger, 5);
        submit(datatoken, permit);
        assertEq(datatoken.allowance(buyer, stranger), 5);
        assertEq(datatoken.nonces(buyer), 1);
    }

    function test_permit_byAnyoneForAnyone() public {
        Permit memory permit = signed(5);
        vm.prank(provider);
        datatoken.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
        assertEq(datatoken.allowance(buyer, stranger), 5);
        assertEq(datatoken.allowance(buyer, provider), 0);
    }

    function test_permit_onlyOnce() public {
        Permit memory permit = signed(5);
        submit(datatoken, permit);
        vm.prank(buyer);
        datatoken.approve(stranger, 0);
        expectRefused(datatoken, permit);
        assertEq(datatoken.allowance(buyer, stranger), 0);
        // The next one is good again.
        submit(datatoken, signed(6));
        assertEq(datatoken.allowance(buyer, stranger), 6);
    }

    function test_permit_untilItsDeadline() public {
        Permit memory permit = signPermit(datatoken, buyerKey, stranger, 5, block.timestamp - 1);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, permit.deadline));
        submit(datatoken, permit);
        submit(datatoken, signPermit(datatoken, buyerKey, stranger, 5, block.timestamp));
        submit(datatoken, signPermit(datatoken, buyerKey, stranger, 7, type(uint256).max));
        assertEq(datatoken.allowance(buyer, stranger), 7);
    }

    function test_permit_ofOneCloneIsNoneOfAnother() public {
        (, Datatoken other) = publish("other", address(dollar), PRICE);
        assertNotEq(other.DOMAIN_SEPARATOR(), datatoken.DOMAIN_SEPARATOR());
        assertNotEq(implementation.DOMAIN_SEPARATOR(), datatoken.DOMAIN_SEPARATOR());
        Permit memory permit = signed(5);
        expectRefused(other, permit);
        expectRefused(implementation, permit);
        submit(datatoken, permit);
    }

    function test_permit_ofOneChainIsNoneOfAnother() public {
        Permit memory permit = signed(5);
        vm.chainId(1);
        expectRefused(datatoken, permit);
        submit(datatoken, signed(6));
        assertEq(datatoken.allowance(buyer, stranger), 6);
    }

    /// @dev The same signature with its s mirrored is valid mathematics, and would be a second signature.
    function test_permit_refusesAHighS() public {
        Permit memory permit = signed(5);
        (uint8 v, bytes32 s) = (permit.v, permit.s);
        permit.s = bytes32(CURVE_ORDER - uint256(s));
        permit.v = v == 27 ? 28 : 27;
        expectRefused(datatoken, permit);
        (permit.v, permit.s) = (v, s);
        submit(datatoken, permit);
    }

    function test_permit_refusesAnythingElseThanWhatWasSigned() public {
        Permit memory permit = signed(5);
        permit.value = 6;
        expectRefused(datatoken, permit);
        permit = signed(5);
        permit.deadline += 1;
        expectRefused(datatoken, permit);
        permit = signed(5);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        datatoken.permit(buyer, provider, permit.value, permit.deadline, permit.v, permit.r, permit.s);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        datatoken.permit(provider, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
        assertEq(datatoken.nonces(buyer), 0);
    }

    function test_permit_saysWhoSignedAndWhoShouldHave() public {
        (address other, uint256 otherKey) = makeAddrAndKey("other");
        Permit memory permit = signedForBuyer(otherKey);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, other, buyer));
        submit(datatoken, permit);
    }

    /// @dev What is no signature recovers to address 0, which must not sign for itself.
    function test_permit_ofNobody() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidApprover.selector, address(0)));
        datatoken.permit(address(0), stranger, 5, block.timestamp, 27, 0, 0);
        assertEq(datatoken.nonces(address(0)), 0);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612InvalidSigner.selector, address(0), buyer));
        datatoken.permit(buyer, stranger, 5, block.timestamp, 27, 0, 0);
    }

    /// @dev An account with delegated code (EIP-7702) that knows nothing of signatures still has its key.
    function test_permit_ofAKeyWithCodeOfItsOwn() public {
        Permit memory permit = signed(5);
        vm.signAndAttachDelegation(address(dollar), buyerKey);
        vm.prank(stranger);
        datatoken.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
        assertEq(buyer.code.length, 23);
        assertEq(datatoken.allowance(buyer, stranger), 5);
        // Nobody else's key has become good by it.
        (, uint256 otherKey) = makeAddrAndKey("other");
        expectRefused(datatoken, signedForBuyer(otherKey));
    }

    function testFuzz_permit(uint256 value, uint256 deadline, address spender) public {
        vm.assume(spender != address(0));
        deadline = bound(deadline, block.timestamp, type(uint256).max);
        Permit memory permit = signPermit(datatoken, buyerKey, spender, value, deadline);
        datatoken.permit(buyer, spender, value, deadline, permit.v, permit.r, permit.s);
        assertEq(datatoken.allowance(buyer, spender), value);
    }

    function signed(uint256 value) private view returns (Permit memory) {
        return signPermit(datatoken, buyerKey, stranger, value, block.timestamp);
    }

    /// @dev The buyer's permit, whoever's key it is.
    function signedForBuyer(uint256 key) private view returns (Permit memory) {
        bytes32 content = keccak256(abi.encode(TYPEHASH, buyer, stranger, 5, datatoken.nonces(buyer), block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", datatoken.DOMAIN_SEPARATOR(), content)));
        return Permit(5, block.timestamp, v, r, s);
    }

    function submit(Datatoken token, Permit memory permit) private {
        token.permit(buyer, stranger, permit.value, permit.deadline, permit.v, permit.r, permit.s);
    }

    function expectRefused(Datatoken token, Permit memory permit) private {
        uint256 nonce = token.nonces(buyer);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        submit(token, permit);
        assertEq(token.nonces(buyer), nonce);
    }
}
