// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IDatatoken} from "../../src/interfaces/IDatatoken.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IOrders, OpenRequest, Payment} from "../../src/interfaces/IOrders.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";
import {BookedService, Books} from "./Books.sol";
import {Ending} from "./Ending.sol";

/// @notice Does at random what people do in a market, and what they must not, and keeps its own books beside the
/// contracts'. For every call it knows before whether it succeeds, or the error that it fails with, to the last byte.
contract MarketHandler is Ending {
    constructor(Contracts memory all, address treasury, address[] memory moneys_) Books(all, treasury, moneys_) {}

    // ---- datatokens ----

    /// @dev Now and then to the market or to `Orders`, which is nobody's fault but the sender's.
    function transferDatatoken(uint256 seed) external decides(seed) {
        (Datatoken token, uint256 service, address from, uint256 amount) = someTokens();
        address to = oneIn(8) ? (oneIn(2) ? address(MARKET) : address(ORDERS)) : somebody();
        bytes memory refusal = whyNotMoved(token, from, amount);
        if (attempt(from, address(token), abi.encodeCall(IERC20.transfer, (to, amount)), refusal)) {
            stray(service, to, amount);
        }
    }

    /// @dev By an allowance, which was given as one likes to: by `approve`, or by either form of a permit.
    function transferDatatokenFrom(uint256 seed) external decides(seed) {
        (Datatoken token,, address owner, uint256 amount) = someTokens();
        (address spender, address to) = (somebody(), somebody());
        uint256 allowed = amount;
        if (amount != 0 && oneIn(6)) --allowed;
        allow(token, owner, spender, allowed);
        bytes memory refusal = whyNotMoved(token, owner, amount);
        if (allowed < amount) {
            refusal = abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, spender, allowed, amount);
        }
        bytes memory call = abi.encodeCall(IERC20.transferFrom, (owner, to, amount));
        if (attempt(spender, address(token), call, refusal)) assertEq(token.allowance(owner, spender), 0);
    }

    /// @dev Somebody signs for somebody else, or too late.
    function forgePermit(uint256 seed) external decides(seed) {
        Datatoken token = _services[someService()].token;
        (address owner, address forger) = (somebody(), somebody());
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) = signPermit(address(token), forger, forger, ONE, deadline);
        bytes memory refusal;
        if (owner == forger) {
            deadline = block.timestamp - 1;
            refusal = abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, deadline);
        }
        bytes memory call = abi.encodeWithSignature(
            "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", owner, forger, ONE, deadline, v, r, s
        );
        vm.prank(forger);
        (bool done, bytes memory answer) = address(token).call(call);
        assertFalse(done, "a forged permit was taken");
        if (refusal.length != 0) assertEq(answer, refusal);
        // What it recovers to is anything: the content that it hashes names the owner.
        // forge-lint: disable-next-line(unsafe-typecast)
        else assertEq(bytes4(answer), ERC20Permit.ERC2612InvalidSigner.selector);
    }

    // ---- what is only for the contracts among themselves ----

    function intrude(uint256 seed) external decides(seed) {
        uint256 place = someService();
        BookedService storage service = _services[place];
        address token = address(service.token);
        address caller = somebody();
        uint256 way = roll(9);
        bytes memory refusal =
            abi.encodeWithSelector(way < 2 ? IMarket.NotOrders.selector : IMarket.NotRegistry.selector, caller);
        if (way == 0) {
            bytes memory call = abi.encodeCall(IMarket.settle, (service.money, 1, caller, address(0), 0, 0));
            attempt(caller, address(MARKET), call, refusal);
        } else if (way == 1) {
            attempt(caller, address(MARKET), abi.encodeCall(IMarket.refund, (token, caller, service.money, 1)), refusal);
        } else if (way == 2) {
            attempt(caller, address(MARKET), abi.encodeCall(IMarket.list, (token, service.money, 0)), refusal);
        } else if (way == 3) {
            bytes memory call = abi.encodeCall(IOrders.setClosed, (_assets[service.asset].id, orderable(service.asset)));
            attempt(caller, address(ORDERS), call, refusal);
        } else if (way == 4) {
            refusal = abi.encodeWithSignature("NotSelf(address)", caller);
            attempt(caller, address(MARKET), abi.encodeCall(MARKET.push, (service.money, caller, 1)), refusal);
        } else if (way == 5) {
            refusal = abi.encodeWithSelector(IOrders.NotMarket.selector, caller);
            (OpenRequest memory request, Payment memory payment) = gift(place);
            bytes memory call = abi.encodeCall(IOrders.openPaid, (request, caller, payment));
            attempt(caller, address(ORDERS), call, refusal);
        } else if (way == 6) {
            refusal = abi.encodeWithSelector(IDatatoken.NotMarket.selector, caller);
            attempt(caller, token, abi.encodeCall(IDatatoken.mint, (caller, ONE)), refusal);
        } else if (way == 7) {
            refusal = abi.encodeWithSelector(IDatatoken.NotOrders.selector, caller);
            attempt(caller, token, abi.encodeCall(IDatatoken.spend, (somebody(), 0)), refusal);
        } else {
            refusal = abi.encodeWithSelector(IDatatoken.NotOrders.selector, caller);
            attempt(caller, token, abi.encodeCall(IDatatoken.restore, (caller, ONE)), refusal);
        }
    }

    // ---- the world ----

    function pass(uint256 seed) external decides(seed) {
        vm.warp(block.timestamp + 1 + (oneIn(4) ? roll(3 days) : roll(120)));
    }

    /// @dev To just before, at, or just after the next deadline of an order.
    function passToDeadline(uint256 seed) external decides(seed) {
        uint256 next = type(uint64).max;
        for (uint256 i = 0; i < _orders.length; ++i) {
            uint256 deadline = _orders[i].deadline;
            if (deadline > block.timestamp && deadline < next) next = deadline;
        }
        if (next != type(uint64).max) vm.warp(next + roll(3) - 1);
    }

    function changeMood(uint256 seed) external decides(seed) {
        uint256 what = roll(4);
        if (what == 0) MOODY.setStopped(oneIn(4));
        else if (what == 1) WALLET.setAccepts(oneIn(3));
        else MOODY.setBlocked(oneIn(8) ? address(MARKET) : somebody(), oneIn(3));
    }

    /// @dev Money that nobody asked for, also where ether can not be refused.
    function donate(uint256 seed) external decides(seed) {
        address money = moneys[roll(4)];
        uint256 amount = roll(1e9);
        if (money == address(0)) vm.deal(address(MARKET), address(MARKET).balance + amount);
        else MintableToken(money).mint(address(MARKET), amount);
        strayed[money] += amount;
    }

    // ---- what the invariants try ----

    /// @notice What the market would be told if it opened an order of this service that expects a provider that nobody is:
    /// that it is closed, or who really runs it.
    function probe(uint256 place) external returns (bytes memory answer) {
        (OpenRequest memory request, Payment memory payment) = gift(place);
        request.provider = address(1);
        vm.prank(address(MARKET));
        bool done;
        (done, answer) = address(ORDERS).call(abi.encodeCall(IOrders.openPaid, (request, people[0], payment)));
        assertFalse(done);
    }

    /// @notice What it has to be told.
    function expectedProbe(uint256 place) external view returns (bytes memory) {
        uint256 asset = _services[place].asset;
        if (!orderable(asset)) return abi.encodeWithSelector(IOrders.NotOrderable.selector, _assets[asset].id);
        return abi.encodeWithSelector(IOrders.WrongProvider.selector, providerOf(place), address(1));
    }

    function gift(uint256 place) private view returns (OpenRequest memory request, Payment memory payment) {
        request.datatoken = address(_services[place].token);
        request.provider = providerOf(place);
        request.deadline = uint64(block.timestamp) + 1 hours;
        payment.token = _services[place].money;
        payment.amount = 1;
    }

    function someTokens() private returns (Datatoken token, uint256 service, address from, uint256 amount) {
        for (uint256 i = 0; i < 4; ++i) {
            (service, from) = (someService(), somebody());
            token = _services[service].token;
            if (token.balanceOf(from) != 0) break;
        }
        uint256 has = token.balanceOf(from);
        amount = oneIn(8) ? has + 1 + roll(ONE) : oneIn(2) ? has / ONE * ONE : roll(has + 1);
    }

    function whyNotMoved(Datatoken token, address from, uint256 amount) private view returns (bytes memory) {
        uint256 has = token.balanceOf(from);
        if (has >= amount) return "";
        return abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, from, has, amount);
    }

    function stray(uint256 service, address to, uint256 amount) private {
        if (to == address(ORDERS)) _services[service].strayed += amount;
        if (to == address(MARKET)) strayed[address(_services[service].token)] += amount;
    }

    function allow(Datatoken token, address owner, address spender, uint256 amount) private {
        uint256 way = roll(3);
        if (way == 0) {
            vm.prank(owner);
            token.approve(spender, amount);
            return;
        }
        (uint8 v, bytes32 r, bytes32 s) = signPermit(address(token), owner, spender, amount, block.timestamp);
        if (way == 1) token.permit(owner, spender, amount, block.timestamp, v, r, s);
        else token.permit(owner, spender, amount, block.timestamp, abi.encodePacked(r, s, v));
    }
}
