// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {IMemberList} from "../../src/interfaces/IMemberList.sol";

contract RemoveTest is Fixture {
    function setUp() public override {
        super.setUp();
        vm.prank(publisher);
        memberList.add(assetId, both());
    }

    function test_remove_eachWithItsEvent() public {
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, buyer, publisher, false);
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, referrer, publisher, false);
        vm.recordLogs();
        vm.prank(publisher);
        memberList.remove(assetId, both());
        assertEq(vm.getRecordedLogs().length, 2);
        assertFalse(memberList.isMember(assetId, buyer));
        assertFalse(memberList.isMember(assetId, referrer));
    }

    function test_remove_oneLeavesTheOther() public {
        address[] memory one = new address[](1);
        one[0] = buyer;
        vm.startPrank(publisher);
        memberList.remove(assetId, one);
        memberList.remove(assetId, one);
        assertFalse(memberList.isMember(assetId, buyer));
        assertTrue(memberList.isMember(assetId, referrer));
    }

    function test_remove_fromOneAssetIsNotFromAnother() public {
        (uint256 other,) = publish("other", address(dollar), PRICE);
        vm.startPrank(publisher);
        memberList.add(other, both());
        memberList.remove(assetId, both());
        assertTrue(memberList.isMember(other, buyer));
    }

    function test_remove_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        expectRefused(buyer);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(memberList));
        emit IMemberList.MemberChanged(assetId, buyer, stranger, false);
        vm.prank(stranger);
        memberList.remove(assetId, both());
    }

    function test_remove_refusesAnAssetThatIsNone() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 5));
        memberList.remove(5, both());
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        memberList.remove(assetId, both());
    }

    function both() private view returns (address[] memory accounts) {
        accounts = new address[](2);
        (accounts[0], accounts[1]) = (buyer, referrer);
    }
}
