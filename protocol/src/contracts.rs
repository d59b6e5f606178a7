//! Bindings of the market's contracts: calls, events and errors, as in `contracts/src/interfaces`.
//!
//! A test compares them with the exported ABIs, both ways.

#![allow(missing_docs)] // The interfaces' own documentation is the source; it is not repeated here.
#![allow(clippy::too_many_arguments)] // Of the functions that the macro makes for long events.

use alloy_sol_types::sol;

sol! {
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
    struct OpenRequest {
        address datatoken;
        bytes32 requestHash;
        uint64 deadline;
        bytes32 salt;
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

        error OrderNotOpen(bytes32 orderId, Status status);
        error OrderExists(bytes32 orderId);
        error NotProvider(address caller, address provider);
        error NotMarket(address caller);
        error DeadlineOutOfRange(uint64 deadline, uint64 earliest, uint64 latest);
        error OrderExpired(bytes32 orderId, uint64 deadline);
        error OrderNotExpired(bytes32 orderId, uint64 deadline);
        function open(OpenRequest[] calldata requests) external returns (bytes32[] memory orderIds);
        function openPaid(Order calldata order, uint256 assetId) external returns (bytes32 orderId);
        function fulfil(Order calldata order, bytes32 receiptHash) external;
        function cancel(Order calldata order, bytes32 reason) external;
        function returnExpired(Order calldata order) external;
        function orderIdOf(Order calldata order) external view returns (bytes32);
        function statusOf(bytes32 orderId) external view returns (Status);
        error NotOrderable(uint256 assetId);
        error SafeERC20FailedOperation(address token);
        error UnknownService(address datatoken);
    }

    struct ServiceTerms {
        address provider;
        address paymentToken;
        uint96 price;
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

        event AssetPublished(
            uint256 indexed assetId, address indexed publisher, bytes32 salt, bytes32 metadataHash, bytes metadata
        );
        event ServiceAdded(
            uint256 indexed assetId,
            address indexed datatoken,
            uint32 serviceIndex,
            address provider,
            address paymentToken,
            uint96 price
        );
        event MetadataUpdated(
            uint256 indexed assetId, address indexed publisher, bytes32 metadataHash, bytes metadata
        );
        event StateChanged(uint256 indexed assetId, address indexed publisher, State state);

        error NotAssetOwner(address caller, uint256 assetId);
        error EmptyMetadata();
        function publish(bytes32 salt, bytes calldata metadata, ServiceTerms calldata terms)
            external
            returns (uint256 assetId, address datatoken);
        function addService(uint256 assetId, uint32 serviceIndex, ServiceTerms calldata terms)
            external
            returns (address datatoken);
        function updateMetadata(uint256 assetId, bytes calldata metadata) external;
        function setState(uint256 assetId, State newState) external;
        function assetIdOf(address publisher, bytes32 salt) external view returns (uint256);
        function datatokenOf(uint256 assetId, uint32 serviceIndex) external view returns (address);
        function metadataHashOf(uint256 assetId) external view returns (bytes32);
        function stateOf(uint256 assetId) external view returns (State);
        function isOrderable(uint256 assetId) external view returns (bool);
        error AssetExists(uint256 assetId);
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
        error ServiceExists(uint256 assetId, uint32 serviceIndex);
    }

    struct Sale {
        address provider;
        uint16 referralBps;
        bool paused;
        address paymentToken;
        uint96 price;
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
        event RefundCredited(address indexed account, address indexed token, uint256 amount);
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
        function buy(address datatoken, uint256 count, Limits calldata limits) external payable;
        function buyWithPermit(address datatoken, uint256 count, Limits calldata limits, Permit calldata permit) external;
        function buyAndOpen(
            address datatoken,
            bytes32 requestHash,
            uint64 orderDeadline,
            bytes32 salt,
            Limits calldata limits
        ) external payable returns (bytes32 orderId);
        function buyAndOpenWithPermit(
            address datatoken,
            bytes32 requestHash,
            uint64 orderDeadline,
            bytes32 salt,
            Limits calldata limits,
            Permit calldata permit
        ) external returns (bytes32 orderId);
        function list(uint256 assetId, address datatoken, ServiceTerms calldata terms) external;
        function setPrice(address datatoken, address paymentToken, uint96 price) external;
        function setPaused(address datatoken, bool paused) external;
        function setReferral(address datatoken, uint16 bps) external;
        function setProvider(address datatoken, address provider) external;
        function settle(Order calldata order, address publisher) external returns (uint256 earned);
        function refund(Order calldata order) external;
        function withdraw(address token) external returns (uint256 amount);
        function earningsOf(address token, address account) external view returns (uint256);
        function saleOf(address datatoken) external view returns (Sale memory);
        error EtherRefused(address account);
        error InvalidPaymentToken(address token);
        error InvalidProtocolFee(uint16 bps, address receiver);
        error NotSelf(address caller);
        error ReentrancyGuardReentrantCall();
        error SafeERC20FailedOperation(address token);
        error TooLittleGas(uint256 available, uint256 needed);
    }

    #[sol(abi)]
    interface IDatatoken {
        error NotMarket(address caller);
        error NotOrders(address caller);
        function assetId() external view returns (uint256);
        function serviceIndex() external view returns (uint32);
        function mint(address to, uint256 amount) external;
        function burn(uint256 amount) external;
        error ECDSAInvalidSignature();
        error ECDSAInvalidSignatureLength(uint256 length);
        error ECDSAInvalidSignatureS(bytes32 s);
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

#[cfg(test)]
mod tests;
