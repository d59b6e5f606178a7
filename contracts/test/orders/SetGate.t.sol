// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "../Fixture.sol";
import {ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {AnsweringGate, ExactGate, RevertingGate, WritingGate} from "../mocks/Gates.sol";

contract SetGateTest is Fixture {
    address[] private members;

    function setUp() public override {
        super.setUp();
        holdDatatokens(buyer, 2);
        holdDatatokens(stranger, 2);
        members.push(buyer);
    }

    function test_setGate_thereAndBack() public {
        address[3] memory gates = [address(memberList), address(0), address(0)];
        for (uint256 i = 0; i < gates.length; ++i) {
            vm.expectEmit(address(orders));
            emit IOrders.GateChanged(assetId, publisher, address(datatoken), gates[i]);
            vm.recordLogs();
            set(gates[i]);
            assertEq(vm.getRecordedLogs().length, 1);
            assertEq(orders.gateOf(address(datatoken)), gates[i]);
        }
        // With no gate everyone may order.
        openHeld("a");
    }

    function test_memberList_takesEffectInTheNextOrder() public {
        set(address(memberList));
        expectRefused(buyer);
        vm.prank(publisher);
        memberList.add(assetId, members);
        (Order memory order, bytes32 id) = openHeld("a");
        expectRefused(stranger);
        vm.prank(publisher);
        memberList.remove(assetId, members);
        expectRefused(buyer);
        // What is open stays open.
        assertEq(status(id), uint8(IOrders.Status.Open));
        fulfil(order);
    }

    function test_memberList_holdsForPaidOrdersToo() public {
        set(address(memberList));
        Order memory order = paidOrder("a", 0);
        fund(buyer, PRICE);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotAllowed.selector, address(datatoken), buyer));
        market.buyAndOpen(requestOf(order), usual());
        vm.prank(publisher);
        memberList.add(assetId, members);
        openPaid("a");
        vm.prank(publisher);
        memberList.remove(assetId, members);
        cancel(order);
        assertEq(dollar.balanceOf(buyer), 2 * PRICE);
    }

    function test_aNewGateStopsNoOpenOrder() public {
        (Order memory first,) = openHeld("a");
        (Order memory second,) = openHeld("b");
        set(address(new RevertingGate()));
        fulfil(first);
        returnLate(second);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_aGateIsAskedAboutServiceAssetAndConsumer() public {
        set(address(new ExactGate(address(datatoken), assetId, buyer)));
        openHeld("a");
        expectRefused(stranger);
        set(address(new ExactGate(address(datatoken), assetId + 1, buyer)));
        expectRefused(buyer);
        set(address(new ExactGate(stranger, assetId, buyer)));
        expectRefused(buyer);
    }

    function test_aGateIsOneServicesOnly() public {
        vm.startPrank(publisher);
        address open = registry.addService(assetId, 1, ServiceTerms(provider, address(dollar), 0));
        orders.setGate(address(datatoken), address(memberList));
        vm.stopPrank();
        vm.startPrank(buyer);
        market.buy(open, 1, limitsFor(address(dollar), 0));
        orders.open(batchOf(OpenRequest(open, provider, REQUEST, anHourFromNow(), "a")));
    }

    function test_aGateThatRevertsRefusesWithItsOwnReason() public {
        set(address(new RevertingGate()));
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("a")));
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(RevertingGate.ComeBackTomorrow.selector, buyer));
        orders.open(requests);
    }

    function test_aGateThatSaysSomethingElseRefuses() public {
        bytes[4] memory answers = [bytes(""), hex"01", abi.encodePacked(uint248(1)), abi.encode(uint256(2))];
        for (uint256 i = 0; i < answers.length; ++i) {
            set(address(new AnsweringGate(answers[i])));
            expectRefusedWithoutReason();
        }
        set(address(new AnsweringGate(abi.encode(false))));
        expectRefused(buyer);
        set(address(new AnsweringGate(abi.encode(true))));
        openHeld("a");
    }

    function test_aGateCanChangeNothingWhileItIsAsked() public {
        set(address(new WritingGate()));
        expectRefusedWithoutReason();
    }

    function test_aGateThatLostItsCodeRefuses() public {
        set(address(memberList));
        vm.etch(address(memberList), "");
        expectRefusedWithoutReason();
        set(address(0));
        openHeld("a");
    }

    function test_aGateRefusesRedeemingNotHolding() public {
        set(address(memberList));
        holdDatatokens(buyer, 1);
        vm.prank(buyer);
        assertTrue(datatoken.transfer(stranger, ONE));
    }

    function test_setGate_refusesAnAddressWithoutCode() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IOrders.InvalidGate.selector, stranger));
        orders.setGate(address(datatoken), stranger);
        assertEq(orders.gateOf(address(datatoken)), address(0));
    }

    function test_setGate_keepsTheProvider() public {
        vm.startPrank(publisher);
        orders.setProvider(address(datatoken), stranger);
        orders.setGate(address(datatoken), address(memberList));
        orders.setGate(address(datatoken), address(0));
        assertEq(orders.providerOf(address(datatoken)), stranger);
    }

    function test_setGate_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectCallerRefused(stranger);
        expectCallerRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectCallerRefused(publisher);
        vm.expectEmit(address(orders));
        emit IOrders.GateChanged(assetId, stranger, address(datatoken), address(memberList));
        vm.prank(stranger);
        orders.setGate(address(datatoken), address(memberList));
    }

    function set(address gate) private {
        vm.prank(publisher);
        orders.setGate(address(datatoken), gate);
    }

    function expectRefused(address who) private {
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("refused")));
        vm.prank(who);
        vm.expectRevert(abi.encodeWithSelector(IOrders.NotAllowed.selector, address(datatoken), who));
        orders.open(requests);
    }

    /// @dev What a call reverts with whose answer is no answer: nothing.
    function expectRefusedWithoutReason() private {
        OpenRequest[] memory requests = batchOf(requestOf(heldOrder("refused")));
        vm.prank(buyer);
        vm.expectRevert(bytes(""));
        orders.open(requests);
    }

    function expectCallerRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        orders.setGate(address(datatoken), address(memberList));
    }
}
