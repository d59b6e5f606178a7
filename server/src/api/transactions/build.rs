//! The calls that a request stands for: what the publisher and the provider of an asset do.

use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U96, keccak256},
    sol_types::SolCall,
};
use atoll_protocol::{
    algorithm::Published,
    api::{
        AddService, Approve, AssetState, Cancel, Decimal, Expected, Fulfil, Money, NewService, OrderTerms, Publish,
        Return, SetFreeLimits, SetGate, SetMembers, SetPaused, SetPrice, SetProvider, SetReferral, SetState,
        TransactionRequest, Transfer, UpdateMetadata, Withdraw,
    },
    contracts::{IAssetRegistry, IERC20, IERC721, IMarket, IMemberList, IOrders, Order, Sale, ServiceTerms},
};

use super::{
    super::{
        App,
        problem::{ApiError, Kind},
        publications::canonical_bytes,
    },
    money, or_zero, salt,
};
use crate::{chain::trial::Failed, store::blocks::Block, store::tokens::Token};

/// Most accounts that one transaction adds to a list.
const MOST_MEMBERS: usize = 200;

/// A call, before it was tried out.
pub(super) struct Prepared {
    pub(super) to: Address,
    pub(super) value: U256,
    pub(super) data: Bytes,
    pub(super) description: String,
    pub(super) pays: Option<Money>,
    pub(super) expected: Expected,
    pub(super) returns: Returns,
}

/// What the call answers that the client wants to know.
#[derive(Clone, Copy)]
pub(super) enum Returns {
    Nothing,
    Published,
    Service,
    PaidOrder,
    Orders,
}

impl Prepared {
    pub(super) fn new(to: Address, call: &impl SolCall, description: String, expected: Expected) -> Self {
        let data = call.abi_encode().into();
        Self { to, value: U256::ZERO, data, description, pays: None, expected, returns: Returns::Nothing }
    }

    pub(super) fn returning(self, returns: Returns) -> Self {
        Self { returns, ..self }
    }
}

/// What is needed to build for one request: everything is read after the same block.
pub(super) struct Builder<'a> {
    pub(super) app: &'a App,
    pub(super) head: Block,
    pub(super) from: Address,
}

fn service(datatoken: Address) -> Expected {
    Expected { datatoken: Some(datatoken), ..Expected::default() }
}

fn asset(token_id: Decimal) -> Expected {
    Expected { token_id: Some(token_id), ..Expected::default() }
}

fn price(price: Decimal, pointer: &str) -> Result<U96, ApiError> {
    let detail = "a price is below 2^88 base units; take a smaller one";
    let fits = u128::try_from(price.0).ok().and_then(|price| U96::try_from(price).ok());
    fits.ok_or_else(|| ApiError::field(Kind::InvalidBody, pointer, detail))
}

