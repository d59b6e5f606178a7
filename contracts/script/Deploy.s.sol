// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Script} from "forge-std/Script.sol";
import {console} from "forge-std/console.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {Market} from "../src/Market.sol";
import {MemberList} from "../src/MemberList.sol";
import {Orders} from "../src/Orders.sol";
import {TestDollar} from "../src/testnet/TestDollar.sol";

/// @notice Deploys a whole market and writes where it is, as JSON, to `deployments/<chainid>.json`.
///
/// Environment, all optional:
/// - `DEPLOYMENT_FILE`: another file to write (below this folder's `deployments`, or below /tmp); `-` for none. In any
///   case the same JSON is printed on one line after `ATOLL_DEPLOYMENT `.
/// - `PROTOCOL_FEE_BPS` (0) and `FEE_RECEIVER` (the deployer): fixed for ever by this deployment.
///
/// It also writes the hash of each contract's code (EIP-1052), so that readers notice a node of another network with the
/// same chain id.
///
/// The addresses depend only on the deployer and its nonce: on a fresh chain they are always the same.
contract Deploy is Script {
    uint256 private constant LOCAL_CHAIN = 31337;

    struct Deployment {
        address registry;
        address implementation;
        address market;
        address orders;
        address memberList;
        address testDollar;
    }

    function run() external returns (Deployment memory deployed) {
        // Before anything is sent: an indexer that starts here misses nothing.
        uint256 startBlock = block.number;
        uint256 feeBps = vm.envOr("PROTOCOL_FEE_BPS", uint256(0));
        require(feeBps <= type(uint16).max, "PROTOCOL_FEE_BPS is out of range");

        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        // forge-lint: disable-next-line(unsafe-typecast)
        deployed = _deploy(deployer, uint16(feeBps), vm.envOr("FEE_RECEIVER", deployer));
        // Money for everyone belongs on a local chain only.
        if (block.chainid == LOCAL_CHAIN) deployed.testDollar = address(new TestDollar());
        vm.stopBroadcast();

        _publish(deployed, startBlock);
    }

    /// @dev The four know each other through immutables, so each needs addresses that do not exist yet. They follow from
    /// the deployer's nonce; the checks below stop the script (and so the broadcast) if they did not come true.
    function _deploy(address deployer, uint16 feeBps, address feeReceiver)
        private
        returns (Deployment memory deployed)
    {
        uint256 nonce = vm.getNonce(deployer);
        address market = vm.computeCreateAddress(deployer, nonce + 2);
        address orders = vm.computeCreateAddress(deployer, nonce + 3);

        deployed.implementation = address(new Datatoken(market, orders));
        deployed.registry = address(new AssetRegistry(market, orders, deployed.implementation));
        deployed.market = address(new Market(deployed.registry, orders, feeBps, feeReceiver));
        deployed.orders = address(new Orders(deployed.registry, market, deployed.implementation));
        deployed.memberList = address(new MemberList(deployed.registry));

        require(deployed.market == market, "the market is not where it was expected");
        require(deployed.orders == orders, "orders is not where it was expected");
    }

    function _publish(Deployment memory deployed, uint256 startBlock) private {
        string memory json = "deployment";
        vm.serializeUint(json, "chain_id", block.chainid);
        vm.serializeUint(json, "start_block", startBlock);
        vm.serializeAddress(json, "asset_registry", deployed.registry);
        vm.serializeAddress(json, "datatoken_implementation", deployed.implementation);
        vm.serializeAddress(json, "market", deployed.market);
        vm.serializeAddress(json, "member_list", deployed.memberList);
        if (deployed.testDollar != address(0)) vm.serializeAddress(json, "test_dollar", deployed.testDollar);
        string memory hashes = "code_hashes";
        vm.serializeBytes32(hashes, "asset_registry", deployed.registry.codehash);
        vm.serializeBytes32(hashes, "market", deployed.market.codehash);
        vm.serializeString(json, "code_hashes", vm.serializeBytes32(hashes, "orders", deployed.orders.codehash));
        json = vm.serializeAddress(json, "orders", deployed.orders);

        console.log("ATOLL_DEPLOYMENT %s", json);
        string memory usual = string.concat("deployments/", vm.toString(block.chainid), ".json");
        string memory file = vm.envOr("DEPLOYMENT_FILE", usual);
        // A fresh clone has no such folder: git keeps no empty ones.
        if (keccak256(bytes(file)) == keccak256(bytes(usual))) vm.createDir("deployments", true);
        if (keccak256(bytes(file)) != keccak256("-")) vm.writeFile(file, string.concat(json, "\n"));
    }
}
