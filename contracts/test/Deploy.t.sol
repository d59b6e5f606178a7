// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {Deploy} from "../script/Deploy.s.sol";
import {AssetRegistry} from "../src/AssetRegistry.sol";
import {Datatoken} from "../src/Datatoken.sol";
import {Market} from "../src/Market.sol";
import {Orders} from "../src/Orders.sol";
import {ServiceTerms} from "../src/interfaces/IAssetRegistry.sol";
import {IMarket, Limits} from "../src/interfaces/IMarket.sol";

contract DeployTest is Test {
    function test_run_deploysAMarketWhoseContractsKnowEachOther() public {
        // A file would be shared with whoever deploys for real meanwhile.
        vm.setEnv("DEPLOYMENT_FILE", "-");
        Deploy.Deployment memory deployed = new Deploy().run();
        AssetRegistry registry = AssetRegistry(deployed.registry);
        Market market = Market(deployed.market);
        Orders orders = Orders(deployed.orders);
        Datatoken implementation = Datatoken(deployed.implementation);

        assertEq(address(registry.MARKET()), deployed.market);
        assertEq(registry.DATATOKEN_IMPLEMENTATION(), deployed.implementation);
        assertEq(address(market.REGISTRY()), deployed.registry);
        assertEq(address(market.ORDERS()), deployed.orders);
        assertEq(market.PROTOCOL_FEE_BPS(), 0);
        assertEq(address(orders.REGISTRY()), deployed.registry);
        assertEq(address(orders.MARKET()), deployed.market);
        assertEq(implementation.MARKET(), deployed.market);
        assertEq(implementation.ORDERS(), deployed.orders);

        (, address datatoken) = registry.publish(0, "metadata", ServiceTerms(address(0), deployed.testDollar, 0));
        IMarket(deployed.market).buy(datatoken, 1, Limits(deployed.testDollar, 0, uint64(block.timestamp), address(0)));
        assertEq(Datatoken(datatoken).balanceOf(address(this)), 1e18);
    }

    function test_run_bringsNoTestDollarToAnotherChain() public {
        vm.setEnv("DEPLOYMENT_FILE", "-");
        vm.chainId(10);
        assertEq(new Deploy().run().testDollar, address(0));
    }
}
