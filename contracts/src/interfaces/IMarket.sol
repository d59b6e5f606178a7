// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Order} from "./IOrders.sol";
import {ServiceTerms} from "./IAssetRegistry.sol";

/// @notice The sale of one service. `referralBps` is the front end's part of the price, in 1/10,000.
struct Sale {
    address provider;
    uint16 referralBps;
    bool paused;
    address paymentToken;
    uint96 price;
}

/// @notice What the buyer agrees to; anything worse reverts.
/// @param paymentToken The token that the buyer expects to pay with.
/// @param maxPrice Most that one whole datatoken may cost, in base units.
/// @param deadline Unix seconds after which the purchase reverts.
/// @param referrer Front end that brought the buyer; 0 for none.
struct Limits {
    address paymentToken;
    uint256 maxPrice;
    uint64 deadline;
    address referrer;
}

/// @notice An ERC-2612 permit of the payment token to the market.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @title Fixed-price sale of datatokens
/// @notice Sells datatokens, holds the payment of open orders, and keeps what publishers, referrers and the protocol
/// earned until they withdraw it. No account can move another's money.
interface IMarket {
    event ServiceListed(
        uint256 indexed assetId, address indexed datatoken, address provider, address paymentToken, uint96 price
    );
    event PriceChanged(
        uint256 indexed assetId, address indexed datatoken, address indexed publisher, address paymentToken, uint96 price
    );
    event SalePaused(uint256 indexed assetId, address indexed datatoken, address indexed publisher, bool paused);
    event ReferralChanged(uint256 indexed assetId, address indexed datatoken, address indexed publisher, uint16 bps);
    event ProviderChanged(uint256 indexed assetId, address indexed datatoken, address indexed publisher, address provider);
    event DatatokenSold(
        uint256 indexed assetId,
        address indexed buyer,
        address indexed datatoken,
        address publisher,
        uint256 count,
        address paymentToken,
        uint256 paid,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    );
    event Withdrawn(address indexed account, address indexed token, uint256 amount);

    error NotRegistry(address caller);
    error NotOrders(address caller);
    error NotAssetOwner(address caller, uint256 assetId);
    error UnknownService(address datatoken);
    error SaleIsPaused(address datatoken);
    error NotOrderable(uint256 assetId);
    error PurchaseExpired(uint64 deadline);
    error WrongPaymentToken(address actual, address expected);
    error PriceTooHigh(uint256 price, uint256 maxPrice);
    error WrongEtherAmount(uint256 sent, uint256 needed);
    error InexactPayment(address token, uint256 received, uint256 needed);
    error ReferralTooHigh(uint16 bps, uint16 maxBps);
    error ZeroCount();
    error NothingToWithdraw(address account, address token);

    /// @notice Buys `count` whole datatokens.
    function buy(address datatoken, uint256 count, Limits calldata limits) external payable;
    /// @notice As `buy`, with the payment token's permit in the same call. A permit that was already used is not an error.
    function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit) external;
    /// @notice Pays for one whole datatoken and opens an order with it; the payment is held until the order ends.
    function buyAndOpen(
        address datatoken,
        bytes32 requestHash,
        uint64 orderDeadline,
        bytes32 salt,
        Limits calldata limits
    ) external payable returns (bytes32 orderId);
    /// @notice As `buyAndOpen`, with the payment token's permit in the same call.
    function buyAndOpenWithPermit(
        address datatoken,
        bytes32 requestHash,
        uint64 orderDeadline,
        bytes32 salt,
        Limits calldata limits,
        Permit calldata permit
    ) external returns (bytes32 orderId);

    /// @notice Starts the sale of a new service. Only the registry.
    function list(uint256 assetId, address datatoken, ServiceTerms calldata terms) external;
    function setPrice(address datatoken, address paymentToken, uint96 price) external;
    function setPaused(address datatoken, bool paused) external;
    function setReferral(address datatoken, uint16 bps) external;
    function setProvider(address datatoken, address provider) external;

    /// @notice Divides the held payment of a fulfilled order. Only `Orders`.
    function settle(Order calldata order, address publisher) external returns (uint256 earned);
    /// @notice Gives the held payment of an unfulfilled order back to its consumer. Only `Orders`.
    function refund(Order calldata order) external;

    /// @notice Pays the caller everything that it earned in `token` (0 for ether).
    function withdraw(address token) external returns (uint256 amount);
    function earningsOf(address token, address account) external view returns (uint256);
    function saleOf(address datatoken) external view returns (Sale memory);
}
