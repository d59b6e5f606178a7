// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC20Errors, IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAssetRegistry} from "../../src/interfaces/IAssetRegistry.sol";
import {IDatatoken} from "../../src/interfaces/IDatatoken.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {IMemberList} from "../../src/interfaces/IMemberList.sol";
import {IOrders} from "../../src/interfaces/IOrders.sol";
import {DatatokenArgs} from "../../src/DatatokenArgs.sol";
import {MoodyToken} from "./MoodyToken.sol";

/// @notice What random use has to get to, or it would prove little.
library Reach {
    /// @dev What has to have succeeded.
    function functions() internal pure returns (bytes4[27] memory) {
        return [
            IAssetRegistry.publish.selector,
            IAssetRegistry.addService.selector,
            IAssetRegistry.updateMetadata.selector,
            IAssetRegistry.setState.selector,
            IERC721.transferFrom.selector,
            bytes4(keccak256("safeTransferFrom(address,address,uint256)")),
            IERC721.approve.selector,
            IERC721.setApprovalForAll.selector,
            IMarket.setPrice.selector,
            IMarket.setPaused.selector,
            IMarket.setReferral.selector,
            IMarket.setFreeLimits.selector,
            IOrders.setProvider.selector,
            IOrders.setGate.selector,
            IMemberList.add.selector,
            IMemberList.remove.selector,
            IMarket.buy.selector,
            IMarket.buyWithPermit.selector,
            IMarket.buyAndOpen.selector,
            IMarket.buyAndOpenWithPermit.selector,
            IMarket.buyAndOpenAll.selector,
            IOrders.open.selector,
            IOrders.fulfil.selector,
            IOrders.cancel.selector,
            IOrders.returnExpired.selector,
            IMarket.withdraw.selector,
            IERC20.transfer.selector
        ];
    }

    /// @dev What something has to have been refused with. Hostile amounts and starved refunds are the unit tests' business.
    function refusals() internal pure returns (bytes4[39] memory) {
        return [
            IAssetRegistry.NotAssetOwner.selector,
            IAssetRegistry.EmptyMetadata.selector,
            IAssetRegistry.AssetExists.selector,
            IAssetRegistry.NotNextService.selector,
            IDatatoken.NotMarket.selector,
            IDatatoken.NotOrders.selector,
            IMarket.NotRegistry.selector,
            IMarket.NotSelf.selector,
            IMarket.SaleIsPaused.selector,
            IMarket.NotOrderable.selector,
            IMarket.PurchaseExpired.selector,
            IMarket.WrongPaymentToken.selector,
            IMarket.PriceTooHigh.selector,
            IMarket.WrongEtherAmount.selector,
            IMarket.ReferralTooHigh.selector,
            IMarket.InvalidPaymentToken.selector,
            IMarket.PriceOutOfRange.selector,
            IMarket.WalletLimitReached.selector,
            IMarket.TotalLimitReached.selector,
            IMarket.CountOutOfRange.selector,
            IMarket.NothingToWithdraw.selector,
            IMarket.EtherRefused.selector,
            IOrders.OrderNotOpen.selector,
            IOrders.OrderExists.selector,
            IOrders.NotProvider.selector,
            IOrders.DeadlineOutOfRange.selector,
            IOrders.OrderExpired.selector,
            IOrders.OrderNotExpired.selector,
            IOrders.WrongProvider.selector,
            IOrders.NotAllowed.selector,
            IOrders.InvalidGate.selector,
            DatatokenArgs.UnknownService.selector,
            IERC20Errors.ERC20InsufficientBalance.selector,
            IERC20Errors.ERC20InsufficientAllowance.selector,
            IERC721Errors.ERC721InsufficientApproval.selector,
            IERC721Errors.ERC721InvalidApprover.selector,
            IERC721Errors.ERC721InvalidReceiver.selector,
            MoodyToken.Stopped.selector,
            MoodyToken.Blocked.selector
        ];
    }
}
