// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IMemberList} from "../../src/interfaces/IMemberList.sol";
import {IOrders} from "../../src/interfaces/IOrders.sol";
import {BookedAsset, BookedService} from "./Books.sol";
import {Publishing} from "./Publishing.sol";

/// @notice What an asset's owner decides about its sales, and the sale of the asset itself.
abstract contract Selling is Publishing {
    function setPrice(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        address money = someMoney(address(service.token));
        uint96 price = somePrice(money);
        if (refusal.length == 0) refusal = whyNotPrice(address(service.token), money, price);
        bytes memory call = abi.encodeCall(IMarket.setPrice, (address(service.token), money, price));
        if (attempt(caller, address(MARKET), call, refusal)) (service.money, service.price) = (money, price);
    }

    function setPaused(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        bool paused = oneIn(6);
        bytes memory call = abi.encodeCall(IMarket.setPaused, (address(service.token), paused));
        if (attempt(caller, address(MARKET), call, refusal)) service.paused = paused;
    }

    function setReferral(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        uint16 bps = uint16(oneIn(3) ? 1_000 : oneIn(6) ? 1_001 + roll(60_000) : roll(1_001));
        if (refusal.length == 0 && bps > 1_000) {
            refusal = abi.encodeWithSelector(IMarket.ReferralTooHigh.selector, bps, 1_000);
        }
        bytes memory call = abi.encodeCall(IMarket.setReferral, (address(service.token), bps));
        if (attempt(caller, address(MARKET), call, refusal)) service.referralBps = bps;
    }

    function setFreeLimits(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        uint64 perWallet = uint64(oneIn(3) ? 0 : roll(6));
        uint64 total = uint64(oneIn(3) ? 0 : roll(12));
        bytes memory call = abi.encodeCall(IMarket.setFreeLimits, (address(service.token), perWallet, total));
        if (attempt(caller, address(MARKET), call, refusal)) {
            (service.perWallet, service.total) = (perWallet, total);
        }
    }

    function setProvider(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        address provider = oneIn(3) ? address(0) : somebody();
        bytes memory call = abi.encodeCall(IOrders.setProvider, (address(service.token), provider));
        if (attempt(caller, address(ORDERS), call, refusal)) {
            service.provider = provider == address(0) ? caller : provider;
        }
    }

    function setGate(uint256 seed) external decides(seed) {
        (BookedService storage service, address caller, bytes memory refusal) = someSale();
        address gate = oneIn(3) ? address(MEMBERS) : address(0);
        if (oneIn(8)) gate = people[1];
        if (refusal.length == 0 && gate == people[1]) {
            refusal = abi.encodeWithSelector(IOrders.InvalidGate.selector, gate);
        }
        bytes memory call = abi.encodeCall(IOrders.setGate, (address(service.token), gate));
        if (attempt(caller, address(ORDERS), call, refusal)) service.gate = gate;
    }

    function changeMembers(uint256 seed) external decides(seed) {
        uint256 place = roll(_assets.length);
        uint256 assetId = _assets[place].id;
        address caller = usually(_assets[place].owner);
        bytes memory refusal = caller == _assets[place].owner ? bytes("") : notAssetOwner(caller, assetId);
        address[] memory who = new address[](roll(4));
        for (uint256 i = 0; i < who.length; ++i) {
            who[i] = somebody();
        }
        bool member = !oneIn(3);
        bytes memory call = member
            ? abi.encodeCall(IMemberList.add, (assetId, who))
            : abi.encodeCall(IMemberList.remove, (assetId, who));
        if (!attempt(caller, address(MEMBERS), call, refusal)) return;
        for (uint256 i = 0; i < who.length; ++i) {
            _member[place][who[i]] = member;
        }
    }

    /// @dev By the owner, by whom it approved, or by somebody who must not.
    function transferAsset(uint256 seed) external decides(seed) {
        BookedAsset storage asset = _assets[roll(_assets.length)];
        (address owner, address caller, address to) = (asset.owner, asset.owner, somebody());
        if (oneIn(2)) caller = asset.approved == address(0) || oneIn(2) ? somebody() : asset.approved;
        bool asking = oneIn(3);
        bytes memory refusal;
        if (asking && to == address(WALLET)) {
            refusal = abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, to);
        }
        if (caller != owner && caller != asset.approved && !_operator[owner][caller]) {
            refusal = abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, caller, asset.id);
        }
        bytes memory call = asking
            ? abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", owner, to, asset.id)
            : abi.encodeCall(IERC721.transferFrom, (owner, to, asset.id));
        if (attempt(caller, address(REGISTRY), call, refusal)) (asset.owner, asset.approved) = (to, address(0));
    }

    function approveAsset(uint256 seed) external decides(seed) {
        BookedAsset storage asset = _assets[roll(_assets.length)];
        address caller = usually(asset.owner);
        address to = oneIn(4) ? address(0) : somebody();
        bytes memory refusal;
        if (caller != asset.owner && !_operator[asset.owner][caller]) {
            refusal = abi.encodeWithSelector(IERC721Errors.ERC721InvalidApprover.selector, caller);
        }
        bytes memory call = abi.encodeCall(IERC721.approve, (to, asset.id));
        if (attempt(caller, address(REGISTRY), call, refusal)) asset.approved = to;
    }

    function approveOperator(uint256 seed) external decides(seed) {
        (address owner, address operator, bool on) = (somebody(), somebody(), oneIn(3));
        attempt(owner, address(REGISTRY), abi.encodeCall(IERC721.setApprovalForAll, (operator, on)), "");
        _operator[owner][operator] = on;
    }

    /// @dev Whoever is chosen to change a sale, and why it may not.
    function someSale() private returns (BookedService storage service, address caller, bytes memory refusal) {
        service = _services[someService()];
        BookedAsset storage asset = _assets[service.asset];
        caller = usually(asset.owner);
        if (caller != asset.owner) refusal = notAssetOwner(caller, asset.id);
    }
}
