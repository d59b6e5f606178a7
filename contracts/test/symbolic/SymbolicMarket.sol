// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {AssetRegistry} from "../../src/AssetRegistry.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Market} from "../../src/Market.sol";
import {Orders} from "../../src/Orders.sol";
import {ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {Limits} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";

/// @notice Deployed to count where the next contracts will be.
contract Milestone {}

/// @notice A market with one service that is sold for ether, for symbolic execution.
abstract contract SymbolicMarket is Test {
    uint16 internal constant PROTOCOL_BPS = 500;
    uint256 internal constant ONE = 1e18;
    address internal constant PUBLISHER = address(0x10001);
    address internal constant PROVIDER = address(0x10002);
    address internal constant REFERRER = address(0x10003);
    address internal constant TREASURY = address(0x10004);
    address internal constant BUYER = address(0x10005);

    AssetRegistry internal registry;
    Market internal market;
    Orders internal orders;
    Datatoken internal datatoken;
    uint256 internal assetId;

    function setUp() public {
        vm.warp(1_750_000_000);
        // Symbolic execution gives contracts consecutive addresses.
        uint160 here = uint160(address(new Milestone()));
        (address marketAddress, address ordersAddress) = (address(here + 3), address(here + 4));
        Datatoken implementation = new Datatoken(marketAddress, ordersAddress);
        registry = new AssetRegistry(marketAddress, ordersAddress, address(implementation));
        market = new Market(address(registry), ordersAddress, PROTOCOL_BPS, TREASURY);
        orders = new Orders(address(registry), marketAddress, address(implementation));
        assert(address(market) == marketAddress && address(orders) == ordersAddress);

        vm.prank(PUBLISHER);
        (uint256 id, address deployed) = registry.publish("asset", "metadata", ServiceTerms(PROVIDER, address(0), 1));
        (assetId, datatoken) = (id, Datatoken(deployed));
    }

    function sellFor(uint96 price, uint16 referralBps) internal {
        vm.startPrank(PUBLISHER);
        market.setPrice(address(datatoken), address(0), price);
        market.setReferral(address(datatoken), referralBps);
        vm.stopPrank();
    }

    function limits(uint256 price, bool referred) internal view returns (Limits memory) {
        return Limits(address(0), price, uint64(block.timestamp), referred ? REFERRER : address(0));
    }

    function openPaid(uint96 price, uint16 referralBps, bool referred, bytes32 salt)
        internal
        returns (Order memory order, bytes32 orderId)
    {
        order = anOrder(salt);
        order.escrowAmount = price;
        order.protocolFee = uint256(price) * PROTOCOL_BPS / 10_000;
        if (referred) (order.referrer, order.referralFee) = (REFERRER, uint256(price) * referralBps / 10_000);
        vm.deal(BUYER, price);
        vm.prank(BUYER);
        orderId = market.buyAndOpen{value: price}(requestOf(order), limits(price, referred));
        // Also shows that the fees are what they should be, since the id commits to them.
        assert(orderId == orders.orderIdOf(order));
    }

    function anOrder(bytes32 salt) internal view returns (Order memory order) {
        order.assetId = assetId;
        order.datatoken = address(datatoken);
        order.consumer = BUYER;
        order.provider = PROVIDER;
        order.deadline = uint64(block.timestamp) + 1 hours;
        order.salt = salt;
    }

    function requestOf(Order memory order) internal pure returns (OpenRequest memory) {
        return OpenRequest(order.datatoken, order.provider, order.requestHash, order.deadline, order.salt);
    }

    /// @dev What everybody earned and has not withdrawn, in ether.
    function earned() internal view returns (uint256) {
        // A sum that wraps must not pass for a revert.
        unchecked {
            return market.earningsOf(address(0), PUBLISHER) + market.earningsOf(address(0), REFERRER)
                + market.earningsOf(address(0), TREASURY) + market.earningsOf(address(0), BUYER);
        }
    }
}
