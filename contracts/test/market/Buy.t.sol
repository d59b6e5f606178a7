// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {stdError} from "forge-std/StdError.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Fixture} from "../Fixture.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket, Limits} from "../../src/interfaces/IMarket.sol";

contract BuyTest is Fixture {
    function test_buy_mintsAndCreditsEveryPart() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 500);
        fund(buyer, 3 * PRICE);
        uint256 paid = 3 * uint256(PRICE);
        uint256 referralFee = paid * 500 / 10_000;
        uint256 protocolFee = paid * PROTOCOL_BPS / 10_000;

        vm.expectEmit(address(dollar));
        emit IERC20.Transfer(buyer, address(market), paid);
        vm.expectEmit(address(market));
        emit IMarket.DatatokenSold(
            assetId, buyer, address(datatoken), publisher, 3, address(dollar), paid, referrer, referralFee, protocolFee
        );
        vm.expectEmit(address(datatoken));
        emit IERC20.Transfer(address(0), buyer, 3 * ONE);
        vm.recordLogs();
        vm.prank(buyer);
        market.buy(address(datatoken), 3, usual());
        assertEq(vm.getRecordedLogs().length, 3);

        assertEq(datatoken.balanceOf(buyer), 3 * ONE);
        assertEq(datatoken.totalSupply(), 3 * ONE);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(dollar.balanceOf(address(market)), paid);
        assertEq(market.earningsOf(address(dollar), referrer), referralFee);
        assertEq(market.earningsOf(address(dollar), treasury), protocolFee);
        assertEq(market.earningsOf(address(dollar), publisher), paid - referralFee - protocolFee);
    }

    function test_buy_withoutReferrerPaysNoReferral() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        fund(buyer, PRICE);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limitsFor(address(dollar), PRICE));
        assertEq(market.earningsOf(address(dollar), address(0)), 0);
        assertEq(market.earningsOf(address(dollar), publisher), PRICE - PRICE * PROTOCOL_BPS / 10_000);
    }

    /// @dev One account may be several of the parties; what it gets adds up.
    function test_buy_referrerThatIsAlsoSomebodyElse() public {
        vm.prank(publisher);
        market.setReferral(address(datatoken), 1_000);
        Limits memory limits = usual();
        address[3] memory referrers = [buyer, publisher, treasury];
        uint256[3] memory credits = [uint256(PRICE) / 10, 0, 0];
        credits[1] = PRICE - uint256(PRICE) / 100;
        credits[2] = uint256(PRICE) / 10 + uint256(PRICE) / 100;
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < referrers.length; ++i) {
            vm.revertToState(before);
            fund(buyer, PRICE);
            limits.referrer = referrers[i];
            vm.prank(buyer);
            market.buy(address(datatoken), 1, limits);
            assertEq(market.earningsOf(address(dollar), referrers[i]), credits[i]);
        }
    }

    function test_buy_creditsWhoOwnsTheAssetNow() public {
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        holdDatatokens(buyer, 1);
        assertEq(market.earningsOf(address(dollar), publisher), 0);
        assertEq(market.earningsOf(address(dollar), stranger), PRICE - PRICE * PROTOCOL_BPS / 10_000);
    }

    function test_buy_withEther() public {
        (, Datatoken token) = publish("ether", address(0), 0.5 ether);
        vm.deal(buyer, 1 ether);
        vm.prank(buyer);
        market.buy{value: 1 ether}(address(token), 2, limitsFor(address(0), 0.5 ether));
        assertEq(token.balanceOf(buyer), 2 * ONE);
        assertEq(address(market).balance, 1 ether);
        assertEq(market.earningsOf(address(0), publisher), 0.99 ether);
        assertEq(market.earningsOf(address(0), treasury), 0.01 ether);
    }

    function test_buy_refusesInexactEther() public {
        (, Datatoken token) = publish("ether", address(0), 100);
        vm.deal(buyer, 1 ether);
        uint256[4] memory wrong = [uint256(0), 99, 101, 1 ether];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.prank(buyer);
            vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, wrong[i], 100));
            market.buy{value: wrong[i]}(address(token), 1, limitsFor(address(0), 100));
        }
    }

    function test_buy_refusesEtherWhereATokenPaysOrNothingIsPaid() public {
        fund(buyer, PRICE);
        vm.deal(buyer, 1);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 1, 0));
        market.buy{value: 1}(address(datatoken), 1, usual());
        (, Datatoken free) = publish("free", address(0), 0);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, 1, 0));
        market.buy{value: 1}(address(free), 1, limitsFor(address(0), 0));
    }

    function test_buy_freeMovesNothing() public {
        address[2] memory monies = [address(dollar), address(0)];
        for (uint256 i = 0; i < monies.length; ++i) {
            (uint256 id, Datatoken token) = publish(bytes32(i), monies[i], 0);
            vm.expectEmit(address(market));
            emit IMarket.DatatokenSold(id, buyer, address(token), publisher, 5, monies[i], 0, address(0), 0, 0);
            vm.prank(buyer);
            market.buy(address(token), 5, limitsFor(monies[i], 0));
            assertEq(token.balanceOf(buyer), 5 * ONE);
            assertEq(balanceOf(monies[i], address(market)), 0);
            assertEq(market.earningsOf(monies[i], publisher), 0);
        }
    }

    function test_buy_refusesNone() public {
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CountOutOfRange.selector, 0, type(uint32).max));
        market.buy(address(datatoken), 0, usual());
    }

    function test_buy_refusesMoreThanASupplyMayGrowBy() public {
        uint256 most = type(uint32).max;
        (, Datatoken free) = publish("free", address(dollar), 0);
        for (uint256 i = 0; i < 2; ++i) {
            uint256 count = i == 0 ? most + 1 : type(uint256).max;
            vm.prank(buyer);
            vm.expectRevert(abi.encodeWithSelector(IMarket.CountOutOfRange.selector, count, most));
            market.buy(address(free), count, limitsFor(address(dollar), 0));
        }
        // The last that is allowed.
        vm.prank(buyer);
        market.buy(address(free), most, limitsFor(address(dollar), 0));
        assertEq(free.totalSupply(), most * ONE);
    }

    function test_buy_refusesAnUnknownService() public {
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.buy(address(dollar), 1, usual());
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(implementation)));
        market.buy(address(implementation), 1, usual());
    }

    function test_buy_refusesAPausedSale() public {
        vm.prank(publisher);
        market.setPaused(address(datatoken), true);
        fund(buyer, PRICE);
        expectRefused(abi.encodeWithSelector(IMarket.SaleIsPaused.selector, address(datatoken)), usual());
        vm.prank(publisher);
        market.setPaused(address(datatoken), false);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, usual());
    }

    function test_buy_refusesWhatMayNotBeOrdered() public {
        vm.prank(publisher);
        registry.setState(assetId, IAssetRegistry.State.OrderingDisabled);
        expectRefused(abi.encodeWithSelector(IMarket.NotOrderable.selector, assetId), usual());
    }

    function test_buy_isNotForTheGateToRefuse() public {
        vm.prank(publisher);
        orders.setGate(address(datatoken), address(memberList));
        holdDatatokens(buyer, 1);
        assertEq(datatoken.balanceOf(buyer), ONE);
    }

    function test_buy_limitsAtTheirBoundaries() public {
        fund(buyer, PRICE);
        Limits memory limits = usual();
        limits.deadline = uint64(block.timestamp) - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline), limits);
        limits.deadline = 0;
        expectRefused(abi.encodeWithSelector(IMarket.PurchaseExpired.selector, 0), limits);

        limits = usual();
        limits.maxPrice = PRICE - 1;
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE, PRICE - 1), limits);

        limits = usual();
        limits.paymentToken = address(0);
        expectRefused(abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(dollar), address(0)), limits);

        limits = usual();
        limits.deadline = uint64(block.timestamp);
        limits.maxPrice = PRICE;
        vm.prank(buyer);
        market.buy(address(datatoken), 1, limits);
    }

    function test_buy_aChangeAfterTheQuoteReverts() public {
        Limits memory quoted = usual();
        fund(buyer, PRICE * 2);
        vm.startPrank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE + 1);
        vm.stopPrank();
        expectRefused(abi.encodeWithSelector(IMarket.PriceTooHigh.selector, PRICE + 1, PRICE), quoted);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(0), PRICE);
        expectRefused(abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, address(0), address(dollar)), quoted);
        // A better price is taken as it is.
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE - 1);
        vm.prank(buyer);
        market.buy(address(datatoken), 1, quoted);
        assertEq(dollar.balanceOf(buyer), PRICE + 1);
    }

    function test_buy_needsMoneyAndAllowance() public {
        dollar.mint(buyer, PRICE);
        expectRefused(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(market), 0, PRICE), usual()
        );
        vm.prank(buyer);
        dollar.approve(address(market), 2 * PRICE);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, PRICE, 2 * PRICE));
        market.buy(address(datatoken), 2, usual());
    }

    /// @dev The split leaves nothing over and takes nothing twice, whatever the price, count and fees.
    function testFuzz_buy_splitIsConserved(uint96 price, uint32 count, uint16 referralBps, uint16 protocolBps) public {
        price = uint96(bound(price, 0, 2 ** 88 - 1));
        count = uint32(bound(count, 1, type(uint32).max));
        referralBps = uint16(bound(referralBps, 0, market.MAX_REFERRAL_BPS()));
        protocolBps = uint16(bound(protocolBps, 0, market.MAX_PROTOCOL_BPS()));
        deploy(protocolBps, treasury);
        (, Datatoken token) = publish(SALT, address(dollar), price);
        vm.prank(publisher);
        market.setReferral(address(token), referralBps);
        uint256 paid = uint256(price) * count;
        fund(buyer, paid);
        Limits memory limits = usual();
        limits.maxPrice = price;

        vm.prank(buyer);
        market.buy(address(token), count, limits);

        uint256 toReferrer = market.earningsOf(address(dollar), referrer);
        uint256 toProtocol = market.earningsOf(address(dollar), treasury);
        uint256 toPublisher = market.earningsOf(address(dollar), publisher);
        assertEq(toReferrer, paid * referralBps / 10_000);
        assertEq(toProtocol, paid * protocolBps / 10_000);
        assertEq(toReferrer + toProtocol + toPublisher, paid);
        assertEq(dollar.balanceOf(address(market)), paid);
        assertEq(dollar.balanceOf(buyer), 0);
        assertEq(token.balanceOf(buyer), count * ONE);
    }

    /// @dev Small prices are where rounding shows: what it leaves is the publisher's.
    function testFuzz_buy_roundsInFavourOfThePublisher(uint8 price, uint16 referralBps) public {
        price = uint8(bound(price, 1, type(uint8).max));
        referralBps = uint16(bound(referralBps, 0, 1_000));
        (, Datatoken token) = publish("small", address(dollar), price);
        vm.prank(publisher);
        market.setReferral(address(token), referralBps);
        fund(buyer, price);
        vm.prank(buyer);
        market.buy(address(token), 1, usual());
        uint256 exactFees = uint256(price) * (uint256(referralBps) + PROTOCOL_BPS);
        assertGe(market.earningsOf(address(dollar), publisher) * 10_000, uint256(price) * 10_000 - exactFees);
        assertLe(market.earningsOf(address(dollar), publisher), price);
        assertGt(market.earningsOf(address(dollar), publisher), 0);
    }

    /// @dev Many purchases of one are as good as one purchase of many, but for what rounding gives the publisher.
    function testFuzz_buy_addsUp(uint8[6] calldata counts) public {
        uint256 bought = 0;
        uint256 fees = 0;
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 count = uint256(counts[i]) + 1;
            holdDatatokens(buyer, count);
            bought += count;
            fees += count * PRICE * PROTOCOL_BPS / 10_000;
        }
        assertEq(datatoken.totalSupply(), bought * ONE);
        assertEq(market.earningsOf(address(dollar), treasury), fees);
        assertEq(market.earningsOf(address(dollar), publisher), bought * PRICE - fees);
        assertEq(dollar.balanceOf(address(market)), bought * PRICE);
    }

    function expectRefused(bytes memory reason, Limits memory limits) private {
        vm.prank(buyer);
        vm.expectRevert(reason);
        market.buy(address(datatoken), 1, limits);
        assertEq(datatoken.totalSupply(), 0);
    }

    function expectCountRefused(address token, uint256 price, uint256 count) private {
        vm.prank(buyer);
        vm.expectRevert(stdError.arithmeticError);
        market.buy(token, count, limitsFor(address(dollar), price));
    }
}
