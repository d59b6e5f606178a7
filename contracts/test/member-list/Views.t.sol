// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";

/// @notice `mayOrder` and `isMember`. What Orders makes of it: see `test/orders/SetGate.t.sol`.
contract MemberListViewsTest is Fixture {
    function test_describesItself() public view {
        assertEq(address(memberList.REGISTRY()), address(registry));
    }

    function test_mayOrder_isMembershipWhateverTheService() public {
        (uint256 other, Datatoken token) = publish("other", address(dollar), PRICE);
        assertFalse(memberList.mayOrder(address(datatoken), assetId, buyer));
        address[] memory accounts = new address[](1);
        accounts[0] = buyer;
        vm.prank(publisher);
        memberList.add(assetId, accounts);
        assertTrue(memberList.mayOrder(address(datatoken), assetId, buyer));
        assertTrue(memberList.mayOrder(address(0), assetId, buyer));
        assertFalse(memberList.mayOrder(address(datatoken), assetId, stranger));
        assertFalse(memberList.mayOrder(address(token), other, buyer));
    }

    /// @dev Membership is bound to the account: the list has no other way to change it than its owner's.
    function test_membershipStaysWhenTheAssetMoves() public {
        address[] memory accounts = new address[](1);
        accounts[0] = buyer;
        vm.startPrank(publisher);
        memberList.add(assetId, accounts);
        registry.transferFrom(publisher, stranger, assetId);
        vm.stopPrank();
        assertTrue(memberList.isMember(assetId, buyer));
        vm.prank(stranger);
        memberList.remove(assetId, accounts);
        assertFalse(memberList.isMember(assetId, buyer));
    }
}
