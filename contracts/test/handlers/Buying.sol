// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IMarket, Limits, Permit} from "../../src/interfaces/IMarket.sol";
import {OpenRequest, Order} from "../../src/interfaces/IOrders.sol";
import {MintableToken} from "../mocks/HostileTokens.sol";
import {BookedService} from "./Books.sol";
import {Opening} from "./Opening.sol";

/// @notice What buyers do: buy, or buy and open, with ether, tokens or nothing, with an allowance or a permit.
abstract contract Buying is Opening {
    struct Purchase {
        address buyer;
        uint256 service;
        uint256 count;
        Limits limits;
        bool byPermit;
        Permit permit;
        uint256 paid;
        uint256 value;
        uint256 allowance; // that the market will find, as far as it needs one
    }

    function buy(uint256 seed) external decides(seed) {
        Purchase memory purchase = somePurchase(oneIn(10) ? 0 : 1 + roll(5));
        prepare(purchase);
        bytes memory refusal = whyNotAgreed(purchase);
        if (refusal.length == 0 && purchase.count == 0) {
            refusal = abi.encodeWithSelector(IMarket.CountOutOfRange.selector, 0, type(uint32).max);
        }
        uint256 asset = _services[purchase.service].asset;
        if (refusal.length == 0 && !orderable(asset)) {
            refusal = abi.encodeWithSelector(IMarket.NotOrderable.selector, _assets[asset].id);
        }
        if (refusal.length == 0) refusal = whyNotTaken(purchase);
        if (refusal.length == 0) refusal = whyNotCollected(purchase);

        address datatoken = address(_services[purchase.service].token);
        bytes memory call = purchase.byPermit
            ? abi.encodeCall(IMarket.buyWithPermit, (datatoken, purchase.count, purchase.limits, purchase.permit))
            : abi.encodeCall(IMarket.buy, (datatoken, purchase.count, purchase.limits));
        uint256 had = balance(datatoken, purchase.buyer);
        if (!makePurchase(purchase, call, refusal)) return;
        assertEq(balance(datatoken, purchase.buyer), had + purchase.count * ONE);
        BookedService storage service = _services[purchase.service];
        service.sold += purchase.count;
        divide(service.money, purchase.paid, ownerOf(purchase.service), feesOf(purchase));
    }

    function buyAndOpen(uint256 seed) external decides(seed) {
        Purchase memory purchase = somePurchase(1);
        Asked memory asked = Asked(purchase.service, someRequest(purchase.service));
        prepare(purchase);
        Order memory order = orderOf(asked, purchase.buyer);
        Order memory fees = feesOf(purchase);
        (order.escrowToken, order.escrowAmount) = (_services[purchase.service].money, purchase.paid);
        order.referrer = fees.referrer;
        (order.referralFee, order.protocolFee) = (fees.referralFee, fees.protocolFee);

        bytes memory refusal = whyNotAgreed(purchase);
        if (refusal.length == 0) refusal = whyNotTaken(purchase);
        if (refusal.length == 0) refusal = whyNotCollected(purchase);
        if (refusal.length == 0) refusal = whyNotOpened(asked, purchase.buyer, ORDERS.orderIdOf(order));
        bytes memory call = purchase.byPermit
            ? abi.encodeCall(IMarket.buyAndOpenWithPermit, (asked.request, purchase.limits, purchase.permit))
            : purchase.value == 0 && oneIn(3)
                ? abi.encodeCall(IMarket.buyAndOpenAll, (listOf(asked.request), listOf(purchase.limits)))
                : abi.encodeCall(IMarket.buyAndOpen, (asked.request, purchase.limits));
        if (!makePurchase(purchase, call, refusal)) return;
        escrow[order.escrowToken] += purchase.paid;
        enter(order);
    }

    function listOf(OpenRequest memory request) private pure returns (OpenRequest[] memory list) {
        list = new OpenRequest[](1);
        list[0] = request;
    }

    function listOf(Limits memory limits) private pure returns (Limits[] memory list) {
        list = new Limits[](1);
        list[0] = limits;
    }

    /// @dev What follows from any purchase that went through: the buyer paid just that, and what is free is counted.
    function makePurchase(Purchase memory purchase, bytes memory call, bytes memory refusal)
        private
        returns (bool done)
    {
        BookedService storage service = _services[purchase.service];
        uint256 had = balance(service.money, purchase.buyer);
        (done,) = attempt(purchase.buyer, address(MARKET), purchase.value, call, refusal);
        if (!done) {
            assertEq(balance(service.money, purchase.buyer), had);
            return false;
        }
        assertEq(balance(service.money, purchase.buyer), had - purchase.paid);
        assertLe(purchase.paid, purchase.count * purchase.limits.maxPrice);
        assertEq(service.money, purchase.limits.paymentToken);
        paidIn[service.money] += purchase.paid;
        if (service.price == 0 && limited(service)) {
            service.taken += purchase.count;
            takenBy[purchase.service][purchase.buyer] += purchase.count;
            assertTrue(service.total == 0 || service.taken <= service.total);
            assertTrue(service.perWallet == 0 || takenBy[purchase.service][purchase.buyer] <= service.perWallet);
        }
    }

    /// @dev A buyer who mostly agrees to what is asked.
    function somePurchase(uint256 count) private returns (Purchase memory purchase) {
        (purchase.buyer, purchase.service, purchase.count) = (somebody(), someService(), count);
        BookedService storage service = _services[purchase.service];
        purchase.paid = count * service.price;
        purchase.limits = Limits({
            paymentToken: service.money,
            maxPrice: service.price + (oneIn(2) ? roll(100) : 0),
            deadline: uint64(block.timestamp + (oneIn(2) ? roll(100) : 0)),
            referrer: oneIn(3) ? address(0) : somebody()
        });
        if (oneIn(16)) purchase.limits.deadline = uint64(block.timestamp - 1 - roll(100));
        if (oneIn(16)) purchase.limits.paymentToken = moneys[roll(moneys.length)];
        if (oneIn(16) && service.price != 0) purchase.limits.maxPrice = service.price - 1;
        purchase.byPermit = oneIn(3);
    }

    /// @dev Gives the buyer the money, and the market an allowance or a permit: of just that, or of one too little.
    function prepare(Purchase memory purchase) private {
        address money = _services[purchase.service].money;
        if (money == address(0)) {
            purchase.value = purchase.byPermit ? 0 : purchase.paid;
            if (!purchase.byPermit && oneIn(12)) purchase.value = oneIn(2) ? purchase.paid + 1 : purchase.paid / 2;
            // On top of what it has: what comes back is to be seen in its balance.
            vm.deal(purchase.buyer, purchase.buyer.balance + purchase.value);
            return;
        }
        if (oneIn(30) && !purchase.byPermit) {
            purchase.value = 1;
            vm.deal(purchase.buyer, purchase.buyer.balance + 1);
        }
        // A datatoken as money has to be had already.
        if (money != moneys[4]) MintableToken(money).mint(purchase.buyer, purchase.paid);
        uint256 allowed = purchase.paid != 0 && oneIn(12) ? purchase.paid - 1 : purchase.paid;
        bool permits = purchase.byPermit && (money == moneys[1] || money == moneys[4]);
        vm.prank(purchase.buyer);
        IERC20(money).approve(address(MARKET), permits ? 0 : allowed);
        purchase.allowance = allowed;
        if (permits) usePermit(purchase, money);
    }

    function usePermit(Purchase memory purchase, address money) private {
        Permit memory permit = Permit(purchase.allowance, block.timestamp, 0, 0, 0);
        (permit.v, permit.r, permit.s) =
            signPermit(money, purchase.buyer, address(MARKET), permit.value, permit.deadline);
        purchase.permit = permit;
        // The dollar knows keys only. A datatoken takes a contract's signature as well.
        bool valid = purchase.buyer != address(WALLET) || money == moneys[4];
        if (oneIn(6)) {
            permit.deadline = block.timestamp - 1;
            valid = false;
        } else if (valid && oneIn(4)) {
            // Somebody is faster with the permit: the allowance is the same.
            IERC20Permit(money)
                .permit(purchase.buyer, address(MARKET), permit.value, permit.deadline, permit.v, permit.r, permit.s);
        }
        if (!valid) purchase.allowance = 0;
    }

    function whyNotAgreed(Purchase memory purchase) private view returns (bytes memory) {
        BookedService storage service = _services[purchase.service];
        Limits memory limits = purchase.limits;
        if (service.paused) return abi.encodeWithSelector(IMarket.SaleIsPaused.selector, service.token);
        if (limits.deadline < block.timestamp) {
            return abi.encodeWithSelector(IMarket.PurchaseExpired.selector, limits.deadline);
        }
        if (limits.paymentToken != service.money) {
            return abi.encodeWithSelector(IMarket.WrongPaymentToken.selector, service.money, limits.paymentToken);
        }
        if (service.price > limits.maxPrice) {
            return abi.encodeWithSelector(IMarket.PriceTooHigh.selector, service.price, limits.maxPrice);
        }
        return "";
    }

    function whyNotTaken(Purchase memory purchase) private view returns (bytes memory) {
        BookedService storage service = _services[purchase.service];
        if (service.price != 0) return "";
        uint256 mine = takenBy[purchase.service][purchase.buyer];
        if (service.perWallet != 0 && mine + purchase.count > service.perWallet) {
            return abi.encodeWithSelector(
                IMarket.WalletLimitReached.selector, service.token, purchase.buyer, mine, service.perWallet
            );
        }
        if (service.total != 0 && service.taken + purchase.count > service.total) {
            return
                abi.encodeWithSelector(IMarket.TotalLimitReached.selector, service.token, service.taken, service.total);
        }
        return "";
    }

    function whyNotCollected(Purchase memory purchase) private view returns (bytes memory) {
        address money = _services[purchase.service].money;
        uint256 needed = money == address(0) ? purchase.paid : 0;
        if (purchase.value != needed) {
            return abi.encodeWithSelector(IMarket.WrongEtherAmount.selector, purchase.value, needed);
        }
        if (money == address(0) || purchase.paid == 0) return "";
        if (purchase.allowance < purchase.paid) {
            return abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, MARKET, purchase.allowance, purchase.paid
            );
        }
        if (money == address(MOODY)) return MOODY.refusal(purchase.buyer, address(MARKET));
        uint256 has = balance(money, purchase.buyer);
        if (has < purchase.paid) {
            return
                abi.encodeWithSelector(
                    IERC20Errors.ERC20InsufficientBalance.selector, purchase.buyer, has, purchase.paid
                );
        }
        return "";
    }

    /// @dev The parts as the README's 6 says, computed another way than by the market: what is not whole is left off.
    function feesOf(Purchase memory purchase) private view returns (Order memory fees) {
        BookedService storage service = _services[purchase.service];
        fees.referrer = purchase.limits.referrer;
        uint256 tenThousandth = purchase.paid / 10_000;
        uint256 rest = purchase.paid % 10_000;
        if (fees.referrer != address(0)) {
            fees.referralFee = tenThousandth * service.referralBps + rest * service.referralBps / 10_000;
        }
        uint256 bps = MARKET.PROTOCOL_FEE_BPS();
        fees.protocolFee = tenThousandth * bps + rest * bps / 10_000;
    }

    function limited(BookedService storage service) internal view returns (bool) {
        return service.perWallet != 0 || service.total != 0;
    }
}
