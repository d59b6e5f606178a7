// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Fixture} from "../Fixture.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {RejectingBuyer} from "../mocks/Buyers.sol";

contract WithdrawTest is Fixture {
    function test_withdraw_paysAllOfOneTokenToTheCaller() public {
        holdDatatokens(buyer, 2);
        uint256 earned = 2 * uint256(PRICE) - 2 * uint256(PRICE) / 100;
        vm.expectEmit(address(market));
        emit IMarket.Withdrawn(publisher, address(dollar), earned);
        vm.expectEmit(address(dollar));
        emit IERC20.Transfer(address(market), publisher, earned);
        vm.recordLogs();
        vm.prank(publisher);
        assertEq(market.withdraw(address(dollar)), earned);
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(dollar.balanceOf(publisher), earned);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        // The others' parts are still there.
        assertEq(market.earningsOf(address(dollar), treasury), 2 * uint256(PRICE) / 100);
        assertEq(dollar.balanceOf(address(market)), 2 * uint256(PRICE) / 100);
    }

    function test_withdraw_twiceIsNothing() public {
        holdDatatokens(buyer, 1);
        vm.startPrank(publisher);
        market.withdraw(address(dollar));
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, publisher, address(dollar)));
        market.withdraw(address(dollar));
    }

    function test_withdraw_whoEarnedNothing() public {
        holdDatatokens(buyer, 1);
        openPaid("a");
        address[4] memory callers = [buyer, provider, stranger, referrer];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, callers[i], address(dollar)));
            market.withdraw(address(dollar));
        }
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, publisher, address(0)));
        market.withdraw(address(0));
    }

    function test_withdraw_neverTouchesTheEscrowOfOpenOrders() public {
        openPaid("a");
        holdDatatokens(stranger, 1);
        vm.prank(publisher);
        market.withdraw(address(dollar));
        vm.prank(treasury);
        market.withdraw(address(dollar));
        assertEq(dollar.balanceOf(address(market)), PRICE);
    }

    function test_withdraw_formerOwnerKeepsWhatItEarnedAndNoMore() public {
        holdDatatokens(buyer, 1);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NothingToWithdraw.selector, stranger, address(dollar)));
        market.withdraw(address(dollar));
        vm.prank(publisher);
        assertEq(market.withdraw(address(dollar)), PRICE - PRICE * PROTOCOL_BPS / 10_000);
    }

    function test_withdraw_ether() public {
        sellForEther(publisher);
        vm.expectEmit(address(market));
        emit IMarket.Withdrawn(publisher, address(0), 0.99 ether);
        vm.prank(publisher);
        assertEq(market.withdraw(address(0)), 0.99 ether);
        assertEq(publisher.balance, 0.99 ether);
        vm.prank(treasury);
        market.withdraw(address(0));
        assertEq(treasury.balance, 0.01 ether);
        assertEq(address(market).balance, 0);
    }

    function test_withdraw_etherToWhomRefusesItReverts() public {
        RejectingBuyer owner = new RejectingBuyer(market, orders);
        vm.prank(publisher);
        registry.transferFrom(publisher, address(owner), assetId);
        sellForEther(address(owner));
        vm.expectRevert(abi.encodeWithSelector(IMarket.EtherRefused.selector, address(owner)));
        owner.withdraw(address(0));
        assertEq(market.earningsOf(address(0), address(owner)), 0.99 ether);
        owner.learn();
        owner.withdraw(address(0));
        assertEq(address(owner).balance, 0.99 ether);
    }

    function test_market_takesNoUnaskedEther() public {
        vm.deal(stranger, 1);
        vm.startPrank(stranger);
        (bool accepted,) = address(market).call{value: 1}("");
        assertFalse(accepted);
        (accepted,) = address(market).call{value: 1}(abi.encodeCall(IMarket.withdraw, (address(0))));
        assertFalse(accepted);
    }

    /// @dev Tokens and ether that come without being asked for are nobody's, and change nothing for anybody.
    function testFuzz_withdraw_unaskedMoneyIsNobodys(uint96 gift) public {
        holdDatatokens(buyer, 1);
        dollar.mint(address(market), gift);
        vm.deal(address(market), gift);
        vm.prank(publisher);
        market.withdraw(address(dollar));
        vm.prank(treasury);
        market.withdraw(address(dollar));
        assertEq(dollar.balanceOf(address(market)), gift);
        assertEq(address(market).balance, gift);
    }

    function sellForEther(address owner) private {
        vm.prank(owner);
        market.setPrice(address(datatoken), address(0), 1 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buy{value: 1 ether}(address(datatoken), 1, limitsFor(address(0), 1 ether));
    }
}
