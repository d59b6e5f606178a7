// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {MemberList} from "../src/MemberList.sol";
import {Market} from "../src/Market.sol";
import {Orders} from "../src/Orders.sol";
import {IAssetRegistry, ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {Limits, Permit} from "../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Order} from "../src/interfaces/IOrders.sol";
import {TestDollar} from "../src/testnet/TestDollar.sol";

/// @notice A market with one asset on sale, and the people around it.
abstract contract Fixture is Test {
    uint16 internal constant PROTOCOL_BPS = 100;
    uint96 internal constant PRICE = 25e6;
    uint256 internal constant ONE = 1e18;
    bytes internal constant METADATA = '{"@type":"Dataset","name":"a table"}';
    bytes32 internal constant SALT = keccak256("asset");
    bytes32 internal constant REQUEST = keccak256("request");
    bytes32 internal constant RECEIPT = keccak256("receipt");
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    AssetRegistry internal registry;
    Datatoken internal implementation;
    Market internal market;
    Orders internal orders;
    MemberList internal memberList;
    TestDollar internal dollar;

    address internal publisher = makeAddr("publisher");
    address internal provider = makeAddr("provider");
    address internal referrer = makeAddr("referrer");
    address internal treasury = makeAddr("treasury");
    address internal stranger = makeAddr("stranger");
    address internal buyer;
    uint256 internal buyerKey;

    uint256 internal assetId;
    Datatoken internal datatoken;

    function setUp() public virtual {
        vm.warp(1_750_000_000);
        (buyer, buyerKey) = makeAddrAndKey("buyer");
        dollar = new TestDollar();
        deploy(PROTOCOL_BPS, treasury);
        (assetId, datatoken) = publish(SALT, address(dollar), PRICE);
    }

    function deploy(uint16 protocolBps, address receiver) internal {
        uint256 nonce = vm.getNonce(address(this));
        address marketAddress = vm.computeCreateAddress(address(this), nonce + 2);
        address ordersAddress = vm.computeCreateAddress(address(this), nonce + 3);
        if (vm.envOr("SHIPPED_BYTECODE", false)) {
            implementation = Datatoken(shipped("Datatoken", abi.encode(marketAddress, ordersAddress)));
            registry = AssetRegistry(shipped("AssetRegistry", abi.encode(marketAddress, ordersAddress, implementation)));
            market = Market(shipped("Market", abi.encode(registry, ordersAddress, protocolBps, receiver)));
            orders = Orders(shipped("Orders", abi.encode(registry, marketAddress, implementation)));
            memberList = MemberList(shipped("MemberList", abi.encode(registry)));
        } else {
            implementation = new Datatoken(marketAddress, ordersAddress);
            registry = new AssetRegistry(marketAddress, ordersAddress, address(implementation));
            market = new Market(address(registry), ordersAddress, protocolBps, receiver);
            orders = new Orders(address(registry), marketAddress, address(implementation));
            memberList = new MemberList(address(registry));
        }
    }

    /// @dev A contract as it is deployed to a chain: compiled with the profile `ship`.
    function shipped(string memory name, bytes memory arguments) private returns (address) {
        return deployCode(string.concat("out/ship/", name, ".sol/", name, ".json"), arguments);
    }

    function publish(bytes32 salt, address paymentToken, uint96 price) internal returns (uint256 id, Datatoken token) {
        address deployed;
        vm.prank(publisher);
        (id, deployed) = registry.publish(salt, METADATA, ServiceTerms(provider, paymentToken, price));
        token = Datatoken(deployed);
    }

    function limitsFor(address paymentToken, uint256 maxPrice) internal view returns (Limits memory) {
        return Limits(paymentToken, maxPrice, uint64(block.timestamp) + 60, address(0));
    }

    function usual() internal view returns (Limits memory limits) {
        limits = limitsFor(address(dollar), PRICE);
        limits.referrer = referrer;
    }

    /// @dev Test dollars for `who`, approved to the market.
    function fund(address who, uint256 amount) internal {
        dollar.mint(who, amount);
        vm.prank(who);
        dollar.approve(address(market), type(uint256).max);
    }

    /// @dev `count` datatokens for `who`.
    function holdDatatokens(address who, uint256 count) internal {
        fund(who, count * PRICE);
        vm.startPrank(who);
        market.buy(address(datatoken), count, limitsFor(address(dollar), PRICE));
        vm.stopPrank();
    }

    function anHourFromNow() internal view returns (uint64) {
        return uint64(block.timestamp) + 1 hours;
    }

    /// @dev What an order opened with a held datatoken says.
    function heldOrder(bytes32 salt) internal view returns (Order memory order) {
        order.assetId = assetId;
        order.datatoken = address(datatoken);
        order.consumer = buyer;
        order.provider = provider;
        order.requestHash = REQUEST;
        order.deadline = anHourFromNow();
        order.salt = salt;
        order.escrowToken = address(datatoken);
        order.escrowAmount = ONE;
    }

    /// @dev What its consumer asked for to get this order.
    function requestOf(Order memory order) internal pure returns (OpenRequest memory) {
        return OpenRequest(order.datatoken, order.provider, order.requestHash, order.deadline, order.salt);
    }

    function openHeld(bytes32 salt) internal returns (Order memory order, bytes32 orderId) {
        order = heldOrder(salt);
        OpenRequest[] memory requests = new OpenRequest[](1);
        requests[0] = requestOf(order);
        vm.prank(buyer);
        orderId = orders.open(requests)[0];
    }

    /// @dev What an order says that was paid with `usual()` limits while nobody changed the referral.
    function paidOrder(bytes32 salt, uint256 referralFee) internal view returns (Order memory order) {
        order = heldOrder(salt);
        order.escrowToken = address(dollar);
        order.escrowAmount = PRICE;
        order.referrer = referrer;
        order.referralFee = referralFee;
        order.protocolFee = uint256(PRICE) * PROTOCOL_BPS / 10_000;
    }

    function openPaid(bytes32 salt) internal returns (Order memory order, bytes32 orderId) {
        order = paidOrder(salt, 0);
        fund(buyer, PRICE);
        vm.prank(buyer);
        orderId = market.buyAndOpen(requestOf(order), usual());
    }

    function signPermit(IERC20Permit token, uint256 key, address spender, uint256 value, uint256 deadline)
        internal
        view
        returns (Permit memory permit)
    {
        address owner = vm.addr(key);
        bytes32 content = keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, token.nonces(owner), deadline));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", token.DOMAIN_SEPARATOR(), content));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return Permit(value, deadline, v, r, s);
    }

    /// @dev One request, as the list that `Orders.open` takes.
    function batchOf(OpenRequest memory request) internal pure returns (OpenRequest[] memory requests) {
        requests = new OpenRequest[](1);
        requests[0] = request;
    }

    /// @dev The next call has to make `Orders` emit all of this order. Its id is computed here, not asked for.
    function expectOpened(Order memory order) internal returns (bytes32 orderId) {
        orderId = keccak256(abi.encode(block.chainid, address(orders), order));
        vm.expectEmit(address(orders));
        emit IOrders.OrderOpened(
            orderId,
            order.assetId,
            order.consumer,
            order.datatoken,
            order.provider,
            order.requestHash,
            order.deadline,
            order.salt,
            order.escrowToken,
            order.escrowAmount,
            order.referrer,
            order.referralFee,
            order.protocolFee
        );
    }

    function fulfil(Order memory order) internal {
        vm.prank(order.provider);
        orders.fulfil(order, RECEIPT);
    }

    function cancel(Order memory order) internal {
        vm.prank(order.provider);
        orders.cancel(order, "no worker");
    }

    /// @dev By somebody who has nothing to do with the order, once that is possible.
    function returnLate(Order memory order) internal {
        vm.warp(order.deadline + 1);
        vm.prank(stranger);
        orders.returnExpired(order);
    }

    /// @dev What a call by somebody else than the asset's owner reverts with, in each of the contracts.
    function refusalOf(address caller) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IAssetRegistry.NotAssetOwner.selector, caller, assetId);
    }

    /// @dev Base units that `who` has; token 0 is ether.
    function balanceOf(address token, address who) internal view returns (uint256) {
        return token == address(0) ? who.balance : IERC20(token).balanceOf(who);
    }

    function status(bytes32 orderId) internal view returns (uint8) {
        return uint8(orders.statusOf(orderId));
    }
}
