// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SymbolicMarket} from "./SymbolicMarket.sol";

/// @notice Invariant 6 of the README, the parts of a payment, for every price at once. `forge test` runs none of these;
/// symbolic execution (halmos 0.3.3) does:
///
///     FOUNDRY_OUT=out/symbolic FOUNDRY_CACHE_PATH=cache/symbolic halmos --forge-build-out out/symbolic \
///         --contract FeesCheck --solver-timeout-assertion 0
///
/// One claim each, as solvers like it. That the parts are the right ones to the last base unit is for the fuzzed tests.
contract FeesCheck is SymbolicMarket {
    uint16 private constant HIGHEST = 1_000;

    /// @dev Nothing is lost, and nothing is made up.
    function check_partsAddUp(uint96 price) public {
        (uint256 publisher, uint256 referral, uint256 protocol) = sell(price, HIGHEST, true);
        unchecked {
            assert(publisher + referral + protocol == price);
        }
    }

    /// @dev The fees are never more than the payment: the subtraction, which nothing checks, does not wrap.
    function check_publisherGetsNoMoreThanAll(uint96 price) public {
        (uint256 publisher,,) = sell(price, HIGHEST, true);
        assert(publisher <= price);
    }

    function check_referrerGetsNoMoreThanAll(uint96 price) public {
        (, uint256 referral,) = sell(price, HIGHEST, true);
        assert(referral <= price);
    }

    function check_protocolGetsNoMoreThanAll(uint96 price) public {
        (,, uint256 protocol) = sell(price, HIGHEST, true);
        assert(protocol <= price);
    }

    /// @dev Without a referrer there is no referral, whatever it is set to.
    function check_noReferrer(uint96 price, uint16 referralBps) public {
        (uint256 publisher, uint256 referral, uint256 protocol) = sell(price, referralBps, false);
        unchecked {
            assert(publisher + protocol == price);
        }
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
