// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SymbolicMarket} from "./SymbolicMarket.sol";

/// @notice Invariant 6 of the README, the parts of a payment, for every price at once. `forge test` runs none of these;
/// symbolic execution (halmos 0.3.3) does:
///
///     FOUNDRY_OUT=out/symbolic FOUNDRY_CACHE_PATH=cache/symbolic halmos --forge-build-out out/symbolic \
///         --contract FeesCheck --solver-timeout-assertion 0
///
/// Sums and bounds only: that the parts are the right ones to the last base unit is for the fuzzed tests, since solvers
/// know little of products of unknowns.
contract FeesCheck is SymbolicMarket {
    /// @dev Where both are highest: nothing is lost, nobody gets more than was paid, and the publisher gets the rest.
    function check_highestFees(uint96 price) public {
        (uint256 publisher, uint256 referral, uint256 protocol) = sell(price, 1_000, true);
        assert(publisher + referral + protocol == price);
        assert(publisher <= price);
        assert(referral <= price);
        assert(protocol <= price);
    }

    /// @dev The same for a referral that divides nothing.
    function check_oddFees(uint96 price) public {
        (uint256 publisher, uint256 referral, uint256 protocol) = sell(price, 333, true);
        assert(publisher + referral + protocol == price);
        assert(publisher <= price);
        assert(referral <= price);
        assert(protocol <= price);
    }

    /// @dev Without a referrer there is no referral, whatever it is set to.
    function check_noReferrer(uint96 price, uint16 referralBps) public {
        (uint256 publisher, uint256 referral, uint256 protocol) = sell(price, referralBps, false);
        assert(publisher + protocol == price && publisher <= price);
        assert(referral == 0 && market.earningsOf(address(0), address(0)) == 0);
    }

    /// @dev What is above the caps in the code never gets into force.
    function check_caps(uint96 price, uint16 referralBps) public {
        sellFor(price, referralBps);
        assert(referralBps <= 1_000 && price < 2 ** 88);
        assert(market.saleOf(address(datatoken)).price == price);
        assert(market.saleOf(address(datatoken)).referralBps == referralBps);
    }

    function sell(uint96 price, uint16 referralBps, bool referred)
        private
        returns (uint256 publisher, uint256 referral, uint256 protocol)
    {
        sellFor(price, referralBps);
        vm.deal(BUYER, price);
        vm.prank(BUYER);
        market.buy{value: price}(address(datatoken), 1, limits(price, referred));
        assert(address(market).balance == price);
        publisher = market.earningsOf(address(0), PUBLISHER);
        referral = market.earningsOf(address(0), REFERRER);
        protocol = market.earningsOf(address(0), TREASURY);
    }
}
