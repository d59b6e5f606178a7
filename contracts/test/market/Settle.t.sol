// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";

/// @notice Dividing a held payment. Through `fulfil`: see there.
contract SettleTest is Fixture {
    function test_settle_isOrdersOnly() public {
        address[6] memory callers = [publisher, provider, stranger, treasury, address(registry), address(market)];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NotOrders.selector, callers[i]));
            market.settle(address(dollar), 100, publisher, referrer, 0, 0);
        }
    }

    function test_settle_onlyRenamesWhatIsHeld() public {
        vm.recordLogs();
        vm.prank(address(orders));
        assertEq(market.settle(address(dollar), 100, publisher, referrer, 7, 3), 90);
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(market.earningsOf(address(dollar), publisher), 90);
        assertEq(market.earningsOf(address(dollar), referrer), 7);
        assertEq(market.earningsOf(address(dollar), treasury), 3);
        // In this token only.
        assertEq(market.earningsOf(address(0), publisher), 0);
    }

    function test_settle_addsToWhatWasEarnedBefore() public {
        holdDatatokens(buyer, 1);
        uint256 before = market.earningsOf(address(dollar), publisher);
        vm.prank(address(orders));
        market.settle(address(dollar), 100, publisher, address(0), 0, 1);
        assertEq(market.earningsOf(address(dollar), publisher), before + 99);
    }

    function test_settle_nothingIsNoCredit() public {
        vm.record();
        vm.prank(address(orders));
        assertEq(market.settle(address(dollar), 0, publisher, address(0), 0, 0), 0);
        (, bytes32[] memory writes) = vm.accesses(address(market));
        assertEq(writes.length, 0);
    }

    function testFuzz_settle_isConserved(uint256 amount, uint256 referralFee, uint256 protocolFee) public {
        referralFee = bound(referralFee, 0, amount / 10);
        protocolFee = bound(protocolFee, 0, amount / 20);
        vm.prank(address(orders));
        uint256 earned = market.settle(address(dollar), amount, publisher, referrer, referralFee, protocolFee);
        assertEq(earned, amount - referralFee - protocolFee);
        assertEq(market.earningsOf(address(dollar), publisher), earned);
        assertEq(market.earningsOf(address(dollar), referrer), referralFee);
        assertEq(market.earningsOf(address(dollar), treasury), protocolFee);
    }
}
