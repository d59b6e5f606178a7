// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {OpenRequest} from "./IOrders.sol";

/// @notice The sale of one service.
/// @param paymentToken ERC-20 that pays; 0 for ether.
/// @param price Base units of the payment token for one whole datatoken.
/// @param referralBps The front end's part of the price, in 1/10,000.
/// @param paused True while nothing is sold. Datatokens that were sold before can still be ordered with: an asset's
/// state is what stops orders.
/// @param limited True if there is a limit to what is given away while the price is 0.
struct Sale {
    address paymentToken;
    uint96 price;
    uint16 referralBps;
    bool paused;
    bool limited;
}

/// @notice How much of a service is given away while its price is 0.
/// @param perWallet Whole datatokens for each account; 0 for no limit.
/// @param total Whole datatokens for all together; 0 for no limit.
/// @param taken How many were taken while there was a limit, without those whose orders failed.
struct FreeLimits {
    uint64 perWallet;
    uint64 total;
    uint64 taken;
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

/// @notice An ERC-2612 permit of the payment token to the market, signed by the buyer.
/// @param value Allowance that it grants, in base units.
/// @param deadline Unix seconds after which the permit is void.
/// @param v Recovery id of the signature.
/// @param r First half of the signature.
/// @param s Second half of the signature.
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
    /// @notice The price, or what it is paid in, changed. Open orders keep what they were opened with.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param paymentToken What pays from now on; 0 for ether.
    /// @param price Base units for one whole datatoken from now on.
    event PriceChanged(
        uint256 indexed assetId, address indexed publisher, address datatoken, address paymentToken, uint96 price
    );

    /// @notice The sale was stopped or resumed.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param paused Whether it is stopped from now on.
    event SalePaused(uint256 indexed assetId, address indexed publisher, address datatoken, bool paused);

    /// @notice The front end's part changed. Open orders keep what they were opened with.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param bps The part from now on, in 1/10,000.
    event ReferralChanged(uint256 indexed assetId, address indexed publisher, address datatoken, uint16 bps);

    /// @notice What is given away while the price is 0 was limited, or no longer.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param perWallet Whole datatokens for each account from now on; 0 for no limit.
    /// @param total Whole datatokens for all together from now on; 0 for no limit.
    event FreeLimitsChanged(
        uint256 indexed assetId, address indexed publisher, address datatoken, uint64 perWallet, uint64 total
    );

    /// @notice Datatokens were bought and minted, and everyone's part credited. `buyAndOpen` mints none and does not
    /// emit this: see `IOrders.OrderOpened`.
    /// @param assetId The asset.
    /// @param buyer Who paid and got the datatokens.
    /// @param publisher The asset's owner, credited with `paid - referralFee - protocolFee`.
    /// @param datatoken The service's token.
    /// @param count Whole datatokens.
    /// @param paymentToken What was paid with; 0 for ether.
    /// @param paid All that was paid, in base units.
    /// @param referrer Front end, credited with `referralFee`; 0 for none.
    /// @param referralFee The front end's part.
    /// @param protocolFee The protocol's part.
    event DatatokenSold(
        uint256 indexed assetId,
        address indexed buyer,
        address datatoken,
        address publisher,
        uint256 count,
        address paymentToken,
        uint256 paid,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    );

    /// @notice An account took out everything that it had earned in a token.
    /// @param account Who.
    /// @param token In which token; 0 for ether.
    /// @param amount How much, in base units.
    event Withdrawn(address indexed account, address indexed token, uint256 amount);

    /// @notice A refund could not be pushed (the receiver or the token refused) and waits to be withdrawn instead.
    /// @param account The order's consumer.
    /// @param token In which token; 0 for ether.
    /// @param amount How much, in base units.
    event RefundCredited(address indexed account, address indexed token, uint256 amount);

    /// @notice Only the registry lists services.
    /// @param caller Who tried.
    error NotRegistry(address caller);

    /// @notice Only `Orders` settles and refunds.
    /// @param caller Who tried.
    error NotOrders(address caller);

    /// @notice Only the market itself.
    /// @param caller Who tried.
    error NotSelf(address caller);

    /// @notice Only the asset's owner may do this.
    /// @param caller Who tried.
    /// @param assetId The asset.
    error NotAssetOwner(address caller, uint256 assetId);

    /// @notice This address is not a datatoken that the registry listed.
    /// @param datatoken The address.
    error UnknownService(address datatoken);

    /// @notice The publisher has stopped this sale.
    /// @param datatoken The service's token.
    error SaleIsPaused(address datatoken);

