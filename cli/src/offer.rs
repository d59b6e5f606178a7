//! An asset that somebody wants to order: its document and its sale, held against the chain, because the server that
//! shows them is not trusted.

use std::ops::Deref;

use alloy::primitives::{Address, U256};
use atoll_compute::client::Client;
use atoll_protocol::{
    algorithm::{Authored, Published},
    api, canonical,
    contracts::{IAssetRegistry, IERC721, IGate, IMarket, IOrders, Sale},
    document::{AssetDocument, ServiceKind, ServiceOffer},
    ids::AssetId,
    job::{Cost, Declared, Further, JobSpec},
};

use crate::{
    chain::{Chain, ChainError, Token},
    error::CliError,
    options::token_id,
    reverts,
};

/// A service of an asset, as it is sold.
pub(crate) struct Sold {
    /// The asset as the server shows it.
    pub(crate) asset: api::Asset,
    /// The service's datatoken.
    pub(crate) datatoken: Address,
    /// Who runs it, from the chain.
    pub(crate) provider: Address,
    /// The contract that says who may order it, from the chain; zero if everyone may.
    pub(crate) gate: Address,
    /// Its sale, from the chain.
    pub(crate) sale: Sale,
    /// What it is paid in.
    pub(crate) token: Token,
    /// Whether the asset takes orders.
    pub(crate) orderable: bool,
}

/// A data set that is offered.
pub(crate) struct Offer {
    /// The service of the kind that is looked for.
    pub(crate) sold: Sold,
    /// The asset's document, whose hash is on chain.
    pub(crate) document: AssetDocument,
    /// What the document says of the service.
    pub(crate) service: ServiceOffer,
}

/// An offer is looked at as what is sold far more often than as anything else.
impl Deref for Offer {
    type Target = Sold;

    fn deref(&self) -> &Sold {
        &self.sold
    }
}

/// What a job uses beside its data set.
pub(crate) struct FurtherOffers {
    /// Data sets that it joins.
    pub(crate) joined: Vec<Offer>,
    /// The algorithm that it is.
    pub(crate) algorithm: Option<(Sold, Authored)>,
}

impl FurtherOffers {
    /// The services that are to be ordered, in the spec's order.
    pub(crate) fn sold(&self) -> impl Iterator<Item = &Sold> {
        self.joined.iter().map(|offer| &offer.sold).chain(self.algorithm.iter().map(|(sold, _)| sold))
    }
}

/// Looks up what a job of this provider uses beside its data set.
pub(crate) async fn further(
    client: &Client,
    chain: &Chain,
    spec: &Declared,
    provider: Address,
) -> Result<FurtherOffers, CliError> {
    let Some(spec) = spec.model() else { return Ok(FurtherOffers { joined: Vec::new(), algorithm: None }) };
    let mut joined = Vec::with_capacity(spec.data.joined.len());
    for other in &spec.data.joined {
        joined.push(find(client, chain, own_id(other.asset, chain)?, ServiceKind::Compute).await?);
    }
    let algorithm = match spec.algorithm {
        None => None,
        Some(used) => Some(algorithm(client, chain, own_id(used.asset, chain)?, provider).await?),
    };
    Ok(FurtherOffers { joined, algorithm })
}

fn own_id(asset: AssetId, chain: &Chain) -> Result<U256, CliError> {
    token_id(&asset.to_string(), &chain.contracts)
}

/// An algorithm, and its first service that a provider runs.
async fn algorithm(
    client: &Client,
    chain: &Chain,
    token_id: U256,
    provider: Address,
) -> Result<(Sold, Authored), CliError> {
    let (asset, document) = published(client, chain, token_id).await?;
    let document = document.algorithm().ok_or_else(|| {
        CliError::Input(format!("the asset {token_id} is no algorithm; correct `algorithm` in the spec"))
    })?;
    let registry = chain.contracts.asset_registry;
    let author = chain.read(registry, IERC721::ownerOfCall { tokenId: token_id }).await?;
    for index in asset.services.iter().map(|service| service.service_index).collect::<Vec<_>>() {
        let sold = sold(chain, asset.clone(), index).await?;
        if sold.provider == provider {
            return Ok((sold, Authored { document, author }));
        }
    }
    Err(CliError::Refused(format!(
        "the algorithm {token_id} is not sold for jobs of the provider {provider}; ask its author {author} to add it with \
         `atoll algorithm offer`. Nothing was spent"
    )))
}

/// Looks an asset up with its first service of a kind, and holds both against the chain.
pub(crate) async fn find(client: &Client, chain: &Chain, token_id: U256, kind: ServiceKind) -> Result<Offer, CliError> {
    let (asset, document) = described(client, chain, token_id).await?;
    let registry = chain.contracts.asset_registry;
    let services = chain.read(registry, IAssetRegistry::servicesOfCall { assetId: token_id }).await?;
    let service = (0..services).map(|index| document.service(index)).find(|service| service.kind() == kind);
    let service = service.ok_or_else(|| {
        let (missing, instead) = match kind {
            ServiceKind::Compute => ("computation", "download the data with `atoll download`"),
            ServiceKind::Download => ("download", "compute on it with `atoll buy`"),
        };
        CliError::Refused(format!("the asset {token_id} sells no {missing}; {instead}. Nothing was spent"))
    })?;
    let sold = sold(chain, asset, service.service_index()).await?;
    Ok(Offer { sold, document, service })
}

