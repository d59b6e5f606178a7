// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Limits} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

contract BuyAndOpenTest is Fixture {
    function test_buyAndOpen_holdsThePaymentAndMintsNothing() public {
        Order memory order = paidOrder("a", 0);
        fund(buyer, PRICE);
        bytes32 id = expectOpened(order);
        vm.recordLogs();
        vm.prank(buyer);
        bytes32 opened = market.buyAndOpen(requestOf(order), usual());
        // The payment's transfer and the order: nothing is sold, so no `DatatokenSold`.
        assertEq(vm.getRecordedLogs().length, 2);
        assertEq(opened, id);
        assertEq(orders.orderIdOf(order), id);
        assertEq(status(id), uint8(IOrders.Status.Open));
        assertEq(dollar.balanceOf(address(market)), PRICE);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(market.earningsOf(address(dollar), treasury), 0);
        assertEq(datatoken.totalSupply(), 0);
    }

    function test_buyAndOpen_fixesTheFees() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        Order memory order = paidOrder("a", PRICE / 10);
        fund(buyer, PRICE);
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(order), usual());
        assertEq(market.earningsOf(address(dollar), referrer), 0);
    }

    function test_buyAndOpen_withEther() public {
        (Order memory order, Limits memory limits) = etherOrder(1 ether);
        vm.deal(buyer, 1 ether);
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen{value: 1 ether}(requestOf(order), limits);
        assertEq(address(market).balance, 1 ether);
        assertEq(buyer.balance, 0);
    }

    function test_buyAndOpen_refusesInexactEther() public {
        (Order memory order, Limits memory limits) = etherOrder(100);
        vm.deal(buyer, 1 ether);
        uint256[3] memory wrong = [uint256(0), 99, 101];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.prank(buyer);
            vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, wrong[i], 100));
            market.buyAndOpen{value: wrong[i]}(requestOf(order), limits);
        }
    }

    function test_buyAndOpen_refusesEtherWhereATokenPays() public {
        fund(buyer, PRICE);
        vm.deal(buyer, 1);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 1, 0));
        market.buyAndOpen{value: 1}(requestOf(paidOrder("a", 0)), usual());
    }

    function test_buyAndOpen_free() public {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount) = (address(dollar), 0);
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(order), limitsFor(address(dollar), 0));
        assertEq(dollar.balanceOf(address(market)), 0);
    }

    function test_buyAndOpen_refusesAnUsedId() public {
        (Order memory order, bytes32 id) = openPaid("a");
        fund(buyer, PRICE);
        expectRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, id), requestOf(order), usual());
        cancel(order);
        expectRefused(abi.encodeWithSelector(IOrders.OrderExists.selector, id), requestOf(order), usual());
        // Another consumer's order is another one.
        fund(stranger, PRICE);
        vm.prank(stranger);
        bytes32 other = market.buyAndOpen(requestOf(order), usual());
        assertNotEq(other, id);
    }

    /// @dev A held datatoken and a payment are never mistaken for each other: they make different orders.
    function test_buyAndOpen_sameRequestAsWithAHeldDatatoken() public {
        holdDatatokens(buyer, 1);
        (, bytes32 held) = openHeld("a");
        (, bytes32 paid) = openPaid("a");
        assertNotEq(held, paid);
        assertEq(status(held), uint8(IOrders.Status.Open));
        assertEq(status(paid), uint8(IOrders.Status.Open));
    }

    function test_buyAndOpen_refusesAnotherProviderThanExpected() public {
        fund(buyer, PRICE);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        request.provider = stranger;
        expectRefused(abi.encodeWithSelector(IOrders.WrongProvider.selector, provider, stranger), request, usual());
        vm.prank(publisher);
        orders.setProvider(address(datatoken), stranger);
        vm.prank(buyer);
        market.buyAndOpen(request, usual());
    }

    function test_buyAndOpen_deadlineAtItsBoundaries() public {
        fund(buyer, 2 * PRICE);
        uint64 earliest = uint64(block.timestamp) + 60;
        uint64 latest = uint64(block.timestamp) + 30 days;
        uint64[4] memory wrong = [uint64(0), earliest - 1, latest + 1, type(uint64).max];
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        for (uint256 i = 0; i < wrong.length; ++i) {
            request.deadline = wrong[i];
            expectRefused(
                abi.encodeWithSelector(IOrders.DeadlineOutOfRange.selector, wrong[i], earliest, latest),
                request,
                usual()
            );
        }
        vm.startPrank(buyer);
        request.deadline = earliest;
        market.buyAndOpen(request, usual());
        request.deadline = latest;
        market.buyAndOpen(request, usual());
        assertEq(dollar.balanceOf(address(market)), 2 * PRICE);
    }

    function test_buyAndOpen_refusesAnUnknownService() public {
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        request.datatoken = address(implementation);
        expectRefused(
            abi.encodeWithSelector(IMarket.UnknownService.selector, address(implementation)), request, usual()
        );
    }

    function test_buyAndOpen_refusesAPausedSaleAndWhatMayNotBeOrdered() public {
        fund(buyer, PRICE);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.Retired);
        expectRefused(abi.encodeWithSelector(IOrders.NotOrderable.selector, assetId), request, usual());
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        expectRefused(abi.encodeWithSelector(IMarket.SaleIsPaused.selector, address(datatoken)), request, usual());
    }

    function test_buyAndOpen_asksTheGateAboutTheBuyer() public {
        fund(buyer, PRICE);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        vm.prank(publisher);
        orders.setGate(address(datatoken), address(memberList));
        expectRefused(abi.encodeWithSelector(IOrders.NotAllowed.selector, address(datatoken), buyer), request, usual());
        address[] memory members = new address[](1);
        members[0] = buyer;
        vm.prank(publisher);
        memberList.add(assetId, members);
        vm.prank(buyer);
        market.buyAndOpen(request, usual());
    }

    function test_buyAndOpen_limitsAtTheirBoundaries() public {
        fund(buyer, PRICE);
        OpenRequest memory request = requestOf(paidOrder("a", 0));
        Limits memory limits = usual();
        limits.deadline = uint64(block.timestamp) - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline), request, limits);
        limits = usual();
        limits.maxPrice = PRICE - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE, PRICE - 1), request, limits);
        limits = usual();
        limits.paymentToken = address(0);
        expectRefused(
            abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(dollar), address(0)), request, limits
        );
        limits = usual();
        (limits.deadline, limits.maxPrice) = (uint64(block.timestamp), PRICE);
        vm.prank(buyer);
        market.buyAndOpen(request, limits);
    }

    function test_buyAndOpen_needsAnAllowance() public {
        dollar.mint(buyer, PRICE);
        expectRefused(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE),
            requestOf(paidOrder("a", 0)),
            usual()
        );
    }

    /// @dev Paying with another service's datatoken: it is a payment like any other, and the market's to hold.
    function test_buyAndOpen_forAnotherDatatoken() public {
        (, Datatoken sold) = publish("sold for a datatoken", address(datatoken), 2e18);
        holdDatatokens(buyer, 2);
        Order memory order = heldOrder("a");
        (order.assetId, order.datatoken, order.escrowAmount) = (sold.assetId(), address(sold), 2e18);
        order.protocolFee = 2e16;
        vm.prank(buyer);
        datatoken.approve(address(market), 2e18);
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen(requestOf(order), limitsFor(address(datatoken), 2e18));
        assertEq(datatoken.balanceOf(address(market)), 2e18);
        cancel(order);
        assertEq(datatoken.balanceOf(buyer), 2e18);
    }

    /// @dev The escrow is divided without a rest when fulfilled, and given back whole when not.
    function testFuzz_escrow_isConserved(uint96 price, uint16 referralBps, uint16 protocolBps, bool inEther, uint8 end)
        public
    {
        price = uint96(bound(price, 0, 2 ** 88 - 1));
        referralBps = uint16(bound(referralBps, 0, market.MAX_REFERRAL_BPS()));
        protocolBps = uint16(bound(protocolBps, 0, market.MAX_PROTOCOL_BPS()));
        deploy(protocolBps, treasury);
        address money = inEther ? address(0) : address(dollar);
        (assetId, datatoken) = publish(SALT, money, price);
        vm.prank(publisher);
        market.setReferral(address(datatoken), referralBps);
        fund(buyer, price);
        vm.deal(buyer, price);
        Order memory order = heldOrder("a");
        (order.escrowToken, order.escrowAmount, order.referrer) = (money, price, referrer);
        order.referralFee = uint256(price) * referralBps / 10_000;
        order.protocolFee = uint256(price) * protocolBps / 10_000;
        Limits memory limits = limitsFor(money, price);
        limits.referrer = referrer;
        expectOpened(order);
        vm.prank(buyer);
        market.buyAndOpen{value: inEther ? price : 0}(requestOf(order), limits);
        assertEq(balanceOf(money, address(market)), price);

        if (end % 3 == 0) fulfil(order);
        else if (end % 3 == 1) cancel(order);
        else returnLate(order);

        uint256 earned = market.earningsOf(money, publisher) + market.earningsOf(money, referrer)
            + market.earningsOf(money, treasury);
        assertEq(earned, end % 3 == 0 ? price : 0);
        assertEq(balanceOf(money, address(market)), earned);
        assertEq(balanceOf(money, buyer), price - earned);
    }

    function etherOrder(uint96 price) private returns (Order memory order, Limits memory limits) {
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), price);
        order = heldOrder("a");
        (order.escrowToken, order.escrowAmount) = (address(0), price);
        order.protocolFee = uint256(price) * PROTOCOL_BPS / 10_000;
        limits = limitsFor(address(0), price);
    }

    function expectRefused(bytes memory reason, OpenRequest memory request, Limits memory limits) private {
        uint256 before = dollar.balanceOf(buyer);
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buyAndOpen(request, limits);
        assertEq(dollar.balanceOf(buyer), before);
    }
}
