// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IAssetRegistry, ServiceTerms} from "../../src/interfaces/IAssetRegistry.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {Service} from "../../src/DatatokenArgs.sol";
import {Datatoken} from "../../src/Datatoken.sol";
import {BookedAsset, BookedService, Books} from "./Books.sol";

/// @notice What publishers do with their assets in the registry, and others try to.
abstract contract Publishing is Books {
    /// @dev Repeats a publication when there are enough assets already.
    function publish(uint256 seed) external decides(seed) {
        bool again = _assets.length == MOST_ASSETS || (_assets.length != 0 && oneIn(8));
        address who = somebody();
        bytes32 salt = bytes32(++_salts);
        if (again) {
            BookedAsset storage former = _assets[roll(_assets.length)];
            (who, salt) = (former.firstOwner, former.salt);
        }
        uint256 assetId = REGISTRY.assetIdOf(who, salt);
        (ServiceTerms memory terms, address datatoken) = someTerms(who, assetId, 0);
        bytes memory metadata = someMetadata();

        bytes memory refusal = whyNotTerms(datatoken, terms);
        if (metadata.length == 0) refusal = abi.encodeWithSelector(IAssetRegistry.EmptyMetadata.selector);
        if (again) refusal = abi.encodeWithSelector(IAssetRegistry.AssetExists.selector, assetId);
        (bool done, bytes memory answer) =
            attempt(who, address(REGISTRY), 0, abi.encodeCall(IAssetRegistry.publish, (salt, metadata, terms)), refusal);
        if (!done) return;
        assertEq(answer, abi.encode(assetId, datatoken));
        BookedAsset storage asset = _assets.push();
        (asset.id, asset.firstOwner, asset.salt, asset.owner) = (assetId, who, salt, who);
        asset.metadataHash = keccak256(metadata);
        enter(_assets.length - 1, datatoken, terms);
    }

    function addService(uint256 seed) external decides(seed) {
        uint256 place = roll(_assets.length);
        BookedAsset storage asset = _assets[place];
        address caller = usually(asset.owner);
        uint32 index = asset.services;
        // With enough services, only what has to fail is tried.
        if (oneIn(6) || _services.length >= MOST_SERVICES) index = oneIn(2) ? index - 1 : index + 1;
        (ServiceTerms memory terms, address datatoken) = someTerms(caller, asset.id, index);

        bytes memory refusal = whyNotTerms(datatoken, terms);
        if (index != asset.services) {
            refusal = abi.encodeWithSelector(IAssetRegistry.NotNextService.selector, asset.id, index, asset.services);
        }
        if (caller != asset.owner) refusal = notAssetOwner(caller, asset.id);
        (bool done, bytes memory answer) = attempt(
            caller, address(REGISTRY), 0, abi.encodeCall(IAssetRegistry.addService, (asset.id, index, terms)), refusal
        );
        if (!done) return;
        assertEq(answer, abi.encode(datatoken));
        enter(place, datatoken, terms);
    }

    function updateMetadata(uint256 seed) external decides(seed) {
        BookedAsset storage asset = _assets[roll(_assets.length)];
        address caller = usually(asset.owner);
        bytes memory metadata = someMetadata();
        bytes memory refusal;
        if (metadata.length == 0) refusal = abi.encodeWithSelector(IAssetRegistry.EmptyMetadata.selector);
        if (caller != asset.owner) refusal = notAssetOwner(caller, asset.id);
        bytes memory call = abi.encodeCall(IAssetRegistry.updateMetadata, (asset.id, metadata));
        if (attempt(caller, address(REGISTRY), call, refusal)) asset.metadataHash = keccak256(metadata);
    }

    /// @dev Mostly a state that allows orders, or little else would happen.
    function setState(uint256 seed) external decides(seed) {
        BookedAsset storage asset = _assets[roll(_assets.length)];
        address caller = usually(asset.owner);
        IAssetRegistry.State state = IAssetRegistry.State(roll(5));
        if (!oneIn(4)) state = oneIn(2) ? IAssetRegistry.State.Active : IAssetRegistry.State.Unlisted;
        bytes memory refusal = caller == asset.owner ? bytes("") : notAssetOwner(caller, asset.id);
        bytes memory call = abi.encodeCall(IAssetRegistry.setState, (asset.id, state));
        if (attempt(caller, address(REGISTRY), call, refusal)) asset.state = state;
    }

    function enter(uint256 place, address datatoken, ServiceTerms memory terms) private {
        BookedAsset storage asset = _assets[place];
        BookedService storage service = _services.push();
        service.token = Datatoken(datatoken);
        (service.asset, service.index) = (place, asset.services++);
        service.firstProvider = terms.provider == address(0) ? asset.owner : terms.provider;
        (service.money, service.price) = (terms.paymentToken, terms.price);
        // The first one's datatoken is money for others: what is a right here pays there.
        if (_services.length == 1) moneys.push(datatoken);
        Service memory said = REGISTRY.serviceOf(datatoken);
        assertEq(said.assetId, asset.id);
        assertEq(said.serviceIndex, service.index);
        assertEq(said.provider, service.firstProvider);
    }

    function someTerms(address caller, uint256 assetId, uint32 index)
        private
        returns (ServiceTerms memory terms, address datatoken)
    {
        if (!oneIn(3)) terms.provider = somebody();
        datatoken = REGISTRY.datatokenOf(assetId, index, terms.provider == address(0) ? caller : terms.provider);
        terms.paymentToken = someMoney(datatoken);
        terms.price = somePrice(terms.paymentToken);
    }

    function someMetadata() private returns (bytes memory) {
        return oneIn(8) ? bytes("") : abi.encode(roll(type(uint256).max));
    }

    /// @dev Now and then something that is none: an account, or the datatoken that is sold.
    function someMoney(address datatoken) internal returns (address) {
        if (oneIn(20)) return oneIn(2) ? datatoken : people[0];
        return moneys[roll(moneys.length)];
    }

    /// @dev Nothing, so little that rounding shows, something usual, or the most; now and then too much.
    function somePrice(address money) internal returns (uint96) {
        uint256 kind = roll(12);
        if (kind < 4) return 0;
        if (kind == 4) return uint96(2 ** 88 + roll(2 ** 95));
        // Nobody can mint these at will.
        if (moneys.length == 5 && money == moneys[4]) return uint96(roll(2 * ONE));
        if (kind < 7) return uint96(roll(150));
        if (kind < 10) return uint96(roll(1e9));
        return uint96(kind == 10 ? roll(2 ** 88) : 2 ** 88 - 1);
    }

    function whyNotTerms(address datatoken, ServiceTerms memory terms) private view returns (bytes memory) {
        return whyNotPrice(datatoken, terms.paymentToken, terms.price);
    }

    function whyNotPrice(address datatoken, address money, uint96 price) internal view returns (bytes memory) {
        if (price >= 2 ** 88) return abi.encodeWithSelector(IMarket.PriceOutOfRange.selector, price);
        if (money == datatoken || money == people[0]) {
            return abi.encodeWithSelector(IMarket.InvalidPaymentToken.selector, money);
        }
        return "";
    }

    /// @dev The registry, the market, `Orders` and the list of members all say it with the same words.
    function notAssetOwner(address caller, uint256 assetId) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IAssetRegistry.NotAssetOwner.selector, caller, assetId);
    }
}