impl Builder<'_> {
    pub(super) async fn prepare(&self, request: TransactionRequest) -> Result<Prepared, ApiError> {
        use TransactionRequest as R;
        match request {
            R::Publish(request) => self.publish(request).await,
            R::AddService(request) => self.add_service(request).await,
            R::UpdateMetadata(request) => self.update_metadata(&request),
            R::SetPrice(request) => self.set_price(request).await,
            R::SetPaused(request) => Ok(self.set_paused(&request)),
            R::SetState(request) => Ok(self.set_state(&request)),
            R::SetProvider(request) => Ok(self.set_provider(&request)),
            R::SetGate(request) => Ok(self.set_gate(&request)),
            R::SetMembers(request) => self.set_members(request).await,
            R::SetFreeLimits(request) => Ok(self.set_free_limits(&request)),
            R::SetReferral(request) => Ok(self.set_referral(&request)),
            R::Transfer(request) => Ok(self.transfer(&request)),
            R::Approve(request) => self.approve(&request).await,
            R::Buy(request) => self.buy(request).await,
            R::BuyAndOpen(request) => self.buy_and_open(request).await,
            R::Open(request) => self.open(request).await,
            R::Fulfil(request) => self.fulfil(&request).await,
            R::Cancel(request) => self.cancel(&request).await,
            R::Return(request) => self.give_back(&request).await,
            R::Withdraw(request) => self.withdraw(&request).await,
        }
    }

    /// Reads a contract after the block that everything is read after.
    pub(super) async fn view<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return, Failed> {
        self.app.chain.view(contract, call, self.head.number).await
    }

    pub(super) async fn sale(&self, datatoken: Address) -> Result<(Sale, Token), ApiError> {
        let sale = self.view(self.app.deployment.market, IMarket::saleOfCall { datatoken }).await?;
        let token = self.app.chain.token(sale.paymentToken).await?;
        Ok((sale, token))
    }

    /// Seconds after 1970 of the newest block.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.head.at.unix_timestamp()).unwrap_or(0)
    }

    async fn contract_at(&self, address: Address, pointer: &str) -> Result<(), ApiError> {
        match self.app.chain.is_contract(address, self.head.number).await? {
            true => Ok(()),
            false => Err(ApiError::field(Kind::InvalidBody, pointer, format!("there is no contract at {address}"))),
        }
    }

    /// The bytes to publish. The contract would take anything; the catalogue would not show it.
    fn metadata(&self, value: &serde_json::Value) -> Result<(Published, Vec<u8>), ApiError> {
        let bytes = canonical_bytes("/metadata", value)?;
        match Published::parse(&bytes) {
            Ok(document) => Ok((document, bytes)),
            Err(errors) => Err(ApiError::document("/metadata", &errors)),
        }
    }

    async fn terms(&self, service: &NewService) -> Result<(ServiceTerms, String), ApiError> {
        let token = self.app.chain.token(or_zero(service.payment_token)).await?;
        let terms = ServiceTerms {
            provider: service.provider.unwrap_or(self.from),
            paymentToken: token.address,
            price: price(service.price, "/service/price")?,
        };
        let cost = format!("{} base units of {} ({} decimals)", terms.price, token.symbol, token.decimals);
        Ok((terms, cost))
    }

    async fn publish(&self, request: Publish) -> Result<Prepared, ApiError> {
        let (document, metadata) = self.metadata(&request.metadata)?;
        let (terms, cost) = self.terms(&request.service).await?;
        if let Published::Dataset(document) = &document
            && document.atoll.provider.wallet != terms.provider
        {
            let named = document.atoll.provider.wallet;
            let detail = format!(
                "the metadata names the provider {named} and the service {}, so nobody could fulfil an order; name the same",
                terms.provider
            );
            return Err(ApiError::field(Kind::InvalidDocument, "/service/provider", detail));
        }
        let salt = salt(self.app, request.salt)?;
        let expected = Expected {
            salt: Some(salt),
            metadata_hash: Some(keccak256(&metadata)),
            service_index: Some(0),
            ..Expected::default()
        };
        let description =
            format!("Publish the asset “{}” with a service that costs {cost} for each order.", document.name());
        let call = IAssetRegistry::publishCall { salt, metadata: metadata.into(), terms };
        let registry = self.app.deployment.asset_registry;
        Ok(Prepared::new(registry, &call, description, expected).returning(Returns::Published))
    }

    async fn add_service(&self, request: AddService) -> Result<Prepared, ApiError> {
        let (registry, asset_id) = (self.app.deployment.asset_registry, request.token_id.0);
        let index = match request.service_index {
            Some(index) => index,
            None => self.view(registry, IAssetRegistry::servicesOfCall { assetId: asset_id }).await?,
        };
        let (terms, cost) = self.terms(&request.service).await?;
        let description = format!("Add service {index} to asset {asset_id}, which costs {cost} for each order.");
        let call = IAssetRegistry::addServiceCall { assetId: asset_id, serviceIndex: index, terms };
        let expected = Expected { service_index: Some(index), ..asset(request.token_id) };
        Ok(Prepared::new(registry, &call, description, expected).returning(Returns::Service))
    }

    fn update_metadata(&self, request: &UpdateMetadata) -> Result<Prepared, ApiError> {
        let (document, metadata) = self.metadata(&request.metadata)?;
        let description = format!("Publish new metadata of asset {}, named “{}”.", request.token_id, document.name());
        let expected = Expected { metadata_hash: Some(keccak256(&metadata)), ..asset(request.token_id) };
        let call = IAssetRegistry::updateMetadataCall { assetId: request.token_id.0, metadata: metadata.into() };
        Ok(Prepared::new(self.app.deployment.asset_registry, &call, description, expected))
    }

    async fn set_price(&self, request: SetPrice) -> Result<Prepared, ApiError> {
        let datatoken = request.datatoken;
        let token = match request.payment_token {
            Some(address) => self.app.chain.token(address).await?,
            None => self.sale(datatoken).await?.1,
        };
        let price = price(request.price, "/price")?;
        let description = format!(
            "Sell the service {datatoken} for {price} base units of {} ({} decimals) from now on.",
            token.symbol, token.decimals
        );
        let call = IMarket::setPriceCall { datatoken, paymentToken: token.address, price };
        Ok(Prepared::new(self.app.deployment.market, &call, description, service(datatoken)))
    }

    fn set_paused(&self, request: &SetPaused) -> Prepared {
        let SetPaused { datatoken, paused, .. } = *request;
        let description = format!("{} the sale of the service {datatoken}.", if paused { "Stop" } else { "Resume" });
        let call = IMarket::setPausedCall { datatoken, paused };
        Prepared::new(self.app.deployment.market, &call, description, service(datatoken))
    }

    fn set_state(&self, request: &SetState) -> Prepared {
        let (state, words) = match request.state {
            AssetState::Active => (IAssetRegistry::State::Active, "be found and ordered"),
            AssetState::Retired => (IAssetRegistry::State::Retired, "be neither found nor ordered any more"),
            AssetState::Revoked => (IAssetRegistry::State::Revoked, "not be used any more"),
            AssetState::OrderingDisabled => (IAssetRegistry::State::OrderingDisabled, "be found but not ordered"),
            AssetState::Unlisted => (IAssetRegistry::State::Unlisted, "be ordered by who knows it"),
        };
        let description = format!("Let asset {} {words}.", request.token_id);
        let call = IAssetRegistry::setStateCall { assetId: request.token_id.0, newState: state };
        Prepared::new(self.app.deployment.asset_registry, &call, description, asset(request.token_id))
    }

    fn set_provider(&self, request: &SetProvider) -> Prepared {
        let (datatoken, provider) = (request.datatoken, request.provider.unwrap_or(self.from));
        let description = format!("Let {provider} run the service {datatoken} from now on.");
        let call = IOrders::setProviderCall { datatoken, provider };
        Prepared::new(self.app.deployment.orders, &call, description, service(datatoken))
    }

    fn set_gate(&self, request: &SetGate) -> Prepared {
        let datatoken = request.datatoken;
        let description = match request.gate {
            Some(gate) => format!("Let the contract {gate} say who may order the service {datatoken}."),
            None => format!("Let everyone order the service {datatoken}."),
        };
        let call = IOrders::setGateCall { datatoken, gate: or_zero(request.gate) };
        Prepared::new(self.app.deployment.orders, &call, description, service(datatoken))
    }

    async fn set_members(&self, request: SetMembers) -> Result<Prepared, ApiError> {
        let SetMembers { gate, token_id, accounts, member, .. } = request;
        if !(1..=MOST_MEMBERS).contains(&accounts.len()) {
            let detail = format!("1 to {MOST_MEMBERS} accounts at a time");
            return Err(ApiError::field(Kind::InvalidBody, "/accounts", detail));
        }
        self.contract_at(gate, "/gate").await?;
        let count = accounts.len();
        Ok(if member {
            let description = format!("Add {count} accounts to the members of asset {token_id}.");
            Prepared::new(gate, &IMemberList::addCall { assetId: token_id.0, accounts }, description, asset(token_id))
        } else {
            let description = format!("Remove {count} accounts from the members of asset {token_id}.");
            Prepared::new(
                gate,
                &IMemberList::removeCall { assetId: token_id.0, accounts },
                description,
                asset(token_id),
            )
        })
    }

    fn set_free_limits(&self, request: &SetFreeLimits) -> Prepared {
        let words = |limit: Option<u64>| limit.map_or("any number".to_owned(), |limit| limit.to_string());
        let description = format!(
            "While the service {} costs nothing, give {} orders to each account and {} to all together.",
            request.datatoken,
            words(request.per_wallet),
            words(request.total)
        );
        let call = IMarket::setFreeLimitsCall {
            datatoken: request.datatoken,
            perWallet: request.per_wallet.unwrap_or(0),
            total: request.total.unwrap_or(0),
        };
        Prepared::new(self.app.deployment.market, &call, description, service(request.datatoken))
    }

    fn set_referral(&self, request: &SetReferral) -> Prepared {
        let SetReferral { datatoken, basis_points, .. } = *request;
        let description = format!("Give {basis_points}/10,000 of the price of the service {datatoken} to referrers.");
        let call = IMarket::setReferralCall { datatoken, bps: basis_points };
        Prepared::new(self.app.deployment.market, &call, description, service(datatoken))
    }

    fn transfer(&self, request: &Transfer) -> Prepared {
        let Transfer { token_id, to, .. } = *request;
        let description = format!("Give asset {token_id}, with all rights and income, to {to}.");
        let call = IERC721::transferFromCall { from: self.from, to, tokenId: token_id.0 };
        Prepared::new(self.app.deployment.asset_registry, &call, description, asset(token_id))
    }

    async fn approve(&self, request: &Approve) -> Result<Prepared, ApiError> {
        self.contract_at(request.token, "/token").await?;
        let token = self.app.chain.token(request.token).await?;
        let spender = self.app.deployment.market;
        let description = format!(
            "Let the market take up to {} base units of {} ({} decimals) when this account buys.",
            request.value, token.symbol, token.decimals
        );
        let call = IERC20::approveCall { spender, value: request.value.0 };
        Ok(Prepared::new(request.token, &call, description, Expected::default()))
    }

    /// The order, as the contract knows it, and what a transaction about it is about.
    async fn order(&self, terms: &OrderTerms) -> Result<(Order, B256, Expected), ApiError> {
        let order =
            Order::try_from(terms).map_err(|error| ApiError::field(Kind::InvalidBody, "/order", error.to_string()))?;
        let id = self.view(self.app.deployment.orders, IOrders::orderIdOfCall { order: order.clone() }).await?;
        let expected = Expected {
            token_id: Some(order.assetId.into()),
            datatoken: Some(order.datatoken),
            orders: vec![id],
            ..Expected::default()
        };
        Ok((order, id, expected))
    }

    async fn fulfil(&self, request: &Fulfil) -> Result<Prepared, ApiError> {
        let (order, id, expected) = self.order(&request.order).await?;
        let description = format!("Fulfil the order {id}; its publisher is paid.");
        let call = IOrders::fulfilCall { order, receiptHash: request.receipt_hash };
        Ok(Prepared::new(self.app.deployment.orders, &call, description, expected))
    }

    async fn cancel(&self, request: &Cancel) -> Result<Prepared, ApiError> {
        let (order, id, expected) = self.order(&request.order).await?;
        let description = format!("Cancel the order {id}; its consumer gets back what is held.");
        let call = IOrders::cancelCall { order, reason: request.reason.unwrap_or_default() };
        Ok(Prepared::new(self.app.deployment.orders, &call, description, expected))
    }

    async fn give_back(&self, request: &Return) -> Result<Prepared, ApiError> {
        let (order, id, expected) = self.order(&request.order).await?;
        let description = format!("Give back what is held for the order {id}, whose deadline has passed.");
        let call = IOrders::returnExpiredCall { order };
        Ok(Prepared::new(self.app.deployment.orders, &call, description, expected))
    }

    async fn withdraw(&self, request: &Withdraw) -> Result<Prepared, ApiError> {
        let (market, account) = (self.app.deployment.market, self.from);
        let earned = self.view(market, IMarket::earningsOfCall { token: request.token, account }).await?;
        let token = self.app.chain.token(request.token).await?;
        let sum = money(&token, earned);
        let description = format!(
            "Take out {} base units of {} ({} decimals) that were earned.",
            sum.amount, sum.symbol, sum.decimals
        );
        let call = IMarket::withdrawCall { token: request.token };
        Ok(Prepared::new(market, &call, description, Expected::default()))
    }
}
