//! `atoll sale`: what a service costs, whether it is sold, who may order it and how much is given away.

use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use atoll_protocol::contracts::{IAssetRegistry, IMarket, IMemberList, IOrders};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    buy::amount,
    chain::Chain,
    error::CliError,
    money,
    options::{Options, asset_id, indexed, token_id},
    output::Output,
    services,
};

/// Most accounts that one transaction adds to a list or removes.
const MOST_MEMBERS: usize = 200;

/// Change how a service of your asset is sold.
#[derive(Subcommand, Debug)]
pub(crate) enum Sale {
    /// Price, gate and limits, as the chain has them
    Show(Show),
    /// Sell for another price
    Price(Price),
    /// Stop the sale; what was ordered goes on
    Pause(Pause),
    /// Sell again
    Resume(Resume),
    /// Let a contract say who may order, or let everyone
    Gate(Gate),
    /// Add accounts to the members that a list admits, or remove them
    Members(Members),
    /// Limit what is given away while the price is 0
    Free(Free),
    /// Give a part of the price to whoever brings a buyer
    Referral(Referral),
}

/// A service of an asset.
#[derive(Args, Debug)]
struct Service {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// Number of the service within the asset, as `atoll asset show` lists them
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    service: u32,
}

/// Show how a service is sold.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale show 42")]
pub(crate) struct Show {
    #[command(flatten)]
    service: Service,
}

/// Sell a service for another price.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale price 42 7.5")]
pub(crate) struct Price {
    #[command(flatten)]
    service: Service,
    /// Price of one order, in the payment token's own unit, like 5 or 0.25; 0 gives it away
    price: String,
    /// ERC-20 that pays from now on; the zero address for ether [default: the one that pays now]
    #[arg(long, value_name = "ADDRESS")]
    payment_token: Option<Address>,
}

/// Stop the sale of a service.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale pause 42")]
pub(crate) struct Pause {
    #[command(flatten)]
    service: Service,
}

/// Sell a service again.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale resume 42")]
pub(crate) struct Resume {
    #[command(flatten)]
    service: Service,
}

/// Put a gate before a service, or take it away.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale gate 42 0x5FC8d32690cc91D4c39d9d3abcBD16989F875707")]
pub(crate) struct Gate {
    #[command(flatten)]
    service: Service,
    /// The contract that says who may order, like the market's member list
    #[arg(required_unless_present = "none", conflicts_with = "none")]
    gate: Option<Address>,
    /// Let everyone order
    #[arg(long)]
    none: bool,
}

/// Change the members of a service's gate, where that is a member list.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale members 42 --add 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]
pub(crate) struct Members {
    #[command(flatten)]
    service: Service,
    /// Accounts to admit
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required_unless_present = "remove")]
    add: Vec<Address>,
    /// Accounts that are no longer admitted
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    remove: Vec<Address>,
    /// The member list [default: the service's gate]
    #[arg(long, value_name = "ADDRESS")]
    list: Option<Address>,
}

/// Limit what is given away while the price is 0.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale free 42 --per-wallet 2 --total 100")]
pub(crate) struct Free {
    #[command(flatten)]
    service: Service,
    /// Orders for each account; any number without
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    per_wallet: Option<u64>,
    /// Orders for all together; any number without
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    total: Option<u64>,
}

/// Give a part of the price to whoever brings a buyer.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll sale referral 42 250")]
pub(crate) struct Referral {
    #[command(flatten)]
    service: Service,
    /// Part of the price in 1/10,000, like 250 for 2.5 %; at most 1000
    basis_points: u16,
}

impl Sale {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let seller = Seller::find(self.service(), options, !matches!(self, Self::Show(_))).await?;
        let sent = match self {
            Self::Show(_) => Vec::new(),
            Self::Price(command) => seller.price(command).await?,
            Self::Pause(_) => seller.paused(true).await?,
            Self::Resume(_) => seller.paused(false).await?,
            Self::Gate(command) => seller.gate(command).await?,
            Self::Members(command) => seller.members(command).await?,
            Self::Free(command) => seller.free(command).await?,
            Self::Referral(command) => seller.referral(command).await?,
        };
        seller.report(&sent, out).await
    }

    fn service(&self) -> &Service {
        match self {
            Self::Show(Show { service })
            | Self::Price(Price { service, .. })
            | Self::Pause(Pause { service })
            | Self::Resume(Resume { service })
            | Self::Gate(Gate { service, .. })
            | Self::Members(Members { service, .. })
            | Self::Free(Free { service, .. })
            | Self::Referral(Referral { service, .. }) => service,
        }
    }
}

/// Whoever changes a service, with the chain at hand.
struct Seller<'a> {
    options: &'a Options,
    chain: Chain,
    asset: U256,
    service: u32,
    datatoken: Address,
}

impl<'a> Seller<'a> {
    async fn find(of: &Service, options: &'a Options, sends: bool) -> Result<Self, CliError> {
        let wallet = if sends { Some(options.wallet()?) } else { None };
        let chain = options.chain(wallet.as_ref()).await?;
        let asset = token_id(&of.asset, &chain.contracts)?;
        let registry = chain.contracts.asset_registry;
        let added = chain.logs::<IAssetRegistry::ServiceAdded>(registry, B256::from(asset)).await?;
        let found = added.into_iter().find(|(_, service)| service.serviceIndex == of.service);
        let datatoken = found.map(|(_, service)| service.datatoken).ok_or_else(|| {
            CliError::Refused(format!(
                "the asset {asset} has no service {}; see what there is with `atoll asset show {asset}`",
                of.service
            ))
        })?;
        Ok(Self { options, chain, asset, service: of.service, datatoken })
    }

