// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IOrders} from "../src/interfaces/IOrders.sol";
import {FreeLimits, Sale} from "../src/interfaces/IMarket.sol";
import {BookedAsset, BookedService, Books} from "./handlers/Books.sol";
import {Fixture} from "./Fixture.sol";
import {MarketHandler} from "./handlers/MarketHandler.sol";
import {Reach} from "./handlers/Reach.sol";
import {MintableToken} from "./mocks/HostileTokens.sol";

/// @notice The invariants of the README, by their numbers, under random use of every function by everybody.
///
/// 1. In each payment token, and in ether, the market holds exactly the escrow of open paid orders plus everything earned
///    and not withdrawn, and what somebody sent it unasked, which nobody ever gets.
/// 2. `Orders` holds nothing. What was spent on an open order is out of the supply, and nothing but that is minted again.
/// 3. An order opens once and ends once. What has ended never changes and is never opened again.
/// 4. Only the order's provider fulfils or cancels; before the deadline nobody else ends it. What it was opened with goes
///    back to the consumer whole, or the payment to publisher, referrer and protocol; never elsewhere, whoever sends the
///    transaction.
/// 5. A datatoken comes into being only by a paid (or free) sale, and goes only by an order that is not cancelled or
///    returned.
/// 6. The parts of a payment add up to it, to the last base unit; the referrer's is at most 10 %, the protocol's at most
///    5 % and fixed at deployment; what rounding leaves goes to the publisher.
/// 7. An open order keeps the price, fees and provider that it was opened with, whatever changes later; only its publisher
///    is whoever owns the asset when it is fulfilled.
/// 8. Every order can end: after the deadline by anyone, even if the payment token or the consumer refuses the refund,
///    which is then credited to the consumer for withdrawal.
/// 9. A buyer never pays more than `maxPrice`, in another token than named, or after its deadline; and no order goes to
///    another provider than named.
/// 10. The registry's metadata hash is the hash of the bytes in the newest event.
/// 11. All rights over an asset, its sales, providers, gates and members are its ERC-721 owner's, at once and alone.
/// 12. What was taken free under limits is the sum of what the accounts took, and no taking goes beyond the limits that
///     are in force then.
/// 13. `Orders` takes orders of an asset if and only if its state is `Active` or `Unlisted`.
/// 14. Every datatoken's supply is the sum of its balances, and is what was sold minus what was spent on orders that are
///     open or fulfilled.
///
/// Where a number has no check of its own below, the handler checks it with every call: it knows before how the call ends,
/// computes its effect in its own books, and the checks compare those with the contracts.
///
/// The long run, more than a million calls: `FOUNDRY_PROFILE=long forge test --match-path test/Invariants.t.sol`.
contract InvariantsTest is Fixture {
    MarketHandler private handler;
    address[] private people;
    address[] private moneys;

    function setUp() public override {
        super.setUp();
        address[] memory common = new address[](3);
        (common[1], common[2]) = (address(dollar), address(new MintableToken(18)));
        handler = new MarketHandler(Books.Contracts(registry, market, orders, memberList), treasury, common);
        uint256 services = 0;
        for (uint256 i = 0; services < 3; ++i) {
            handler.publish(i);
            (, services,) = handler.counts();
        }
        (people, moneys) = handler.everyone();
        targetContract(address(handler));
        targetSelector(FuzzSelector(address(handler), actions()));
    }

    /// @dev All at once, so that one sequence of calls has to stand up to all of them.
    function invariant_all() public {
        (uint256 assets, uint256 services, uint256 placed) = handler.counts();
        for (uint256 i = 0; i < moneys.length; ++i) {
            checkMoney(moneys[i]);
        }
        for (uint256 i = 0; i < services; ++i) {
            BookedService memory service = handler.serviceAt(i);
            checkTokens(service);
            checkSale(i, service);
            checkOrdering(i, service);
        }
        for (uint256 i = 0; i < assets; ++i) {
            checkAsset(handler.assetAt(i));
        }
        for (uint256 i = 0; i < placed; ++i) {
            checkOrder(i);
        }
    }

    /// @dev 8: whatever happened, every order can end; then nothing is escrowed any more.
    function afterInvariant() public {
        handler.endEverything();
        invariant_all();
        for (uint256 i = 0; i < moneys.length; ++i) {
            assertEq(handler.escrow(moneys[i]), 0, "8");
        }
        (, uint256 services,) = handler.counts();
        for (uint256 i = 0; i < services; ++i) {
            BookedService memory service = handler.serviceAt(i);
            assertEq(service.token.totalSupply(), (service.sold - service.fulfilled) * ONE, "8");
        }
    }

    /// @dev That the suite is worth something: chance does get to every function, and to every refusal.
    function test_chanceReachesEverything() public {
        bytes4[] memory all = actions();
        for (uint256 i = 0; i < 4_000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            (bool done,) = address(handler).call(abi.encodeWithSelector(all[seed % all.length], seed));
            assertTrue(done);
        }
        bytes4[27] memory functions = Reach.functions();
        for (uint256 i = 0; i < functions.length; ++i) {
            assertGt(handler.allowed(functions[i]), 0, vm.toString(bytes32(functions[i])));
        }
        bytes4[39] memory refusals = Reach.refusals();
        for (uint256 i = 0; i < refusals.length; ++i) {
            assertGt(handler.refused(refusals[i]), 0, vm.toString(bytes32(refusals[i])));
        }
        // Refunds that were pushed, refunds that had to be credited, and free orders that no longer count.
        assertGt(handler.refunds(true), 0);
        assertGt(handler.refunds(false), 0);
        assertGt(handler.givenBack(), 0);
    }

    /// @dev 1, 4 and 6; and from outside: nothing is left but by withdrawal and refund.
    function checkMoney(address money) private view {
        uint256 holds = money == address(0) ? address(market).balance : MintableToken(money).balanceOf(address(market));
        uint256 owed = 0;
        for (uint256 i = 0; i < people.length; ++i) {
            uint256 earned = market.earningsOf(money, people[i]);
            assertEq(earned, handler.owed(money, people[i]), "1");
            owed += earned;
        }
        assertEq(holds, handler.escrow(money) + owed + handler.strayed(money), "1");
        assertEq(holds + handler.paidOut(money), handler.paidIn(money) + handler.strayed(money), "1");
    }

    /// @dev 2, 5 and 14.
    function checkTokens(BookedService memory service) private view {
        assertEq(service.token.balanceOf(address(orders)), service.strayed, "2");
        uint256 balances = service.strayed + service.token.balanceOf(address(market));
        for (uint256 i = 0; i < people.length; ++i) {
            balances += service.token.balanceOf(people[i]);
        }
        assertEq(service.token.totalSupply(), (service.sold - service.fulfilled - service.spent) * ONE, "5");
        assertEq(service.token.totalSupply(), balances, "14");
    }

    /// @dev 11 and 12: the sale is as the asset's owner left it.
    function checkSale(uint256 i, BookedService memory service) private view {
        Sale memory sale = market.saleOf(address(service.token));
        assertEq(sale.paymentToken, service.money, "11");
        assertEq(sale.price, service.price, "11");
        assertEq(sale.referralBps, service.referralBps, "11");
        assertEq(sale.paused, service.paused, "11");
        FreeLimits memory free = market.freeLimitsOf(address(service.token));
        assertEq(free.perWallet, service.perWallet, "11");
        assertEq(free.total, service.total, "11");
        assertEq(sale.limited, free.perWallet != 0 || free.total != 0, "11");
        uint256 taken = 0;
        for (uint256 j = 0; j < people.length; ++j) {
            uint256 one = market.takenFreeBy(address(service.token), people[j]);
            assertEq(one, handler.takenBy(i, people[j]), "12");
            taken += one;
        }
        assertEq(free.taken, taken, "12");
    }

    /// @dev 13 and 11: whether it may be ordered, and who would run it.
    function checkOrdering(uint256 i, BookedService memory service) private {
        assertEq(handler.probe(i), handler.expectedProbe(i), "13");
        address provider = service.provider == address(0) ? service.firstProvider : service.provider;
        assertEq(orders.providerOf(address(service.token)), provider, "11");
        assertEq(orders.gateOf(address(service.token)), service.gate, "11");
    }

    /// @dev 10 and 11.
    function checkAsset(BookedAsset memory asset) private view {
        assertEq(registry.metadataHashOf(asset.id), asset.metadataHash, "10");
        assertEq(registry.ownerOf(asset.id), asset.owner, "11");
        assertEq(registry.getApproved(asset.id), asset.approved, "11");
        assertEq(uint8(registry.stateOf(asset.id)), uint8(asset.state), "11");
        assertEq(registry.servicesOf(asset.id), asset.services, "11");
    }

    /// @dev 3: every order is where its only end left it.
    function checkOrder(uint256 i) private view {
        (bytes32 orderId, IOrders.Status expected) = handler.orderAt(i);
        assertEq(status(orderId), uint8(expected), "3");
    }

    function actions() private view returns (bytes4[] memory all) {
        all = new bytes4[](35);
        all[0] = handler.publish.selector;
        all[1] = handler.addService.selector;
        all[2] = handler.updateMetadata.selector;
        all[3] = handler.setState.selector;
        all[4] = handler.setPrice.selector;
        all[5] = handler.setPaused.selector;
        all[6] = handler.setReferral.selector;
        all[7] = handler.setFreeLimits.selector;
        all[8] = handler.setProvider.selector;
        all[9] = handler.setGate.selector;
        all[10] = handler.changeMembers.selector;
        all[11] = handler.transferAsset.selector;
        all[12] = handler.approveAsset.selector;
        all[13] = handler.approveOperator.selector;
        all[14] = handler.open.selector;
        all[15] = handler.buy.selector;
        all[16] = handler.buyAndOpen.selector;
        all[17] = handler.fulfil.selector;
        all[18] = handler.cancel.selector;
        all[19] = handler.returnExpired.selector;
        all[20] = handler.withdraw.selector;
        all[21] = handler.transferDatatoken.selector;
        all[22] = handler.transferDatatokenFrom.selector;
        all[23] = handler.forgePermit.selector;
        all[24] = handler.intrude.selector;
        all[25] = handler.pass.selector;
        all[26] = handler.changeMood.selector;
        all[27] = handler.passToDeadline.selector;
        all[28] = handler.donate.selector;
        all[29] = handler.buy.selector;
        all[30] = handler.buyAndOpen.selector;
        all[31] = handler.buyAndOpen.selector;
        all[32] = handler.open.selector;
        all[33] = handler.fulfil.selector;
        all[34] = handler.cancel.selector;
    }
}
