// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {StdUtils} from "forge-std/StdUtils.sol";
import {Vm} from "forge-std/Vm.sol";
import {AssetRegistry} from "../../src/AssetRegistry.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Market} from "../../src/Market.sol";
import {Orders} from "../../src/Orders.sol";
import {Limits, Sale} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {RejectingBuyer} from "../mocks/Buyers.sol";
import {BlocklistToken, MintableToken} from "../mocks/HostileTokens.sol";

/// @notice Does at random what people do in a market, and keeps its own books beside the contracts'. Every action is
/// one that has to succeed, or that has to fail and is counted if it does not.
contract MarketHandler is StdUtils {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant ONE = 1e18;

    AssetRegistry private immutable REGISTRY;
    Market private immutable MARKET;
    Orders private immutable ORDERS;
    BlocklistToken private immutable BLOCKLIST;

    /// @notice Everyone: each may be buyer, owner, provider and referrer. The last one is a contract without a liking for
    /// ether.
    address[] public accounts;
    /// @notice What is paid with; 0 for ether.
    address[] public moneys;
    Datatoken[] public services;

    Order[] private _orders;
    IOrders.Status[] public expected;
    mapping(address token => uint256) public openEscrow;
    mapping(address datatoken => uint256) public openHeld;
    mapping(address datatoken => uint256) public minted;
    mapping(address datatoken => uint256) public redeemed;
    /// @notice All that came in, and all that people took out or got back.
    mapping(address token => uint256) public paidIn;
    mapping(address token => uint256) public paidOut;
    /// @notice Calls that went through although they must not.
    uint256 public violations;
    uint256 private _salt;

    constructor(
        AssetRegistry registry,
        Market market,
        Orders orders,
        address[] memory moneys_,
        Datatoken[] memory services_
    ) {
        (REGISTRY, MARKET, ORDERS, moneys, services) = (registry, market, orders, moneys_, services_);
        BLOCKLIST = BlocklistToken(moneys_[2]);
        for (uint160 i = 1; i <= 4; ++i) {
            accounts.push(address(0xACC0000 + i));
        }
        accounts.push(address(new RejectingBuyer(market, orders)));
    }

    function buy(uint256 who, uint256 what, uint256 count, uint256 referrer) external {
        Datatoken service = services[what % services.length];
        address buyer = account(who);
        count = bound(count, 1, 5);
        Sale memory sale = MARKET.saleOf(address(service));
        uint256 value = provide(buyer, sale.paymentToken, count * sale.price);
        VM.prank(buyer);
        MARKET.buy{value: value}(address(service), count, agreeTo(sale, referrer));
        minted[address(service)] += count * ONE;
        paidIn[sale.paymentToken] += count * sale.price;
    }

    function buyAndOpen(uint256 who, uint256 what, uint256 duration, uint256 referrer) external {
        Datatoken service = services[what % services.length];
        address buyer = account(who);
        Sale memory sale = MARKET.saleOf(address(service));
        Limits memory limits = agreeTo(sale, referrer);
        Order memory order = newOrder(service, buyer, sale.provider, duration);
        (order.escrowToken, order.escrowAmount) = (sale.paymentToken, sale.price);
        order.referrer = limits.referrer;
        if (order.referrer != address(0)) order.referralFee = uint256(sale.price) * sale.referralBps / 10_000;
        order.protocolFee = uint256(sale.price) * MARKET.PROTOCOL_FEE_BPS() / 10_000;

        uint256 value = provide(buyer, sale.paymentToken, sale.price);
        VM.prank(buyer);
        bytes32 id = MARKET.buyAndOpen{value: value}(address(service), 0, order.deadline, order.salt, limits);
        if (id != ORDERS.orderIdOf(order)) ++violations;
        openEscrow[sale.paymentToken] += sale.price;
        paidIn[sale.paymentToken] += sale.price;
        remember(order);
    }

    function openHeldTokens(uint256 who, uint256 what, uint256 duration, uint256 count) external {
        Datatoken service = services[what % services.length];
        address holder = account(who);
        count = bound(count, 0, service.balanceOf(holder) / ONE);
        count = count > 3 ? 3 : count;
        OpenRequest[] memory requests = new OpenRequest[](count);
        address provider = MARKET.saleOf(address(service)).provider;
        for (uint256 i = 0; i < count; ++i) {
            Order memory order = newOrder(service, holder, provider, duration);
            (order.escrowToken, order.escrowAmount) = (address(service), ONE);
            requests[i] = OpenRequest(address(service), 0, order.deadline, order.salt);
            remember(order);
        }
        VM.startPrank(holder);
        service.approve(address(ORDERS), count * ONE);
        ORDERS.open(requests);
        VM.stopPrank();
        openHeld[address(service)] += count * ONE;
    }

    function fulfil(uint256 which) external {
        (bool found, uint256 i) = anOpenOrder(which);
        if (!found || block.timestamp > _orders[i].deadline) return;
        VM.prank(_orders[i].provider);
        ORDERS.fulfil(_orders[i], "receipt");
        close(i, IOrders.Status.Fulfilled);
        if (held(i)) redeemed[_orders[i].datatoken] += ONE;
    }

    function cancel(uint256 which) external {
        (bool found, uint256 i) = anOpenOrder(which);
        if (!found) return;
        uint256 before = balance(_orders[i].escrowToken, _orders[i].consumer);
        VM.prank(_orders[i].provider);
        ORDERS.cancel(_orders[i], "reason");
        close(i, IOrders.Status.Cancelled);
        countRefund(i, before);
    }

    function returnExpired(uint256 which, uint256 who) public {
        (bool found, uint256 i) = anOpenOrder(which);
        if (!found || block.timestamp <= _orders[i].deadline) return;
        uint256 before = balance(_orders[i].escrowToken, _orders[i].consumer);
        VM.prank(account(who));
        ORDERS.returnExpired(_orders[i]);
        close(i, IOrders.Status.Returned);
        countRefund(i, before);
    }

    /// @notice Somebody tries what must not work: to end an order that has ended, or one of another provider, or too
    /// early.
    function endWrongly(uint256 which, uint256 who, uint8 way) external {
        if (_orders.length == 0) return;
        uint256 i = which % _orders.length;
        Order memory order = _orders[i];
        address caller = account(who);
        bool open = expected[i] == IOrders.Status.Open;
        if (open && way % 3 != 2 && caller == order.provider) return;
        if (open && way % 3 == 2 && block.timestamp > order.deadline) return;
        VM.prank(caller);
        bool done;
        if (way % 3 == 0) {
            try ORDERS.fulfil(order, 0) {
                done = true;
            } catch {}
        } else if (way % 3 == 1) {
            try ORDERS.cancel(order, 0) {
                done = true;
            } catch {}
        } else {
            try ORDERS.returnExpired(order) {
                done = true;
            } catch {}
        }
        if (done) ++violations;
    }

    function withdraw(uint256 who, uint256 what) external {
        address taker = account(who);
        address token = moneys[what % moneys.length];
        uint256 amount = MARKET.earningsOf(token, taker);
        bool refuses = token == address(0) ? taker.code.length != 0 : isBlocked(token, taker);
        if (amount == 0 || refuses) return;
        VM.prank(taker);
        if (MARKET.withdraw(token) != amount) ++violations;
        paidOut[token] += amount;
    }

    function changeSale(uint256 what, uint256 money, uint96 price, uint16 referralBps, uint256 provider) external {
        Datatoken service = services[what % services.length];
        VM.startPrank(REGISTRY.ownerOf(service.assetId()));
        MARKET.setPrice(address(service), moneys[money % moneys.length], price);
        MARKET.setReferral(address(service), uint16(bound(referralBps, 0, 1_000)));
        MARKET.setProvider(address(service), account(provider));
        VM.stopPrank();
    }

    function sellAsset(uint256 what, uint256 to) external {
        uint256 assetId = services[what % services.length].assetId();
        address owner = REGISTRY.ownerOf(assetId);
        VM.prank(owner);
        REGISTRY.transferFrom(owner, account(to), assetId);
    }

    function transferDatatoken(uint256 from, uint256 to, uint256 what, uint256 amount) external {
        Datatoken service = services[what % services.length];
        amount = bound(amount, 0, service.balanceOf(account(from)));
        VM.prank(account(from));
        if (!service.transfer(account(to), amount)) ++violations;
    }

    function setBlocked(uint256 who, bool on) external {
        BLOCKLIST.setBlocked(account(who), on);
    }

    function pass(uint256 time) external {
        VM.warp(block.timestamp + bound(time, 1, 2 days));
    }

    /// @notice Lets all time pass and has every order end that is still open.
    function endEverything() external {
        VM.warp(block.timestamp + 31 days);
        for (uint256 i = 0; i < _orders.length; ++i) {
            returnExpired(i, i);
        }
    }

    function orderCount() external view returns (uint256) {
        return _orders.length;
    }

    function orderId(uint256 i) external view returns (bytes32) {
        return ORDERS.orderIdOf(_orders[i]);
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    function account(uint256 seed) private view returns (address) {
        return accounts[seed % accounts.length];
    }

    function agreeTo(Sale memory sale, uint256 referrer) private view returns (Limits memory) {
        address front = referrer % 3 == 0 ? address(0) : account(referrer);
        return Limits(sale.paymentToken, sale.price, uint64(block.timestamp), front);
    }

    function provide(address who, address token, uint256 amount) private returns (uint256 value) {
        if (token == address(0)) {
            // On top of what it has: its refunds are to be seen in its balance.
            VM.deal(who, who.balance + amount);
            return amount;
        }
        bool blocked = isBlocked(token, who);
        if (blocked) BLOCKLIST.setBlocked(who, false);
        MintableToken(token).mint(who, amount);
        if (blocked) BLOCKLIST.setBlocked(who, true);
        VM.prank(who);
        MintableToken(token).approve(address(MARKET), amount);
    }

    function newOrder(Datatoken service, address consumer, address provider, uint256 duration)
        private
        returns (Order memory order)
    {
        order.datatoken = address(service);
        order.consumer = consumer;
        order.provider = provider;
        order.deadline = uint64(block.timestamp + bound(duration, 60, 30 days));
        order.salt = bytes32(++_salt);
    }

    function remember(Order memory order) private {
        _orders.push(order);
        expected.push(IOrders.Status.Open);
    }

    function anOpenOrder(uint256 seed) private view returns (bool found, uint256 i) {
        for (uint256 step = 0; step < _orders.length; ++step) {
            i = (seed % _orders.length + step) % _orders.length;
            if (expected[i] == IOrders.Status.Open) return (true, i);
        }
    }

    function close(uint256 i, IOrders.Status status) private {
        expected[i] = status;
        if (held(i)) openHeld[_orders[i].datatoken] -= ONE;
        else openEscrow[_orders[i].escrowToken] -= _orders[i].escrowAmount;
    }

    /// @dev Pushed or credited, but whole: a pushed one must have arrived entirely.
    function countRefund(uint256 i, uint256 before) private {
        uint256 got = balance(_orders[i].escrowToken, _orders[i].consumer) - before;
        if (got != 0 && got != _orders[i].escrowAmount) ++violations;
        if (held(i) && got != ONE) ++violations;
        if (!held(i)) paidOut[_orders[i].escrowToken] += got;
    }

    function held(uint256 i) private view returns (bool) {
        return _orders[i].escrowToken == _orders[i].datatoken;
    }

    function isBlocked(address token, address who) private view returns (bool) {
        return token == address(BLOCKLIST) && BLOCKLIST.blocked(who);
    }

    function balance(address token, address who) private view returns (uint256) {
        return token == address(0) ? who.balance : MintableToken(token).balanceOf(who);
    }
}
