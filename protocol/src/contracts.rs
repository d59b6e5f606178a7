//! Bindings of the market's contracts: calls, events and errors, as in `contracts/src/interfaces`.
//!
//! A test compares them with the exported ABIs, both ways.

#![allow(missing_docs)] // The interfaces' own documentation is the source; it is not repeated here.
#![allow(clippy::too_many_arguments)] // Of the functions that the macro makes for long events.

use alloy_sol_types::sol;

sol! {
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
    struct OpenRequest {
        address datatoken;
        address provider;
        bytes32 requestHash;
        uint64 deadline;
        bytes32 salt;
    }
    struct Payment {
        address token;
        uint256 amount;
        address referrer;
        uint256 referralFee;
        uint256 protocolFee;
    }
    #[sol(abi)]
    interface IOrders {
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
        event ProviderChanged(uint256 indexed assetId, address indexed publisher, address datatoken, address provider);
        event GateChanged(uint256 indexed assetId, address indexed publisher, address datatoken, address gate);

        error OrderNotOpen(bytes32 orderId, Status status);
        error OrderExists(bytes32 orderId);
        error NotProvider(address caller, address provider);
        error NotMarket(address caller);
        error DeadlineOutOfRange(uint64 deadline, uint64 earliest, uint64 latest);
        error OrderExpired(bytes32 orderId, uint64 deadline);
        error OrderNotExpired(bytes32 orderId, uint64 deadline);
        error NotOrderable(uint256 assetId);
        error NotRegistry(address caller);
        error NotAssetOwner(address caller, uint256 assetId);
        error WrongProvider(address actual, address expected);
        error NotAllowed(address datatoken, address consumer);
        error InvalidGate(address gate);
        function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds);
        function openPaid(OpenRequest calldata request, address consumer, Payment calldata payment)
            external
            returns (bytes32 orderId);
        function fulfil(Order calldata order, bytes32 receiptHash) external;
        function cancel(Order calldata order, bytes32 reason) external;
        function returnExpired(Order calldata order) external;
        function setClosed(uint256 assetId, bool closed) external;
        function setProvider(address datatoken, address provider) external;
        function setGate(address datatoken, address gate) external;
        function providerOf(address datatoken) external view returns (address);
        function gateOf(address datatoken) external view returns (address);
        function orderIdOf(Order calldata order) external view returns (bytes32);
        function statusOf(bytes32 orderId) external view returns (Status);
        error CloneArgumentsTooLong();
        error UnknownService(address datatoken);
    }

    struct ServiceTerms {
        address provider;
        address paymentToken;
        uint96 price;
    }
    struct Service {
        uint256 assetId;
        uint32 serviceIndex;
        address provider;
    }
    #[sol(abi)]
    interface IAssetRegistry {
        enum State {
            Active,
            Retired,
            Revoked,
            OrderingDisabled,
            Unlisted
        }

        event AssetPublished(uint256 indexed assetId, address indexed publisher, bytes32 salt, bytes metadata);
        event ServiceAdded(
            uint256 indexed assetId,
            address indexed publisher,
            address datatoken,
            uint32 serviceIndex,
            address provider,
            address paymentToken,
            uint96 price
        );
        event MetadataUpdated(uint256 indexed assetId, address indexed publisher, bytes metadata);
        event StateChanged(uint256 indexed assetId, address indexed publisher, State state);

        error NotAssetOwner(address caller, uint256 assetId);
        error EmptyMetadata();
        error AssetExists(uint256 assetId);
        error NotNextService(uint256 assetId, uint32 serviceIndex, uint32 next);
        function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
            external
            returns (uint256 assetId, address datatoken);
        function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
            external
            returns (address datatoken);
        function updateMetadata(uint256 assetId, bytes calldata metadata) external;
        function setState(uint256 assetId, State newState) external;
        function assetIdOf(address publisher, bytes32 salt) external view returns (uint256);
        function datatokenOf(uint256 assetId, uint32 serviceIndex, address provider) external view returns (address);
        function serviceOf(address datatoken) external view returns (Service memory);
        function metadataHashOf(uint256 assetId) external view returns (bytes32);
        function stateOf(uint256 assetId) external view returns (State);
        function servicesOf(uint256 assetId) external view returns (uint32);
        function ordering(uint256 assetId) external view returns (address publisher, bool orderable);
        error CloneArgumentsTooLong();
        error Create2EmptyBytecode();
        error ERC721IncorrectOwner(address sender, uint256 tokenId, address owner);
        error ERC721InsufficientApproval(address operator, uint256 tokenId);
        error ERC721InvalidApprover(address approver);
        error ERC721InvalidOperator(address operator);
        error ERC721InvalidOwner(address owner);
        error ERC721InvalidReceiver(address receiver);
        error ERC721InvalidSender(address sender);
        error ERC721NonexistentToken(uint256 tokenId);
        error FailedDeployment();
        error InsufficientBalance(uint256 balance, uint256 needed);
        error UnknownService(address datatoken);
    }

    struct Sale {
        address paymentToken;
        uint96 price;
        uint16 referralBps;
        bool paused;
        bool limited;
    }
    struct FreeLimits {
        uint64 perWallet;
        uint64 total;
        uint64 taken;
    }
    struct Limits {
        address paymentToken;
        uint256 maxPrice;
        uint64 deadline;
        address referrer;
    }
    struct Permit {
        uint256 value;
        uint256 deadline;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }
    #[sol(abi)]
    interface IMarket {
        event PriceChanged(
            uint256 indexed assetId, address indexed publisher, address datatoken, address paymentToken, uint96 price
        );
        event SalePaused(uint256 indexed assetId, address indexed publisher, address datatoken, bool paused);
        event ReferralChanged(uint256 indexed assetId, address indexed publisher, address datatoken, uint16 bps);
        event FreeLimitsChanged(
            uint256 indexed assetId, address indexed publisher, address datatoken, uint64 perWallet, uint64 total
        );
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
        event RefundCredited(address indexed account, address indexed token, uint256 amount);
        event Withdrawn(address indexed account, address indexed token, uint256 amount);

        error NotRegistry(address caller);
        error NotOrders(address caller);
        error NotSelf(address caller);
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
        error InvalidProtocolFee(uint16 bps, address receiver);
        error InvalidPaymentToken(address token);
        error PriceOutOfRange(uint96 price);
        error WalletLimitReached(address datatoken, address account, uint256 taken, uint256 limit);
        error TotalLimitReached(address datatoken, uint256 taken, uint256 limit);
        error CountOutOfRange(uint256 count, uint256 most);
        error LimitsMissing(uint256 requests, uint256 limits);
        error NothingToWithdraw(address account, address token);
        error EtherRefused(address account);
        error TooLittleGas(uint256 available, uint256 needed);
        function buy(address datatoken, uint256 count, Limits calldata limits) external payable;
        function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit) external;
        function buyAndOpen(OpenRequest calldata request, Limits calldata limits)
            external
            payable
            returns (bytes32 orderId);
        function buyAndOpenWithPermit(OpenRequest calldata request, Limits calldata limits, Permit calldata permit)
            external
            returns (bytes32 orderId);
        function buyAndOpenAll(OpenRequest[] calldata requests, Limits[] calldata limits)
            external
            returns (bytes32[] memory orderIds);
        function list(address datatoken, address paymentToken, uint96 price) external;
        function setPrice(address datatoken, address paymentToken, uint96 price) external;
        function setPaused(address datatoken, bool paused) external;
        function setReferral(address datatoken, uint16 bps) external;
        function setFreeLimits(address datatoken, uint64 perWallet, uint64 total) external;
        function settle(
            address token,
            uint256 amount,
            address publisher,
            address referrer,
            uint256 referralFee,
            uint256 protocolFee
        ) external returns (uint256 earned);
        function refund(address datatoken, address consumer, address token, uint256 amount) external;
        function withdraw(address token) external returns (uint256 amount);
        function earningsOf(address token, address account) external view returns (uint256);
        function freeLimitsOf(address datatoken) external view returns (FreeLimits memory);
        function takenFreeBy(address datatoken, address account) external view returns (uint64);
        function saleOf(address datatoken) external view returns (Sale memory);
        error ReentrancyGuardReentrantCall();
        error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
        error SafeERC20FailedOperation(address token);
    }

    #[sol(abi)]
    interface IDatatoken {
        error NotMarket(address caller);
        error NotOrders(address caller);
        function assetId() external view returns (uint256);
        function serviceIndex() external view returns (uint32);
        function mint(address to, uint256 amount) external;
        function spend(address holder, uint256 amount) external;
        function restore(address holder, uint256 amount) external;
        function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) external;
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InvalidApprover(address approver);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidSender(address sender);
        error ERC20InvalidSpender(address spender);
        error ERC2612ExpiredSignature(uint256 deadline);
        error ERC2612InvalidSigner(address signer, address owner);
        error InvalidAccountNonce(address account, uint256 currentNonce);
        error InvalidShortString();
        error StringTooLong(string str);
    }

    #[sol(abi)]
    interface IGate {
        function mayOrder(address datatoken, uint256 assetId, address consumer) external view returns (bool);
    }

    #[sol(abi)]
    interface IMemberList {
        event MemberChanged(uint256 indexed assetId, address indexed account, address indexed publisher, bool member);

        function add(uint256 assetId, address[] calldata accounts) external;
        function remove(uint256 assetId, address[] calldata accounts) external;
        function isMember(uint256 assetId, address account) external view returns (bool);
        function mayOrder(address datatoken, uint256 assetId, address consumer) external view returns (bool);
        error NotAssetOwner(address caller, uint256 assetId);
    }

    interface IERC20 {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        function name() external view returns (string memory);
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 value) external returns (bool);
        function transfer(address to, uint256 value) external returns (bool);
        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    }

    interface IERC721 {
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
        function ownerOf(uint256 tokenId) external view returns (address);
        function transferFrom(address from, address to, uint256 tokenId) external;
    }

    interface TestDollar {
        function mint(address to, uint256 amount) external;
    }
}

impl From<IOrders::OrderOpened> for Order {
    /// The event carries the whole order.
    fn from(opened: IOrders::OrderOpened) -> Self {
        Self {
            assetId: opened.assetId,
            datatoken: opened.datatoken,
            consumer: opened.consumer,
            provider: opened.provider,
            requestHash: opened.requestHash,
            deadline: opened.deadline,
            salt: opened.salt,
            escrowToken: opened.escrowToken,
            escrowAmount: opened.escrowAmount,
            referrer: opened.referrer,
            referralFee: opened.referralFee,
            protocolFee: opened.protocolFee,
        }
    }
}

#[cfg(test)]
mod tests;