    /// Sends one transaction, and waits until the server has heard of it.
    async fn send<C: SolCall>(&self, contract: Address, call: C) -> Result<Vec<B256>, CliError> {
        let receipt = self.chain.send(contract, call, U256::ZERO).await?;
        indexed(self.options, receipt.block_number).await?;
        Ok(vec![receipt.transaction_hash])
    }

    async fn price(&self, command: Price) -> Result<Vec<B256>, CliError> {
        let (market, datatoken) = (self.chain.contracts.market, self.datatoken);
        let sale = self.chain.read(market, IMarket::saleOfCall { datatoken }).await?;
        let token = self.chain.token(command.payment_token.unwrap_or(sale.paymentToken)).await?;
        let price = money::parse(&command.price, token.decimals).map_err(CliError::Input)?;
        let price = services::price(price)?;
        self.send(market, IMarket::setPriceCall { datatoken, paymentToken: token.address, price }).await
    }

    async fn paused(&self, paused: bool) -> Result<Vec<B256>, CliError> {
        self.send(self.chain.contracts.market, IMarket::setPausedCall { datatoken: self.datatoken, paused }).await
    }

    async fn gate(&self, command: Gate) -> Result<Vec<B256>, CliError> {
        let gate = command.gate.unwrap_or_default();
        if !gate.is_zero() && !self.chain.is_contract(gate).await? {
            return Err(CliError::Input(format!(
                "there is no contract at {gate}, so nobody could order any more; give the gate's address, or --none"
            )));
        }
        self.send(self.chain.contracts.orders, IOrders::setGateCall { datatoken: self.datatoken, gate }).await
    }

    async fn members(&self, command: Members) -> Result<Vec<B256>, CliError> {
        let most = command.add.len().max(command.remove.len());
        if most > MOST_MEMBERS {
            return Err(CliError::Input(format!("{most} accounts are too many for one transaction; give at most 200")));
        }
        let (orders, datatoken) = (self.chain.contracts.orders, self.datatoken);
        let list = match command.list {
            Some(list) => list,
            None => self.chain.read(orders, IOrders::gateOfCall { datatoken }).await?,
        };
        if list.is_zero() {
            return Err(CliError::Refused(format!(
                "the service has no gate, so everyone may order; set one with `atoll sale gate {}` first, or give --list",
                self.asset
            )));
        }
        let call = IMemberList::isMemberCall { assetId: self.asset, account: Address::ZERO };
        if self.chain.read(list, call).await.is_err() {
            return Err(CliError::Input(format!("{list} is no member list; give the address of one with --list")));
        }
        let mut sent = Vec::new();
        if !command.add.is_empty() {
            sent.extend(self.send(list, IMemberList::addCall { assetId: self.asset, accounts: command.add }).await?);
        }
        if !command.remove.is_empty() {
            let call = IMemberList::removeCall { assetId: self.asset, accounts: command.remove };
            sent.extend(self.send(list, call).await?);
        }
        Ok(sent)
    }

    async fn free(&self, command: Free) -> Result<Vec<B256>, CliError> {
        let call = IMarket::setFreeLimitsCall {
            datatoken: self.datatoken,
            perWallet: command.per_wallet.unwrap_or(0),
            total: command.total.unwrap_or(0),
        };
        self.send(self.chain.contracts.market, call).await
    }

    async fn referral(&self, command: Referral) -> Result<Vec<B256>, CliError> {
        let call = IMarket::setReferralCall { datatoken: self.datatoken, bps: command.basis_points };
        self.send(self.chain.contracts.market, call).await
    }

    /// How the service is sold, after whatever was sent.
    async fn report(&self, sent: &[B256], out: Output) -> Result<(), CliError> {
        let (chain, datatoken) = (&self.chain, self.datatoken);
        let (market, orders) = (chain.contracts.market, chain.contracts.orders);
        let sale = chain.read(market, IMarket::saleOfCall { datatoken }).await?;
        let free = chain.read(market, IMarket::freeLimitsOfCall { datatoken }).await?;
        let gate = chain.read(orders, IOrders::gateOfCall { datatoken }).await?;
        let provider = chain.read(orders, IOrders::providerOfCall { datatoken }).await?;
        let token = chain.token(sale.paymentToken).await?;
        let price = U256::from(sale.price);
        let some = |limit: u64| (limit != 0).then_some(limit);
        let gate = (!gate.is_zero()).then_some(gate);
        let limits = sale
            .limited
            .then(|| json!({"per_wallet": some(free.perWallet), "total": some(free.total), "taken": free.taken}));
        let words = |limit: u64| some(limit).map_or("any number".to_owned(), |limit| limit.to_string());
        let mut text = format!(
            "datatoken    {datatoken}\nprice        {}{}\ngate         {}\nprovider     {provider}\nreferral     {} of 10,000",
            token.show(price),
            if sale.paused { " (paused)" } else { "" },
            gate.map_or("none: everyone may order".to_owned(), |gate| gate.to_string()),
            sale.referralBps,
        );
        if sale.limited {
            let (each, all) = (words(free.perWallet), words(free.total));
            text.push_str(&format!("\nfor nothing  {each} for each account, {all} in all; {} taken", free.taken));
        }
        for transaction in sent {
            text.push_str(&format!("\ntransaction  {transaction}"));
        }
        out.result(
            &json!({
                "asset": asset_id(self.asset, &chain.contracts), "service": self.service, "datatoken": datatoken,
                "price": amount(price, &token), "paused": sale.paused, "gate": gate, "provider": provider,
                "referral_basis_points": sale.referralBps, "free_limits": limits, "transactions": sent,
            }),
            text,
        );
        Ok(())
    }
}
