// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice Everything about one order. The chain keeps only its hash (the order's id) and whether it is still open, so
/// that opening costs one storage slot however much an order says; whoever ends an order presents it again.
/// @param assetId The asset that was ordered.
/// @param datatoken The service of it that was ordered.
/// @param consumer Who ordered, and who gets the escrow back if the order is not fulfilled.
/// @param provider The only account that may fulfil or cancel.
/// @param requestHash Hash of the request that the provider may run: keccak-256 of the canonical job spec.
/// @param deadline Unix seconds. Until then the provider may fulfil; after it anyone may return the escrow.
/// @param salt Chosen by the consumer: makes the id unique and known before the transaction is sent.
/// @param escrowToken What the order was opened with: the datatoken itself, an ERC-20 payment, or address 0 for ether.
/// @param escrowAmount How much of it, in base units.
/// @param referrer Front end that is paid `referralFee` when the order is fulfilled; 0 for none.
/// @param referralFee Part of `escrowAmount` that goes to the referrer, fixed when the order was opened.
/// @param protocolFee Part of `escrowAmount` that goes to the protocol, fixed when the order was opened.
struct Order {
    uint256 assetId;
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

/// @notice What a consumer asks for when opening an order.
/// @param datatoken The service's token.
/// @param provider Who is expected to run the service: an order never goes to another.
/// @param requestHash Hash of the request that the provider may run.
/// @param deadline Until when the provider may fulfil, in Unix seconds; 60 seconds to 30 days ahead.
/// @param salt Makes the order's id unique.
struct OpenRequest {
    address datatoken;
    address provider;
    bytes32 requestHash;
    uint64 deadline;
    bytes32 salt;
}

/// @notice What the market holds for a paid order.
/// @param token What was paid with; 0 for ether.
/// @param amount How much, in base units.
/// @param referrer Front end; 0 for none.
/// @param referralFee Its part once the order is fulfilled.
/// @param protocolFee The protocol's part once the order is fulfilled.
struct Payment {
    address token;
    uint256 amount;
    address referrer;
    uint256 referralFee;
    uint256 protocolFee;
}

/// @title Escrow of orders
/// @notice Every order ends exactly once: fulfilled (the publisher is paid), cancelled by its provider, or returned.
interface IOrders {
    /// @notice None: never opened. Open: paid for, and not ended. The others are final.
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
    /// @param escrowToken What it was opened with: the datatoken, an ERC-20 payment, or 0 for ether.
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
    /// opened with a datatoken, which was paid for when it was bought.
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

    /// @notice Another account runs the service. Open orders stay with the provider that they name.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param provider Who runs it from now on. Never 0.
    event ProviderChanged(uint256 indexed assetId, address indexed publisher, address datatoken, address provider);

    /// @notice Who may order was restricted, or no longer. Open orders stay open.
    /// @param assetId The asset.
    /// @param publisher The asset's owner, who did it.
    /// @param datatoken The service's token.
    /// @param gate The contract that is asked from now on; 0 for none.
    event GateChanged(uint256 indexed assetId, address indexed publisher, address datatoken, address gate);

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

    /// @notice The asset's state allows no orders.
    /// @param assetId The asset.
    error NotOrderable(uint256 assetId);

    /// @notice Only the registry says which assets may be ordered.
    /// @param caller Who tried.
    error NotRegistry(address caller);

    /// @notice Only the asset's owner may do this.
    /// @param caller Who tried.
    /// @param assetId The asset.
    error NotAssetOwner(address caller, uint256 assetId);

    /// @notice The service is run by another account than the consumer expected.
    /// @param actual Who runs it.
    /// @param expected Whom the consumer named.
    error WrongProvider(address actual, address expected);

    /// @notice The service's gate does not let this account order.
    /// @param datatoken The service's token.
    /// @param consumer Who tried.
    error NotAllowed(address datatoken, address consumer);

    /// @notice No contract is at this address.
    /// @param gate The address.
    error InvalidGate(address gate);

    /// @notice Spends one whole datatoken of the caller per request; no allowance is needed. It is burnt, and minted again if
    /// the order is cancelled or returned. All or none are opened; an empty batch does nothing. A paused sale does not matter: these tokens were sold before.
    /// @param requests What to open; services of different assets and providers may be mixed.
    /// @return orderIds The ids, in the same order.
    function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds);

    /// @notice Opens an order whose payment the market holds. Only the market.
    /// @param request What is ordered.
    /// @param consumer Who pays and orders.
    /// @param payment What the market holds for it.
    /// @return orderId The order's id.
    function openPaid(OpenRequest calldata request, address consumer, Payment calldata payment)
        external
        returns (bytes32 orderId);

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

    /// @notice Stops or resumes orders of an asset, as its state says. Only the registry, whose event says so.
    /// @param assetId The asset.
    /// @param closed True if no orders are taken from now on.
    function setClosed(uint256 assetId, bool closed) external;

    /// @notice Names who runs the service from now on. Only the asset's owner.
    /// @param datatoken The service's token.
    /// @param provider The account; 0 for the caller.
    function setProvider(address datatoken, address provider) external;

    /// @notice Restricts who may order from now on. Only the asset's owner.
    /// @param datatoken The service's token.
    /// @param gate A contract that implements `IGate`; 0 for none.
    function setGate(address datatoken, address gate) external;

    /// @notice Who runs a service now. Reverts with `UnknownService` for anything that the registry did not deploy.
    /// @param datatoken The service's token.
    /// @return The account.
    function providerOf(address datatoken) external view returns (address);

    /// @notice Which contract says who may order a service.
    /// @param datatoken The service's token.
    /// @return The gate; 0 for none.
    function gateOf(address datatoken) external view returns (address);

    /// @notice The id: keccak256(abi.encode(chainid, this contract, order)).
    /// @param order Any order.
    /// @return The id that it has, or would have.
    function orderIdOf(Order calldata order) external view returns (bytes32);

    /// @notice Where an order stands.
    /// @param orderId The order's id.
    /// @return Its status.
    function statusOf(bytes32 orderId) external view returns (Status);
}
