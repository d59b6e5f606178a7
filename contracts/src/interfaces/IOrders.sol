// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Everything about one order. The chain keeps only its hash (the order's id) and whether it is still open, so
/// that opening costs one storage slot however much an order says; whoever ends an order presents it again.
/// @param datatoken The service that was ordered.
/// @param consumer Who ordered, and who gets the escrow back if the order is not fulfilled.
/// @param provider The only account that may fulfil or cancel.
/// @param requestHash Hash of the request that the provider may run: keccak-256 of the canonical job spec.
/// @param deadline Unix seconds. Until then the provider may fulfil; after it anyone may return the escrow.
/// @param salt Chosen by the consumer: makes the id unique and known before the transaction is sent.
/// @param escrowToken What is held: the datatoken itself, an ERC-20 payment, or address 0 for ether.
/// @param escrowAmount How much of it is held, in base units.
/// @param referrer Front end that is paid `referralFee` when the order is fulfilled; 0 for none.
/// @param referralFee Part of `escrowAmount` that goes to the referrer, fixed when the order was opened.
/// @param protocolFee Part of `escrowAmount` that goes to the protocol, fixed when the order was opened.
struct Order {
    address datatoken;
    address consumer;
    address provider;
    bytes32 requestHash;
    uint64 deadline;
    bytes32 salt;
    address escrowToken;
    uint256 escrowAmount;
    address referrer;
    uint256 referralFee;
    uint256 protocolFee;
}

/// @notice What a holder of a datatoken asks for when opening an order with it.
/// @param datatoken The service's token.
/// @param requestHash Hash of the request that the provider may run.
/// @param deadline Until when the provider may fulfil, in Unix seconds.
/// @param salt Makes the order's id unique.
struct OpenRequest {
    address datatoken;
    bytes32 requestHash;
    uint64 deadline;
    bytes32 salt;
}

/// @title Escrow of orders
/// @notice Every order ends exactly once: fulfilled (the publisher is paid), cancelled by its provider, or returned.
interface IOrders {
    /// @notice None: never opened. Open: escrow is held. The others are final.
    enum Status {
        None,
        Open,
        Fulfilled,
        Cancelled,
        Returned
    }

    /// @notice An order was opened. Carries the whole order, since the chain keeps only its hash.
    /// @param orderId The order's id.
    /// @param assetId The asset that was ordered.
    /// @param consumer Who ordered.
    /// @param datatoken The service's token.
    /// @param provider Who may fulfil or cancel.
    /// @param requestHash Hash of the request that the provider may run.
    /// @param deadline Until when the provider may fulfil, in Unix seconds.
    /// @param salt What makes the id unique.
    /// @param escrowToken What is held: the datatoken, an ERC-20 payment, or 0 for ether.
    /// @param escrowAmount How much of it, in base units.
    /// @param referrer Front end; 0 for none.
    /// @param referralFee Its part of the escrow once fulfilled.
    /// @param protocolFee The protocol's part of the escrow once fulfilled.
    event OrderOpened(
        bytes32 indexed orderId,
        uint256 indexed assetId,
        address indexed consumer,
        address datatoken,
        address provider,
        bytes32 requestHash,
        uint64 deadline,
        bytes32 salt,
        address escrowToken,
        uint256 escrowAmount,
        address referrer,
        uint256 referralFee,
        uint256 protocolFee
    );

    /// @notice The provider delivered; the publisher, the referrer and the protocol are credited.
    /// @param orderId The order's id.
    /// @param assetId The asset.
    /// @param provider Who delivered.
    /// @param publisher The asset's owner at this moment.
    /// @param receiptHash Hash of the provider's signed receipt.
    /// @param earned What the publisher was credited with, in base units of the escrow token; 0 for an order that was
    /// opened with a held datatoken, which was paid for when it was bought.
    event OrderFulfilled(
        bytes32 indexed orderId,
        uint256 indexed assetId,
        address indexed provider,
        address publisher,
        bytes32 receiptHash,
        uint256 earned
    );

