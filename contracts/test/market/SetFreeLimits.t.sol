// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {stdError} from "forge-std/StdError.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Fixture} from "../Fixture.sol";
import {FreeLimits, IMarket, Sale} from "../../src/interfaces/IMarket.sol";
import {OpenRequest} from "../../src/interfaces/IOrders.sol";

/// @notice The limits to what is given away, and how each stops. How the counts move: see `FreeCounts.t.sol`.
contract SetFreeLimitsTest is Fixture {
    function setUp() public override {
        super.setUp();
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), 0);
    }

    function test_setFreeLimits_thereAndBack() public {
        uint64[2][5] memory limits =
            [[uint64(2), 5], [uint64(0), 5], [uint64(2), 0], [type(uint64).max, type(uint64).max], [uint64(0), 0]];
        for (uint256 i = 0; i < limits.length; ++i) {
            vm.expectEmit(address(market));
            emit IMarket.FreeLimitsChanged(assetId, publisher, address(datatoken), limits[i][0], limits[i][1]);
            vm.recordLogs();
            set(limits[i][0], limits[i][1]);
            assertEq(vm.getRecordedLogs().length, 1);
            FreeLimits memory kept = market.freeLimitsOf(address(datatoken));
            assertEq(kept.perWallet, limits[i][0]);
            assertEq(kept.total, limits[i][1]);
            assertEq(kept.taken, 0);
            assertEq(market.saleOf(address(datatoken)).limited, limits[i][0] != 0 || limits[i][1] != 0);
        }
    }

    function test_setFreeLimits_keepsTheOtherSettings() public {
        vm.startPrank(publisher);
        market.setPaused(address(datatoken), true);
        market.setReferral(address(datatoken), 77);
        vm.stopPrank();
        set(1, 1);
        set(0, 0);
        Sale memory sale = market.saleOf(address(datatoken));
        assertTrue(sale.paused);
        assertEq(sale.referralBps, 77);
        assertEq(sale.price, 0);
    }

    function test_perWallet_stopsOneAndNotTheNext() public {
        set(2, 0);
        take(buyer, 1);
        take(buyer, 1);
        expectWalletFull(buyer, 1, 2, 2);
        // Nothing is left over by a purchase of several at a time, either.
        take(stranger, 2);
        expectWalletFull(stranger, 1, 2, 2);
        expectWalletFull(provider, 3, 0, 2);
        assertCounts(2, 2, 4);
    }

    function test_perWallet_stopsOrdersToo() public {
        set(1, 0);
        open(buyer, "a");
        expectWalletFull(buyer, 1, 1, 1);
        OpenRequest memory request = requestOf(heldOrder("b"));
        vm.prank(buyer);
        vm.expectRevert(
            abi.encodeWithSelector(IMarket.WalletLimitReached.selector, address(datatoken), buyer, uint256(1), 1)
        );
        market.buyAndOpen(request, limitsFor(address(dollar), 0));
    }

    function test_total_stopsAllTogether() public {
        set(0, 3);
        take(buyer, 2);
        expectTotalFull(stranger, 2, 2, 3);
        take(stranger, 1);
        expectTotalFull(provider, 1, 3, 3);
        OpenRequest memory request = requestOf(heldOrder("b"));
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TotalLimitReached.selector, address(datatoken), uint256(3), 3));
        market.buyAndOpen(request, limitsFor(address(dollar), 0));
        assertCounts(2, 1, 3);
    }

    function test_both_whicheverIsReachedFirst() public {
        set(2, 3);
        expectWalletFull(buyer, 3, 0, 2);
        take(buyer, 2);
        expectTotalFull(stranger, 2, 2, 3);
        take(stranger, 1);
        // Where both are reached, one's own is named.
        expectWalletFull(buyer, 1, 2, 2);
        expectTotalFull(stranger, 1, 3, 3);
    }

    function test_limits_lowerThanWhatWasTakenStopAtOnce() public {
        set(5, 10);
        take(buyer, 4);
        set(3, 10);
        expectWalletFull(buyer, 1, 4, 3);
        set(0, 4);
        expectTotalFull(stranger, 1, 4, 4);
        set(0, 5);
        take(stranger, 1);
    }

    function test_limits_doNotConcernWhatIsPaidFor() public {
        set(1, 1);
        vm.prank(publisher);
        market.setPrice(address(datatoken), address(dollar), PRICE);
        holdDatatokens(buyer, 5);
        openPaid("a");
        assertCounts(0, 0, 0);
    }

    function test_limits_theLargestAndTheLargestCounts() public {
        uint64 most = type(uint32).max;
        set(type(uint64).max, type(uint64).max);
        take(buyer, most);
        take(buyer, most);
        assertCounts(2 * most, 0, 2 * most);
        set(0, 2 * most);
        expectTotalFull(buyer, 1, 2 * most, 2 * most);
        set(2 * most, 0);
        expectWalletFull(buyer, 1, 2 * most, 2 * most);
    }

    function test_setFreeLimits_isTheOwnersOnly() public {
        vm.prank(publisher);
        registry.setApprovalForAll(stranger, true);
        expectRefused(stranger);
        expectRefused(provider);
        vm.prank(publisher);
        registry.transferFrom(publisher, stranger, assetId);
        expectRefused(publisher);
        vm.expectEmit(address(market));
        emit IMarket.FreeLimitsChanged(assetId, stranger, address(datatoken), 1, 1);
        vm.prank(stranger);
        market.setFreeLimits(address(datatoken), 1, 1);
    }

    function test_setFreeLimits_refusesAnUnknownService() public {
        vm.prank(publisher);
        vm.expectRevert(abi.encodeWithSelector(IMarket.UnknownService.selector, address(dollar)));
        market.setFreeLimits(address(dollar), 1, 1);
    }

    /// @dev What is refused is exactly what would go beyond a limit.
    function testFuzz_limits_areExact(uint8 perWallet, uint8 total, uint8[10] calldata counts) public {
        set(perWallet, total);
        address[2] memory people = [buyer, stranger];
        uint256[2] memory mine;
        uint256 all = 0;
        for (uint256 i = 0; i < counts.length; ++i) {
            uint256 who = i % 2;
            uint256 count = uint256(counts[i] % 64) + 1;
            bool tooMany = perWallet != 0 && mine[who] + count > perWallet;
            bool allTooMany = total != 0 && all + count > total;
            if (tooMany) {
                expectWalletFull(people[who], count, mine[who], perWallet);
            } else if (allTooMany) {
                expectTotalFull(people[who], count, all, total);
            } else {
                take(people[who], count);
                (mine[who], all) = (mine[who] + count, all + count);
            }
            bool counted = perWallet != 0 || total != 0;
            assertCounts(counted ? mine[0] : 0, counted ? mine[1] : 0, counted ? all : 0);
        }
    }

    function set(uint64 perWallet, uint64 total) private {
        vm.prank(publisher);
        market.setFreeLimits(address(datatoken), perWallet, total);
    }

    function take(address who, uint256 count) private {
        vm.prank(who);
        market.buy(address(datatoken), count, limitsFor(address(dollar), 0));
    }

    function open(address who, bytes32 salt) private {
        OpenRequest memory request = requestOf(heldOrder(salt));
        vm.prank(who);
        market.buyAndOpen(request, limitsFor(address(dollar), 0));
    }

    function expectWalletFull(address who, uint256 count, uint256 taken, uint256 limit) private {
        vm.expectRevert(
            abi.encodeWithSelector(IMarket.WalletLimitReached.selector, address(datatoken), who, taken, limit)
        );
        take(who, count);
    }

    function expectTotalFull(address who, uint256 count, uint256 taken, uint256 limit) private {
        vm.expectRevert(abi.encodeWithSelector(IMarket.TotalLimitReached.selector, address(datatoken), taken, limit));
        take(who, count);
    }

    function assertCounts(uint256 ofBuyer, uint256 ofStranger, uint256 total) private view {
        assertEq(market.takenFreeBy(address(datatoken), buyer), ofBuyer);
        assertEq(market.takenFreeBy(address(datatoken), stranger), ofStranger);
        assertEq(market.freeLimitsOf(address(datatoken)).taken, total);
    }

    function expectRefused(address caller) private {
        vm.prank(caller);
        vm.expectRevert(refusalOf(caller));
        market.setFreeLimits(address(datatoken), 1, 1);
    }
}
