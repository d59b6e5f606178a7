// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IMemberList} from "../../src/interfaces/IMemberList.sol";

contract AddTest is Fixture {
    function test_add_eachWithItsEvent() public {
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, buyer, publisher, true);
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, referrer, publisher, true);
        vm.recordLogs();
        vm.prank(publisher);
        memberList.add(assetId, both());
        assertEq(vm.getRecordedLogs().length, 2);
        assertTrue(memberList.isMember(assetId, buyer));
        assertTrue(memberList.isMember(assetId, referrer));
        assertFalse(memberList.isMember(assetId, stranger));
    }

    function test_add_twiceIsOnce() public {
        vm.startPrank(publisher);
        memberList.add(assetId, both());
        memberList.add(assetId, both());
        assertTrue(memberList.isMember(assetId, buyer));
        memberList.remove(assetId, both());
        assertFalse(memberList.isMember(assetId, buyer));
    }

    function test_add_nobody() public {
        vm.recordLogs();
        vm.prank(publisher);
        memberList.add(assetId, new address[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_add_toOneAssetIsNotToAnother() public {
        (uint256 other,) = publish("other", address(dollar), PRICE);
        vm.prank(publisher);
        memberList.add(assetId, both());
        assertFalse(memberList.isMember(other, buyer));
    }

    function testFuzz_add_andRemoveAgain(address account, address another) public {
        vm.assume(account != another);
        address[] memory accounts = new address[](1);
        accounts[0] = account;
        vm.startPrank(publisher);
        memberList.add(assetId, accounts);
        assertTrue(memberList.isMember(assetId, account));
        assertFalse(memberList.isMember(assetId, another));
        memberList.remove(assetId, accounts);
        assertFalse(memberList.isMember(assetId, account));
    }

    function test_add_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        expectRefused(buyer);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, buyer, stranger, true);
        vm.prank(stranger);
        memberList.add(assetId, both());
    }

    function test_add_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        memberList.add(5, both());
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        memberList.add(assetId, both());
    }

    function both() private view returns (address[] memory accounts) {
        accounts = new address[](2);
        (accounts[0], accounts[1]) = (buyer, referrer);
    }
}