    /// @notice The provider gave up; the consumer got the escrow back.
    /// @param orderId The order's id.
    /// @param assetId The asset.
    /// @param provider Who gave up.
    /// @param reason Hash or short code of the reason.
    event OrderCancelled(bytes32 indexed orderId, uint256 indexed assetId, address indexed provider, bytes32 reason);

    /// @notice The deadline passed without a delivery; the consumer got the escrow back.
    /// @param orderId The order's id.
    /// @param assetId The asset.
    /// @param caller Who sent the transaction.
    event OrderReturned(bytes32 indexed orderId, uint256 indexed assetId, address indexed caller);

    /// @notice The order was never opened, or has ended.
    /// @param orderId The order's id.
    /// @param status What it is instead.
    error OrderNotOpen(bytes32 orderId, Status status);

    /// @notice The same order was opened before. Choose another salt.
    /// @param orderId The order's id.
    error OrderExists(bytes32 orderId);

    /// @notice Only the provider that the order names may do this.
    /// @param caller Who tried.
    /// @param provider The order's provider.
    error NotProvider(address caller, address provider);

    /// @notice Only the market opens paid orders.
    /// @param caller Who tried.
    error NotMarket(address caller);

    /// @notice The deadline is too near to be met, or so far that the escrow would be stuck.
    /// @param deadline What was asked for, in Unix seconds.
    /// @param earliest The first that is accepted now: a minute ahead.
    /// @param latest The last that is accepted now: 30 days ahead.
    error DeadlineOutOfRange(uint64 deadline, uint64 earliest, uint64 latest);

    /// @notice Too late to fulfil.
    /// @param orderId The order's id.
    /// @param deadline Until when it was possible, in Unix seconds.
    error OrderExpired(bytes32 orderId, uint64 deadline);

    /// @notice Too early to return the escrow: the provider still may fulfil.
    /// @param orderId The order's id.
    /// @param deadline Until when, in Unix seconds.
    error OrderNotExpired(bytes32 orderId, uint64 deadline);

    /// @notice This address is not a datatoken that is on sale at the market.
    /// @param datatoken The address.
    error UnknownService(address datatoken);

    /// @notice The asset's state allows no orders.
    /// @param assetId The asset.
    error NotOrderable(uint256 assetId);

    /// @notice Locks one whole datatoken of the caller per request. Needs an allowance to this contract. All or none
    /// are opened; an empty batch does nothing. A paused sale does not matter: these tokens were sold before.
    /// @param requests What to open; services of different assets and providers may be mixed.
    /// @return orderIds The ids, in the same order.
    function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds);

    /// @notice Opens an order whose payment the market holds. Only the market.
    /// @param order The order; the market vouches for everything but the deadline and that it is new.
    /// @param assetId The asset that the datatoken belongs to.
    /// @return orderId The order's id.
    function openPaid(Order calldata order, uint256 assetId) external returns (bytes32 orderId);

    /// @notice Ends the order in the publisher's favour. Only the order's provider, not after the deadline.
    /// @param order The order as it was opened.
    /// @param receiptHash Hash of the provider's signed receipt.
    function fulfil(Order calldata order, bytes32 receiptHash) external;

    /// @notice Ends the order in the consumer's favour, at once. Only the order's provider; also after the deadline.
    /// @param order The order as it was opened.
    /// @param reason Hash or short code of the reason, for the consumer to read.
    function cancel(Order calldata order, bytes32 reason) external;

    /// @notice Gives the escrow back to the consumer. Anyone, after the deadline.
    /// @param order The order as it was opened.
    function returnExpired(Order calldata order) external;

    /// @notice The id: keccak256(abi.encode(chainid, this contract, order)).
    /// @param order Any order.
    /// @return The id that it has, or would have.
    function orderIdOf(Order calldata order) external view returns (bytes32);

    /// @notice Where an order stands.
    /// @param orderId The order's id.
    /// @return Its status.
    function statusOf(bytes32 orderId) external view returns (Status);
}