/// A service of an asset, as the chain says that it is sold.
async fn sold(chain: &Chain, asset: api::Asset, service_index: u32) -> Result<Sold, CliError> {
    let datatoken = datatoken(chain, &asset, service_index).await?;
    let (orders, registry) = (chain.contracts.orders, chain.contracts.asset_registry);
    let provider = chain.read(orders, IOrders::providerOfCall { datatoken }).await?;
    let gate = chain.read(orders, IOrders::gateOfCall { datatoken }).await?;
    let sale = chain.read(chain.contracts.market, IMarket::saleOfCall { datatoken }).await?;
    let call = IAssetRegistry::orderingCall { assetId: asset.id.token_id };
    let orderable = chain.read(registry, call).await?.orderable;
    let token = chain.token(sale.paymentToken).await?;
    Ok(Sold { asset, datatoken, provider, gate, sale, token, orderable })
}

/// A data set with its document, held against the chain.
pub(crate) async fn described(
    client: &Client,
    chain: &Chain,
    token_id: U256,
) -> Result<(api::Asset, AssetDocument), CliError> {
    let (asset, document) = published(client, chain, token_id).await?;
    let document = document.dataset().ok_or_else(|| {
        CliError::Input(format!("the asset {token_id} is an algorithm and no data set; see `atoll algorithm --help`"))
    })?;
    Ok((asset, document))
}

/// An asset with its document, held against the chain.
pub(crate) async fn published(
    client: &Client,
    chain: &Chain,
    token_id: U256,
) -> Result<(api::Asset, Published), CliError> {
    let asset = client.asset(token_id).await.map_err(|error| match error.status() {
        Some(404) => CliError::Refused(format!("the server knows no asset {token_id}; find one with `atoll search`")),
        _ => error.into(),
    })?;
    let registry = chain.contracts.asset_registry;
    let on_chain = match chain.read(registry, IAssetRegistry::metadataHashOfCall { assetId: token_id }).await {
        Err(ChainError::Reverted { data, .. }) if reverts::is_nonexistent(&data, token_id) => {
            return Err(CliError::Unverified(format!(
                "the server shows asset {token_id} and the chain has none of that id; use another --server"
            )));
        }
        other => other?,
    };
    let bytes =
        asset.metadata.read::<serde_json::Value>().and_then(|document| canonical::to_bytes(&document)).map_err(
            |error| CliError::Unverified(format!("the server's metadata can not be written as JSON: {error}")),
        )?;
    if alloy::primitives::keccak256(&bytes) != on_chain {
        return Err(CliError::Unverified(
            "the server's metadata is not what the publisher put on chain; if it was updated just now try again in a few \
             seconds, otherwise use another --server"
                .into(),
        ));
    }
    let document = Published::parse(&bytes).map_err(CliError::Document)?;
    Ok((asset, document))
}

/// The datatoken of an asset's service: as the server shows it, if the registry says the same. There is one service of a
/// number only.
async fn datatoken(chain: &Chain, asset: &api::Asset, index: u32) -> Result<Address, CliError> {
    let unverified = || {
        CliError::Unverified(format!(
            "the server's datatoken for asset {} is not what the registry knows; use another --server",
            asset.token_id
        ))
    };
    let shown = asset.services.iter().find(|service| service.service_index == index).ok_or_else(unverified)?;
    let datatoken = shown.datatoken;
    let call = IAssetRegistry::serviceOfCall { datatoken };
    let service = match chain.read(chain.contracts.asset_registry, call).await {
        Err(ChainError::Reverted { .. }) => return Err(unverified()),
        other => other?,
    };
    let same = service.assetId == asset.id.token_id && service.serviceIndex == index;
    if same { Ok(datatoken) } else { Err(unverified()) }
}

impl Offer {
    /// Checks a spec against the document, and that it is meant for this asset.
    pub(crate) fn check(&self, spec: &Declared, further: &FurtherOffers) -> Result<Cost, CliError> {
        if spec.asset() != self.asset.id {
            return Err(CliError::Input(format!(
                "the spec names the asset {} and not {}; set `{}` to the latter",
                spec.asset(),
                self.asset.id,
                spec.asset_pointer().trim_start_matches('/').replace('/', ".")
            )));
        }
        let further = Further {
            joined: further.joined.iter().map(|offer| offer.document.clone()).collect(),
            algorithm: further.algorithm.as_ref().map(|(_, authored)| authored.clone()),
        };
        spec.check_with(&self.document, &further).map_err(CliError::Spec)
    }

