// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {AssetRegistry} from "../../src/AssetRegistry.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {Market} from "../../src/Market.sol";
import {MemberList} from "../../src/MemberList.sol";
import {Orders} from "../../src/Orders.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IOrders, Order} from "../../src/interfaces/IOrders.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";
import {MoodyToken} from "./MoodyToken.sol";
import {Wallet} from "./Wallet.sol";

/// @notice An asset as it should be.
struct BookedAsset {
    uint256 id;
    address firstOwner;
    bytes32 salt;
    address owner;
    address approved;
    IAssetRegistry.State state;
    bytes32 metadataHash;
    uint32 services;
}

/// @notice A service and its sale as they should be; counts are of whole datatokens or orders.
struct BookedService {
    Datatoken token;
    uint256 asset; // its place in the books
    uint32 index;
    address firstProvider;
    address provider;
    address gate;
    address money;
    uint96 price;
    uint16 referralBps;
    bool paused;
    uint64 perWallet;
    uint64 total;
    uint256 taken;
    uint256 sold;
    uint256 fulfilled;
    uint256 spent; // on orders that are open
    uint256 strayed; // base units that somebody sent to `Orders` unasked
}

/// @notice The contracts, the people, and everything that the contracts should say, counted beside them.
abstract contract Books is Test {
    uint256 internal constant ONE = 1e18;
    uint256 internal constant MOST_ASSETS = 5;
    uint256 internal constant MOST_SERVICES = 8;

    struct Contracts {
        AssetRegistry registry;
        Market market;
        Orders orders;
        MemberList members;
    }

    AssetRegistry internal immutable REGISTRY;
    Market internal immutable MARKET;
    Orders internal immutable ORDERS;
    MemberList internal immutable MEMBERS;
    MoodyToken internal immutable MOODY;
    Wallet internal immutable WALLET;

    /// @notice Everyone: each may be buyer, owner, provider and referrer. One is a contract, one is who the protocol pays.
    address[] public people;
    mapping(address person => uint256) internal _keys;
    /// @notice What is paid with; 0 for ether.
    address[] public moneys;

    BookedAsset[] internal _assets;
    BookedService[] internal _services;
    Order[] internal _orders;
    bytes32[] internal _orderIds;
    IOrders.Status[] internal _statuses;
    /// @dev One more than the order's place.
    mapping(bytes32 orderId => uint256) internal _placeOf;
    mapping(uint256 asset => mapping(address person => bool)) internal _member;
    mapping(address owner => mapping(address operator => bool)) internal _operator;
    mapping(uint256 service => mapping(address person => uint256)) public takenBy;

    /// @notice Payments held for open orders.
    mapping(address money => uint256) public escrow;
    mapping(address money => mapping(address person => uint256)) public owed;
    mapping(address money => uint256) public owedInAll;
    /// @notice What somebody sent to the market unasked.
    mapping(address money => uint256) public strayed;
    /// @notice All that was paid to the market, and all that it paid out.
    mapping(address money => uint256) public paidIn;
    mapping(address money => uint256) public paidOut;

    /// @notice How often a function did what was asked, and how often something was refused with an error.
    mapping(bytes4 called => uint256) public allowed;
    mapping(bytes4 error => uint256) public refused;

    /// @notice How many payments came back at once (true), or only were credited.
    mapping(bool pushed => uint256) public refunds;
    /// @notice How many free orders failed and no longer count.
    uint256 public givenBack;

    uint256 internal _salts;
    uint256 private transient _dice;

    /// @dev Everything that an action decides follows from its seed.
    modifier decides(uint256 seed) {
        _dice = seed;
        _;
    }

    constructor(Contracts memory all, address treasury, address[] memory moneys_) {
        (REGISTRY, MARKET, ORDERS, MEMBERS) = (all.registry, all.market, all.orders, all.members);
        for (uint256 i = 0; i < 4; ++i) {
            (address person, uint256 key) = makeAddrAndKey(string.concat("person ", vm.toString(i)));
            people.push(person);
            _keys[person] = key;
        }
        (address signer, uint256 signerKey) = makeAddrAndKey("the wallet's signer");
        WALLET = new Wallet(signer);
        people.push(address(WALLET));
        _keys[address(WALLET)] = signerKey;
        (address feeReceiver, uint256 treasuryKey) = makeAddrAndKey("treasury");
        assertEq(feeReceiver, treasury);
        people.push(treasury);
        _keys[treasury] = treasuryKey;
        MOODY = new MoodyToken();
        moneys = moneys_;
        moneys.push(address(MOODY));
    }

    // ---- what the invariants read ----

    function assetAt(uint256 i) external view returns (BookedAsset memory) {
        return _assets[i];
    }

    function serviceAt(uint256 i) external view returns (BookedService memory) {
        return _services[i];
    }

    function orderAt(uint256 i) external view returns (bytes32 orderId, IOrders.Status status) {
        return (_orderIds[i], _statuses[i]);
    }

    function counts() external view returns (uint256 assets, uint256 services, uint256 orders) {
        return (_assets.length, _services.length, _orders.length);
    }

    function everyone() external view returns (address[] memory, address[] memory) {
        return (people, moneys);
    }

    // ---- chance ----

    function roll(uint256 sides) internal returns (uint256) {
        _dice = uint256(keccak256(abi.encode(_dice)));
        return _dice % sides;
    }

    function oneIn(uint256 many) internal returns (bool) {
        return roll(many) == 0;
    }

    function somebody() internal returns (address) {
        return people[roll(people.length)];
    }

    /// @dev Mostly the one who may, otherwise anybody.
    function usually(address who) internal returns (address) {
        return oneIn(6) ? somebody() : who;
    }

    function someService() internal returns (uint256) {
        return roll(_services.length);
    }

    // ---- calls ----

    /// @dev Makes a call that has to succeed, or, if `refusal` is not empty, to fail with just this.
    function attempt(address caller, address target, uint256 value, bytes memory call, bytes memory refusal)
        internal
        returns (bool done, bytes memory answer)
    {
        vm.prank(caller);
        (done, answer) = target.call{value: value}(call);
        if (refusal.length == 0) {
            // Of both the selector is wanted.
            // forge-lint: disable-next-line(unsafe-typecast)
            ++allowed[bytes4(call)];
            if (!done) assertEq(answer, "", "refused what is allowed");
            assertTrue(done, "refused what is allowed, without a reason");
        } else {
            // forge-lint: disable-next-line(unsafe-typecast)
            ++refused[bytes4(refusal)];
            assertFalse(done, "allowed what has to be refused");
            assertEq(answer, refusal, "refused for another reason");
        }
    }

    function attempt(address caller, address target, bytes memory call, bytes memory refusal)
        internal
        returns (bool done)
    {
        (done,) = attempt(caller, target, 0, call, refusal);
    }

    // ---- money ----

    function credit(address money, address person, uint256 amount) internal {
        owed[money][person] += amount;
        owedInAll[money] += amount;
    }

    /// @dev Divides a payment; what the README's 6 says is checked here, of what the contracts are then compared with.
    function divide(address money, uint256 paid, address publisher, Order memory fees) internal {
        uint256 rest = paid - fees.referralFee - fees.protocolFee;
        assertLe(fees.referralFee * 10, paid);
        assertLe(fees.protocolFee * 20, paid);
        credit(money, publisher, rest);
        if (fees.referrer != address(0)) credit(money, fees.referrer, fees.referralFee);
        credit(money, MARKET.FEE_RECEIVER(), fees.protocolFee);
    }

    function balance(address money, address who) internal view returns (uint256) {
        return money == address(0) ? who.balance : MintableToken(money).balanceOf(who);
    }

    /// @dev What a payment by the market to `to` would fail with; empty if it would not.
    function whyNotPaidOut(address money, address to) internal view returns (bytes memory) {
        if (money == address(MOODY)) return MOODY.refusal(address(MARKET), to);
        return "";
    }

    function orderable(uint256 asset) internal view returns (bool) {
        IAssetRegistry.State state = _assets[asset].state;
        return state == IAssetRegistry.State.Active || state == IAssetRegistry.State.Unlisted;
    }

    function ownerOf(uint256 service) internal view returns (address) {
        return _assets[_services[service].asset].owner;
    }

    function providerOf(uint256 service) internal view returns (address) {
        BookedService storage booked = _services[service];
        return booked.provider == address(0) ? booked.firstProvider : booked.provider;
    }

    // ---- signatures ----

    function signPermit(address token, address owner, address spender, uint256 value, uint256 deadline)
        internal
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 content = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                spender,
                value,
                Datatoken(token).nonces(owner),
                deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", Datatoken(token).DOMAIN_SEPARATOR(), content));
        return vm.sign(_keys[owner], digest);
    }
}