    /// @notice The asset's state allows no orders.
    /// @param assetId The asset.
    error NotOrderable(uint256 assetId);

    /// @notice The purchase came later than the buyer allowed.
    /// @param deadline Until when, in Unix seconds.
    error PurchaseExpired(uint64 deadline);

    /// @notice The service is sold for another token than the buyer expected.
    /// @param actual What it is sold for.
    /// @param expected What the buyer named.
    error WrongPaymentToken(address actual, address expected);

    /// @notice One datatoken costs more than the buyer agreed to.
    /// @param price What it costs, in base units.
    /// @param maxPrice What the buyer agreed to.
    error PriceTooHigh(uint256 price, uint256 maxPrice);

    /// @notice The ether that came with the call is not exactly what it has to be.
    /// @param sent What came, in wei.
    /// @param needed What has to come: 0 for a service sold for an ERC-20.
    error WrongEtherAmount(uint256 sent, uint256 needed);

    /// @notice The token moved another amount than it was told to, like one that takes a fee.
    /// @param token The token.
    /// @param received What the market's balance changed by.
    /// @param needed What it had to change by.
    error InexactPayment(address token, uint256 received, uint256 needed);

    /// @notice The front end's part is above the cap in the code.
    /// @param bps What was asked for, in 1/10,000.
    /// @param maxBps The cap.
    error ReferralTooHigh(uint16 bps, uint16 maxBps);

    /// @notice The protocol's part is above the cap in the code, or has nobody to go to. Only at deployment.
    /// @param bps What was asked for, in 1/10,000.
    /// @param receiver Who would get it.
    error InvalidProtocolFee(uint16 bps, address receiver);

    /// @notice No contract is at this address, or it is the datatoken that it should pay for.
    /// @param token The address.
    error InvalidPaymentToken(address token);

    /// @notice A price is below 2^88.
    /// @param price What was asked for.
    error PriceOutOfRange(uint96 price);

    /// @notice The account has taken, or would take, more than one account may while the price is 0.
    /// @param datatoken The service's token.
    /// @param account The account.
    /// @param taken What it has taken, in whole datatokens.
    /// @param limit Most that it may take.
    error WalletLimitReached(address datatoken, address account, uint256 taken, uint256 limit);

    /// @notice More than what is given away while the price is 0 was taken, or would be.
    /// @param datatoken The service's token.
    /// @param taken What all together have taken, in whole datatokens.
    /// @param limit Most that they may take.
    error TotalLimitReached(address datatoken, uint256 taken, uint256 limit);

    /// @notice Nothing is not for sale, and more than any supply may grow by neither.
    /// @param count What was asked for, in whole datatokens.
    /// @param most The most at a time.
    error CountOutOfRange(uint256 count, uint256 most);

    /// @notice Each order needs the limits that the buyer agrees to for it.
    /// @param requests Orders asked for.
    /// @param limits Limits given.
    error LimitsMissing(uint256 requests, uint256 limits);

    /// @notice The account has earned nothing in this token since it last withdrew.
    /// @param account The account.
    /// @param token The token; 0 for ether.
    error NothingToWithdraw(address account, address token);

    /// @notice The account does not accept ether.
    /// @param account The account.
    error EtherRefused(address account);

    /// @notice A refund is pushed with a fixed amount of gas, so that nobody can make it fail by giving less.
    /// @param available What is left.
    /// @param needed What has to be left.
    error TooLittleGas(uint256 available, uint256 needed);

    /// @notice Buys `count` whole datatokens. The asset's owner is credited at once; the sale is final.
    /// @param datatoken The service's token.
    /// @param count Whole datatokens, from 1 to 2^32 - 1.
    /// @param limits What the buyer agrees to.
    function buy(address datatoken, uint256 count, Limits calldata limits) external payable;

