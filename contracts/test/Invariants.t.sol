// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Fixture} from "./Fixture.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {MarketHandler} from "./handlers/MarketHandler.sol";
import {BlocklistToken, MintableToken} from "./mocks/HostileTokens.sol";

/// @notice The invariants of the README, by their numbers, under random use.
contract InvariantsTest is Fixture {
    MarketHandler private handler;
    address[] private moneys;
    Datatoken[] private services;

    function setUp() public override {
        super.setUp();
        moneys = [address(0), address(dollar), address(new BlocklistToken())];
        services.push(datatoken);
        (, Datatoken second) = publish("second", address(0), 1 ether);
        (, Datatoken third) = publish("third", moneys[2], 7);
        services.push(second);
        services.push(third);
        handler = new MarketHandler(registry, market, orders, moneys, services);
        // The handler's people take over, so that the books cover everyone who can earn.
        for (uint256 i = 0; i < services.length; ++i) {
            uint256 id = services[i].assetId();
            vm.startPrank(publisher);
            market.setProvider(address(services[i]), handler.accounts(i));
            registry.transferFrom(publisher, handler.accounts(i), id);
            vm.stopPrank();
        }
        bytes4[] memory actions = new bytes4[](12);
        actions[0] = MarketHandler.buy.selector;
        actions[1] = MarketHandler.buyAndOpen.selector;
        actions[2] = MarketHandler.openHeldTokens.selector;
        actions[3] = MarketHandler.fulfil.selector;
        actions[4] = MarketHandler.cancel.selector;
        actions[5] = MarketHandler.returnExpired.selector;
        actions[6] = MarketHandler.endWrongly.selector;
        actions[7] = MarketHandler.withdraw.selector;
        actions[8] = MarketHandler.changeSale.selector;
        actions[9] = MarketHandler.sellAsset.selector;
        actions[10] = MarketHandler.transferDatatoken.selector;
        actions[11] = MarketHandler.pass.selector;
        targetSelector(FuzzSelector(address(handler), actions));
        bytes4[] memory blocking = new bytes4[](1);
        blocking[0] = MarketHandler.setBlocked.selector;
        targetSelector(FuzzSelector(address(handler), blocking));
        targetContract(address(handler));
    }

    /// @dev 1: what the market holds is what it owes, in each token.
    function invariant_1_escrowAndEarningsAreWhatTheMarketHolds() public view {
        for (uint256 i = 0; i < moneys.length; ++i) {
            assertEq(balance(moneys[i]), handler.openEscrow(moneys[i]) + earnings(moneys[i]));
        }
    }

    /// @dev 1, from outside: nothing is left but by withdrawal and refund.
    function invariant_1_whatCameInIsThereOrWasPaidOut() public view {
        for (uint256 i = 0; i < moneys.length; ++i) {
            assertEq(handler.paidIn(moneys[i]), handler.paidOut(moneys[i]) + balance(moneys[i]));
        }
    }

    /// @dev 2: one whole datatoken is held per open order.
    function invariant_2_ordersHoldsOneDatatokenPerOpenOrder() public view {
        for (uint256 i = 0; i < services.length; ++i) {
            assertEq(services[i].balanceOf(address(orders)), handler.openHeld(address(services[i])));
        }
    }

    /// @dev 3: every order is where its only end left it. 4: nobody did what was not theirs to do.
    function invariant_3_4_ordersEndOnceAndByTheirParties() public view {
        for (uint256 i = 0; i < handler.orderCount(); ++i) {
            assertEq(uint8(orders.statusOf(handler.orderId(i))), uint8(handler.expected(i)));
        }
        assertEq(handler.violations(), 0);
    }

    /// @dev 5: datatokens come from sales and go by fulfilment.
    function invariant_5_supplyIsSoldMinusRedeemed() public view {
        for (uint256 i = 0; i < services.length; ++i) {
            address token = address(services[i]);
            assertEq(services[i].totalSupply(), handler.minted(token) - handler.redeemed(token));
            uint256 balances = services[i].balanceOf(address(orders));
            for (uint256 j = 0; j < handler.accountCount(); ++j) {
                balances += services[i].balanceOf(handler.accounts(j));
            }
            assertEq(services[i].totalSupply(), balances);
        }
    }

    /// @dev 8: whatever happened, every order can end; then nothing is escrowed any more.
    function afterInvariant() public {
        handler.endEverything();
        for (uint256 i = 0; i < moneys.length; ++i) {
            assertEq(handler.openEscrow(moneys[i]), 0);
            assertEq(balance(moneys[i]), earnings(moneys[i]));
        }
        for (uint256 i = 0; i < services.length; ++i) {
            assertEq(services[i].balanceOf(address(orders)), 0);
        }
        invariant_3_4_ordersEndOnceAndByTheirParties();
    }

    function earnings(address token) private view returns (uint256 sum) {
        sum = market.earningsOf(token, treasury);
        for (uint256 i = 0; i < handler.accountCount(); ++i) {
            sum += market.earningsOf(token, handler.accounts(i));
        }
    }

    function balance(address token) private view returns (uint256) {
        return token == address(0) ? address(market).balance : MintableToken(token).balanceOf(address(market));
    }
}
