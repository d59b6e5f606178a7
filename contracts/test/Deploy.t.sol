// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {Deploy} from "../script/Deploy.s.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {Market} from "../src/Market.sol";
import {MemberList} from "../src/MemberList.sol";
import {Orders} from "../src/Orders.sol";
import {ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {Limits} from "../src/interfaces/IMarket.sol";

/// @notice The environment belongs to the whole process and tests run at the same time; so everything that depends on it is
/// one test, part after part.
contract DeployTest is Test {
    function test_run_asTheEnvironmentSays() public {
        // A file would be shared with whoever deploys for real meanwhile.
        vm.setEnv("DEPLOYMENT_FILE", "-");
        vm.setEnv("PROTOCOL_FEE_BPS", "0");
        Deploy.Deployment memory deployed = new Deploy().run();
        assertKnowEachOther(deployed);
        assertEq(Market(deployed.market).PROTOCOL_FEE_BPS(), 0);
        assertNotEq(Market(deployed.market).FEE_RECEIVER(), address(0));
        assertCanBeUsed(deployed);
        feesAndTheirLimits();
        files();
        noTestDollarOnAnotherChain();
    }

    function assertKnowEachOther(Deploy.Deployment memory deployed) private view {
        AssetRegistry registry = AssetRegistry(deployed.registry);
        assertEq(address(registry.MARKET()), deployed.market);
        assertEq(address(registry.ORDERS()), deployed.orders);
        assertEq(registry.DATATOKEN_IMPLEMENTATION(), deployed.implementation);
        Market market = Market(deployed.market);
        assertEq(address(market.REGISTRY()), deployed.registry);
        assertEq(address(market.ORDERS()), deployed.orders);
        Orders orders = Orders(deployed.orders);
        assertEq(address(orders.REGISTRY()), deployed.registry);
        assertEq(address(orders.MARKET()), deployed.market);
        assertEq(orders.DATATOKEN_IMPLEMENTATION(), deployed.implementation);
        assertEq(Datatoken(deployed.implementation).MARKET(), deployed.market);
        assertEq(Datatoken(deployed.implementation).ORDERS(), deployed.orders);
        assertEq(address(MemberList(deployed.memberList).REGISTRY()), deployed.registry);
    }

    function assertCanBeUsed(Deploy.Deployment memory deployed) private {
        (, address datatoken) =
            AssetRegistry(deployed.registry).publish(0, "metadata", ServiceTerms(address(0), deployed.testDollar, 0));
        Orders(deployed.orders).setGate(datatoken, deployed.memberList);
        Market(deployed.market).buy(datatoken, 1, Limits(deployed.testDollar, 0, uint64(block.timestamp), address(0)));
        assertEq(Datatoken(datatoken).balanceOf(address(this)), 1e18);
    }

    function feesAndTheirLimits() private {
        vm.setEnv("FEE_RECEIVER", vm.toString(address(0xfee)));
        vm.setEnv("PROTOCOL_FEE_BPS", "500");
        Market market = Market(new Deploy().run().market);
        assertEq(market.PROTOCOL_FEE_BPS(), 500);
        assertEq(market.FEE_RECEIVER(), address(0xfee));
        // One that would be cut to a lawful one must not pass for it.
        vm.setEnv("PROTOCOL_FEE_BPS", vm.toString(uint256(2 ** 16 + 500)));
        Deploy script = new Deploy();
        vm.expectRevert("PROTOCOL_FEE_BPS is out of range");
        script.run();
        vm.setEnv("PROTOCOL_FEE_BPS", "0");
    }

    /// @dev A file of one's own, and the usual one of a chain that does not exist.
    function files() private {
        vm.chainId(31337);
        string memory own = string.concat("/tmp/atoll-deploy-test-", vm.toString(vm.randomUint()), ".json");
        vm.setEnv("DEPLOYMENT_FILE", own);
        vm.roll(77);
        Deploy.Deployment memory deployed = new Deploy().run();
        string memory json = vm.readFile(own);
        vm.removeFile(own);
        assertEq(vm.parseJsonAddress(json, ".test_dollar"), deployed.testDollar);
        assertFileSays(json, deployed, 31337);

        string memory usual = "deployments/4242424242.json";
        vm.setEnv("DEPLOYMENT_FILE", usual);
        vm.chainId(4242424242);
        deployed = new Deploy().run();
        json = vm.readFile(usual);
        vm.removeFile(usual);
        assertFileSays(json, deployed, 4242424242);
        vm.setEnv("DEPLOYMENT_FILE", "-");
    }

    function assertFileSays(string memory json, Deploy.Deployment memory deployed, uint256 chain) private view {
        assertEq(vm.parseJsonUint(json, ".chain_id"), chain);
        assertEq(vm.parseJsonUint(json, ".start_block"), 77);
        assertEq(vm.parseJsonAddress(json, ".asset_registry"), deployed.registry);
        assertEq(vm.parseJsonAddress(json, ".datatoken_implementation"), deployed.implementation);
        assertEq(vm.parseJsonAddress(json, ".market"), deployed.market);
        assertEq(vm.parseJsonAddress(json, ".orders"), deployed.orders);
        assertEq(vm.parseJsonAddress(json, ".member_list"), deployed.memberList);
        assertEq(vm.parseJsonBytes32(json, ".code_hashes.asset_registry"), keccak256(deployed.registry.code));
        assertEq(vm.parseJsonBytes32(json, ".code_hashes.market"), keccak256(deployed.market.code));
        assertEq(vm.parseJsonBytes32(json, ".code_hashes.orders"), keccak256(deployed.orders.code));
    }

    function noTestDollarOnAnotherChain() private {
        vm.chainId(10);
        assertEq(new Deploy().run().testDollar, address(0));
    }
}