    /// Refuses what the provider would refuse after the money has moved.
    pub(crate) fn admits(&self, consumer: Address) -> Result<(), CliError> {
        self.sold.takes_orders()?;
        let policy = &self.document.atoll.policy;
        if policy.deny.contains(&consumer) || policy.allow.as_ref().is_some_and(|allow| !allow.contains(&consumer)) {
            return Err(CliError::Refused(format!(
                "the publisher's policy does not admit {consumer}; ask the publisher to be admitted. Nothing was spent"
            )));
        }
        if self.document.atoll.provider.wallet != self.provider {
            return Err(CliError::Refused(format!(
                "the metadata names the provider {} and the market {}, so nobody could fulfil an order; ask the publisher to \
                 update one of them. Nothing was spent",
                self.document.atoll.provider.wallet, self.provider
            )));
        }
        Ok(())
    }

    /// Refuses if nobody would do the work now.
    pub(crate) async fn provider_is_online(&self, client: &Client) -> Result<(), CliError> {
        let wallet = self.provider;
        let why = match client.provider(wallet).await {
            Ok(provider) if !provider.online => {
                format!("was last heard of at {}", reverts::moment(provider.seen_at.unix_timestamp().unsigned_abs()))
            }
            Ok(provider) if provider.status.public_key != self.document.atoll.provider.public_key => {
                "runs with another key than the one that the data is sealed to".to_owned()
            }
            Ok(provider) if provider.status.sandbox.is_empty() => "can not seal a worker on its machine".to_owned(),
            Ok(_) => return Ok(()),
            Err(error) if error.status() == Some(404) => "has never been online".to_owned(),
            Err(error) => return Err(error.into()),
        };
        Err(CliError::Refused(format!(
            "the provider {wallet} {why}, so nobody would do the work now; try again later, or order anyway with \
             --even-if-offline (the stake comes back after the order's deadline). Nothing was spent"
        )))
    }
}

impl Sold {
    /// The price of one order, in base units.
    pub(crate) fn price(&self) -> U256 {
        U256::from(self.sale.price)
    }

    /// True if it is the data themselves that are sold.
    pub(crate) fn is_download(&self) -> bool {
        let mut services = self.asset.services.iter();
        services.any(|service| service.datatoken == self.datatoken && service.kind == ServiceKind::Download)
    }

    /// Refuses if the asset is closed for orders.
    pub(crate) fn takes_orders(&self) -> Result<(), CliError> {
        if self.orderable {
            return Ok(());
        }
        Err(CliError::Refused(format!(
            "the publisher has closed the asset {} for orders; choose another with `atoll search`",
            self.asset.id
        )))
    }

    /// Refuses where the service's gate would refuse the order. Who may not order may still hold datatokens.
    pub(crate) async fn gate_admits(&self, chain: &Chain, consumer: Address) -> Result<(), CliError> {
        if self.gate.is_zero() {
            return Ok(());
        }
        let call = IGate::mayOrderCall { datatoken: self.datatoken, assetId: self.asset.id.token_id, consumer };
        // As `Orders` asks it: what a gate answers to others is no promise.
        match chain.read_as(chain.contracts.orders, self.gate, call).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(ChainError::Reverted { .. }) => Err(CliError::Refused(format!(
                "this service is ordered by admitted accounts only, and its gate {} does not admit {consumer}; ask the \
                 publisher {} to be admitted. Nothing was spent",
                self.gate, self.asset.publisher
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses more than what is given away while the service costs nothing.
    pub(crate) async fn gives(&self, chain: &Chain, account: Address, count: u64) -> Result<(), CliError> {
        if !self.sale.limited || !self.price().is_zero() {
            return Ok(());
        }
        let (market, datatoken) = (chain.contracts.market, self.datatoken);
        let free = chain.read(market, IMarket::freeLimitsOfCall { datatoken }).await?;
        let own = chain.read(market, IMarket::takenFreeByCall { datatoken, account }).await?;
        let beyond = |taken: u64, limit: u64| limit != 0 && taken.checked_add(count).is_none_or(|all| all > limit);
        let refusal = if beyond(own, free.perWallet) {
            reverts::wallet_limit(account, U256::from(own), U256::from(free.perWallet))
        } else if beyond(free.taken, free.total) {
            reverts::total_limit(U256::from(free.taken), U256::from(free.total))
        } else {
            return Ok(());
        };
        Err(CliError::Refused(format!("{refusal}. Nothing was spent")))
    }
}

/// Reads a spec file: its JSON, which is what is hashed and sent, and what it says.
pub(crate) fn read_spec(path: &std::path::Path) -> Result<(serde_json::Value, Declared), CliError> {
    let text = std::fs::read(path).map_err(CliError::reading(path))?;
    let value: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| CliError::Input(format!("{} is not JSON: {error}; correct it", path.display())))?;
    let spec = Declared::parse(&value).map_err(CliError::Spec)?;
    Ok((value, spec))
}

/// Reads a spec file that has to be of a model.
pub(crate) fn read_model_spec(path: &std::path::Path) -> Result<(serde_json::Value, JobSpec), CliError> {
    match read_spec(path)? {
        (value, Declared::Model(spec)) => Ok((value, *spec)),
        (_, Declared::Statistics(_)) => {
            Err(CliError::Input(format!("{} asks for statistics and trains no model", path.display())))
        }
    }
}