    /// @notice As `buy`, with the payment token's permit in the same call. A permit that was already used, or is not
    /// valid, is not an error as long as the allowance suffices.
    /// @param datatoken The service's token.
    /// @param count Whole datatokens, from 1 to 2^32 - 1.
    /// @param limits What the buyer agrees to.
    /// @param permit The buyer's permit to the market.
    function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit) external;

    /// @notice Pays for one whole datatoken and opens an order with it; the payment is held until the order ends.
    /// @param request What is ordered; `IOrders` says what it has to be.
    /// @param limits What the buyer agrees to.
    /// @return orderId The order's id.
    function buyAndOpen(OpenRequest calldata request, Limits calldata limits) external payable returns (bytes32 orderId);

    /// @notice As `buyAndOpen`, with the payment token's permit in the same call.
    /// @param request What is ordered; `IOrders` says what it has to be.
    /// @param limits What the buyer agrees to.
    /// @param permit The buyer's permit to the market.
    /// @return orderId The order's id.
    function buyAndOpenWithPermit(OpenRequest calldata request, Limits calldata limits, Permit calldata permit)
        external
        returns (bytes32 orderId);

    /// @notice As `buyAndOpen`, for several services at once: all orders are opened, or none is. For a job that uses more than
    /// one asset. What is sold for ether has to be bought alone.
    /// @param requests What is ordered; `IOrders` says what each has to be.
    /// @param limits What the buyer agrees to, for each.
    /// @return orderIds The orders' ids, in the same order.
    function buyAndOpenAll(OpenRequest[] calldata requests, Limits[] calldata limits)
        external
        returns (bytes32[] memory orderIds);

    /// @notice Starts the sale of a new service. Only the registry, whose event says so.
    /// @param datatoken The new service's token.
    /// @param paymentToken A contract other than the datatoken; 0 for ether.
    /// @param price Base units for one whole datatoken, less than 2^88; 0 for free.
    function list(address datatoken, address paymentToken, uint96 price) external;

    /// @notice Changes what a datatoken costs. Only the asset's owner.
    /// @param datatoken The service's token.
    /// @param paymentToken A contract other than the datatoken; 0 for ether.
    /// @param price Base units for one whole datatoken, less than 2^88; 0 for free.
    function setPrice(address datatoken, address paymentToken, uint96 price) external;

    /// @notice Stops or resumes the sale. Only the asset's owner.
    /// @param datatoken The service's token.
    /// @param paused True to stop.
    function setPaused(address datatoken, bool paused) external;

    /// @notice Changes the front end's part of later purchases. Only the asset's owner.
    /// @param datatoken The service's token.
    /// @param bps In 1/10,000; at most 1,000.
    function setReferral(address datatoken, uint16 bps) external;

    /// @notice Limits what is given away while the price is 0. Only the asset's owner. What was taken without a limit does not
    /// count; what was taken under earlier limits does.
    /// @param datatoken The service's token.
    /// @param perWallet Whole datatokens for each account; 0 for no limit.
    /// @param total Whole datatokens for all together; 0 for no limit.
    function setFreeLimits(address datatoken, uint64 perWallet, uint64 total) external;

    /// @notice Divides the held payment of a fulfilled order. Only `Orders`.
    /// @param token What was paid with; 0 for ether.
    /// @param amount What is held for the order, in base units.
    /// @param publisher Who is credited with what the fees leave.
    /// @param referrer Front end; 0 for none.
    /// @param referralFee Its part.
    /// @param protocolFee The protocol's part.
    /// @return earned What the publisher was credited with, in base units.
    function settle(
        address token,
        uint256 amount,
        address publisher,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    ) external returns (uint256 earned);

    /// @notice Gives the held payment of an unfulfilled order back to its consumer. Only `Orders`. If the token or the
    /// consumer refuses it, it is credited for withdrawal: an order always can end. A free order no longer counts.
    /// @param datatoken The service's token.
    /// @param consumer Who ordered.
    /// @param token What was paid with; 0 for ether.
    /// @param amount What is held for the order, in base units.
    function refund(address datatoken, address consumer, address token, uint256 amount) external;

    /// @notice Pays the caller everything that it earned in `token` (0 for ether).
    /// @param token The token.
    /// @return amount What was paid, in base units.
    function withdraw(address token) external returns (uint256 amount);

    /// @notice What an account may withdraw.
    /// @param token The token; 0 for ether.
    /// @param account The account.
    /// @return Base units.
    function earningsOf(address token, address account) external view returns (uint256);

    /// @notice What is given away of a service while its price is 0.
    /// @param datatoken The service's token.
    /// @return The limits, and what was taken under them.
    function freeLimitsOf(address datatoken) external view returns (FreeLimits memory);

    /// @notice What an account has taken of a service under its free limits.
    /// @param datatoken The service's token.
    /// @param account The account.
    /// @return Whole datatokens.
    function takenFreeBy(address datatoken, address account) external view returns (uint64);

    /// @notice How a service is sold now. Reverts with `UnknownService` where nothing was listed.
    /// @param datatoken The service's token.
    /// @return The sale.
    function saleOf(address datatoken) external view returns (Sale memory);
}
