// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {Market} from "../src/Market.sol";
import {Orders} from "../src/Orders.sol";
import {ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {Limits, Permit} from "../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../src/interfaces/IOrders.sol";
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
        implementation = new Datatoken(marketAddress, ordersAddress);
        registry = new AssetRegistry(marketAddress, address(implementation));
        market = new Market(address(registry), ordersAddress, protocolBps, receiver);
        orders = new Orders(address(registry), marketAddress);
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

    /// @dev `count` datatokens for `who`, approved to orders.
    function holdDatatokens(address who, uint256 count) internal {
        fund(who, count * PRICE);
        vm.startPrank(who);
        market.buy(address(datatoken), count, limitsFor(address(dollar), PRICE));
        datatoken.approve(address(orders), type(uint256).max);
        vm.stopPrank();
    }

    function anHourFromNow() internal view returns (uint64) {
        return uint64(block.timestamp) + 1 hours;
    }

    /// @dev What an order opened with a held datatoken says.
    function heldOrder(bytes32 salt) internal view returns (Order memory order) {
        order.datatoken = address(datatoken);
        order.consumer = buyer;
        order.provider = provider;
        order.requestHash = REQUEST;
        order.deadline = anHourFromNow();
        order.salt = salt;
        order.escrowToken = address(datatoken);
        order.escrowAmount = ONE;
    }

    function openHeld(bytes32 salt) internal returns (Order memory order, bytes32 orderId) {
        order = heldOrder(salt);
        OpenRequest[] memory requests = new OpenRequest[](1);
        requests[0] = OpenRequest(address(datatoken), REQUEST, order.deadline, salt);
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
        orderId = market.buyAndOpen(address(datatoken), REQUEST, order.deadline, salt, usual());
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

    function status(bytes32 orderId) internal view returns (uint8) {
        return uint8(orders.statusOf(orderId));
    }
}
