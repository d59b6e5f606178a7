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
    event OrderFulfilled(
        bytes32 indexed orderId,
        uint256 indexed assetId,
        address indexed provider,
        address publisher,
        bytes32 receiptHash,
        uint256 earned
    );
    event OrderCancelled(bytes32 indexed orderId, uint256 indexed assetId, address indexed provider, bytes32 reason);
    event OrderReturned(bytes32 indexed orderId, uint256 indexed assetId, address indexed caller);

    error OrderNotOpen(bytes32 orderId, Status status);
    error OrderExists(bytes32 orderId);
    error NotProvider(address caller, address provider);
    error NotMarket(address caller);
    error DeadlineOutOfRange(uint64 deadline, uint64 earliest, uint64 latest);
    error OrderExpired(bytes32 orderId, uint64 deadline);
    error OrderNotExpired(bytes32 orderId, uint64 deadline);

    /// @notice Locks one whole datatoken of the caller per request. Needs an allowance to this contract.
    function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds);
    /// @notice Opens an order whose payment the market holds. Only the market.
    function openPaid(Order calldata order, uint256 assetId) external returns (bytes32 orderId);
    /// @notice Ends the order in the publisher's favour. Only the order's provider, not after the deadline.
    function fulfil(Order calldata order, bytes32 receiptHash) external;
    /// @notice Ends the order in the consumer's favour, at once. Only the order's provider.
    function cancel(Order calldata order, bytes32 reason) external;
    /// @notice Gives the escrow back to the consumer. Anyone, after the deadline.
    function returnExpired(Order calldata order) external;
    /// @notice The id: keccak256(abi.encode(chainid, this contract, order)).
    function orderIdOf(Order calldata order) external view returns (bytes32);
    function statusOf(bytes32 orderId) external view returns (Status);
}
