// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Limits} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {Market} from "../../src/Market.sol";
import {Orders} from "../../src/Orders.sol";

/// @notice A buyer that is a contract: pays ether and opens an order.
abstract contract BuyerContract {
    Market internal immutable MARKET;
    Orders internal immutable ORDERS;

    constructor(Market market, Orders orders) {
        MARKET = market;
        ORDERS = orders;
    }

    function buyAndOpen(OpenRequest calldata request, uint256 price) external payable {
        MARKET.buyAndOpen{value: price}(request, Limits(address(0), price, request.deadline, address(0)));
    }

    function withdraw(address token) external {
        MARKET.withdraw(token);
    }
}

/// @notice Takes no ether at first; its owner learns to, later.
contract RejectingBuyer is BuyerContract {
    bool public accepts;

    constructor(Market market, Orders orders) BuyerContract(market, orders) {}

    function learn() external {
        accepts = true;
    }

    receive() external payable {
        require(accepts, "no ether, please");
    }
}

/// @notice Burns all gas that it is given when it gets ether.
contract GasBurningBuyer is BuyerContract {
    constructor(Market market, Orders orders) BuyerContract(market, orders) {}

    receive() external payable {
        while (true) {}
    }
}

/// @notice Tries to end its order a second time, and to withdraw, from inside its refund.
contract ReentrantBuyer is BuyerContract {
    Order private _order;
    bytes4 public endError;
    bytes4 public withdrawError;

    constructor(Market market, Orders orders) BuyerContract(market, orders) {}

    function remember(Order calldata order) external {
        _order = order;
    }

    receive() external payable {
        try ORDERS.returnExpired(_order) {}
        catch (bytes memory reason) {
            // The selector is what is wanted.
            // forge-lint: disable-next-line(unsafe-typecast)
            endError = bytes4(reason);
        }
        try MARKET.withdraw(address(0)) {}
        catch (bytes memory reason) {
            // forge-lint: disable-next-line(unsafe-typecast)
            withdrawError = bytes4(reason);
        }
    }
}
