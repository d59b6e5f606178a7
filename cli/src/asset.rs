//! `atoll asset`: an asset as a whole, after it was published: its state, its document, its services, its owner.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256, keccak256};
use atoll_protocol::{
    api::AssetState,
    contracts::{IAssetRegistry, IERC721},
    document::{AssetDocument, ServiceOffer},
    ids::AssetId,
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    chain::Chain,
    error::CliError,
    offer,
    options::{Options, asset_id, indexed, token_id},
    output::{Output, printable},
    services::{self, Services},
};

mod history;

/// Look at your asset, or change it.
#[derive(Subcommand, Debug)]
pub(crate) enum Asset {
    /// The asset with its services; its document to a file
    Show(Show),
    /// What happened to it
    History(history::History),
    /// What was ordered, earned and computed
    Statistics(history::Statistics),
    /// List, unlist, close or retire it
    State(State),
    /// Publish a changed document: description, licence, policy
    Metadata(Metadata),
    /// Sell something more of it
    AddService(AddService),
    /// Give it away, with all rights and income
    Transfer(Transfer),
}

/// Show an asset.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset show 42 --out document.json")]
pub(crate) struct Show {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// Write its document to this file, to be changed and published with `atoll asset metadata`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Say whether an asset is found and ordered.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset state 42 ordering_disabled")]
pub(crate) struct State {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// active, unlisted (ordered by who knows it), ordering_disabled (found, not ordered), retired or revoked
    #[arg(value_parser = state)]
    state: AssetState,
}

/// Publish a changed document of an asset.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset metadata 42 --document document.json")]
pub(crate) struct Metadata {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// The document, as `atoll asset show --out` writes it
    #[arg(long, value_name = "FILE")]
    document: PathBuf,
}

/// Sell something more of an asset: jobs, or the data themselves.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll asset add-service 42 --download 20 --payment-token 0x0000000000000000000000000000000000000000"
)]
pub(crate) struct AddService {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    #[command(flatten)]
    services: Services,
    /// ERC-20 that pays; the zero address for ether
    #[arg(long, value_name = "ADDRESS")]
    payment_token: Address,
}

/// Give an asset to another account.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll asset transfer 42 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]
pub(crate) struct Transfer {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// The new owner, who gets all rights and all income from then on
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
}

impl Asset {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Show(command) => command.run(options, out).await,
            Self::History(command) => command.run(options, out).await,
            Self::Statistics(command) => command.run(options, out).await,
            Self::State(command) => command.run(options, out).await,
            Self::Metadata(command) => command.run(options, out).await,
            Self::AddService(command) => command.run(options, out).await,
            Self::Transfer(command) => command.run(options, out).await,
        }
    }
}

impl Show {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let chain = options.chain(None).await?;
        let id = asset_id(token_id(&self.asset, &chain.contracts)?, &chain.contracts);
        let (asset, document) = offer::described(&options.client()?, &chain, id.token_id).await?;
        let owner = chain.read(id.registry, IERC721::ownerOfCall { tokenId: id.token_id }).await?;
        if let Some(path) = &self.out {
            let text = serde_json::to_vec_pretty(&document).map_err(|error| CliError::Input(error.to_string()))?;
            std::fs::write(path, text).map_err(CliError::writing(path))?;
        }
        let services: Vec<_> = asset
            .services
            .iter()
            .map(|service| json!({"offer": document.service(service.service_index), "service": service}))
            .collect();
        let mut text = format!("asset      {id}\nname       {}\nowner      {owner}", printable(&document.name));
        for service in &asset.services {
            let what = match document.service(service.service_index) {
                ServiceOffer::Compute { .. } => "compute",
                ServiceOffer::Download { .. } => "download",
            };
            text.push_str(&format!("\nservice {}  {what}, datatoken {}", service.service_index, service.datatoken));
        }
        out.result(
            &json!({
                "asset": id, "owner": owner, "state": asset.state, "metadata_hash": asset.metadata_hash,
                "services": services, "document": document, "file": self.out,
            }),
            text,
        );
        Ok(())
    }
}

impl State {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let new_state = match self.state {
            AssetState::Active => IAssetRegistry::State::Active,
            AssetState::Retired => IAssetRegistry::State::Retired,
            AssetState::Revoked => IAssetRegistry::State::Revoked,
            AssetState::OrderingDisabled => IAssetRegistry::State::OrderingDisabled,
            AssetState::Unlisted => IAssetRegistry::State::Unlisted,
        };
        let (chain, id) = owned(&self.asset, options).await?;
        let call = IAssetRegistry::setStateCall { assetId: id.token_id, newState: new_state };
        let receipt = chain.send(id.registry, call, U256::ZERO).await?;
        indexed(options, receipt.block_number).await?;
        let transaction = receipt.transaction_hash;
        out.result(
            &json!({"asset": id, "state": self.state, "transaction": transaction}),
            format!("asset        {id}\nstate        {}\ntransaction  {transaction}", json!(self.state)),
        );
        Ok(())
    }
}

impl Metadata {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let text = std::fs::read(&self.document).map_err(CliError::reading(&self.document))?;
        let document = AssetDocument::parse(&text).map_err(CliError::Document)?;
        let (chain, id) = owned(&self.asset, options).await?;
        let (_, current) = offer::described(&options.client()?, &chain, id.token_id).await?;
        let (old, new) = (&current.atoll, &document.atoll);
        if new.content != old.content || new.provider != old.provider {
            return Err(CliError::Input(
                "the document changes the content or the provider, and nobody could open the data any more; another provider is \
                 named with `atoll rewrap`, and other data are another asset"
                    .into(),
            ));
        }
        let (metadata_hash, transaction) = publish(&chain, &id, &document, options).await?;
        out.result(
            &json!({"asset": id, "metadata_hash": metadata_hash, "transaction": transaction}),
            format!("asset        {id}\nmetadata     {metadata_hash}\ntransaction  {transaction}"),
        );
        Ok(())
    }
}

impl AddService {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let (chain, id) = owned(&self.asset, options).await?;
        let (_, mut document) = offer::described(&options.client()?, &chain, id.token_id).await?;
        let there = chain.read(id.registry, IAssetRegistry::servicesOfCall { assetId: id.token_id }).await?;
        let token = chain.token(self.payment_token).await?;
        let mut planned = self.services.planned(&token)?;
        for service in &mut planned {
            service.offer = numbered(service.offer, there + service.offer.service_index());
        }
        let offers: Vec<_> =
            (0..there).map(|index| document.service(index)).chain(planned.iter().map(|one| one.offer)).collect();
        let declared = services::declared(&offers);
        let mut sent = Vec::new();
        // What a number sells is declared before anybody can buy it.
        if declared != document.atoll.services {
            document.atoll.services = declared;
            sent.push(publish(&chain, &id, &document, options).await?.1);
        }
        let provider = document.atoll.provider.clone();
        services::add_missing(&chain, id.token_id, &planned, &provider, &token).await?;
        let added = chain.logs::<IAssetRegistry::ServiceAdded>(id.registry, B256::from(id.token_id)).await?;
        let new: Vec<_> = added.iter().filter(|(_, service)| service.serviceIndex >= there).collect();
        indexed(options, new.iter().filter_map(|(log, _)| log.block_number).max()).await?;
        sent.extend(new.iter().filter_map(|(log, _)| log.transaction_hash));
        let rows: Vec<_> =
            new.iter().map(|(_, one)| json!({"service": one.serviceIndex, "datatoken": one.datatoken})).collect();
        let text: String =
            new.iter().map(|(_, one)| format!("\nservice {}  datatoken {}", one.serviceIndex, one.datatoken)).collect();
        out.result(&json!({"asset": id, "added": rows, "transactions": sent}), format!("asset      {id}{text}"));
        Ok(())
    }
}

impl Transfer {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let (chain, id) = owned(&self.asset, options).await?;
        let from = options.wallet()?.address();
        let call = IERC721::transferFromCall { from, to: self.to, tokenId: id.token_id };
        let receipt = chain.send(id.registry, call, U256::ZERO).await?;
        indexed(options, receipt.block_number).await?;
        let transaction = receipt.transaction_hash;
        out.note("The services stay with their provider until the new owner names another with `atoll rewrap`.");
        out.result(
            &json!({"asset": id, "from": from, "to": self.to, "transaction": transaction}),
            format!("asset        {id}\nowner        {}\ntransaction  {transaction}", self.to),
        );
        Ok(())
    }
}

/// The chain, able to send, and the asset, if it is this wallet's.
pub(crate) async fn owned(asset: &str, options: &Options) -> Result<(Chain, AssetId), CliError> {
    let wallet = options.wallet()?;
    let chain = options.chain(Some(&wallet)).await?;
    let id = asset_id(token_id(asset, &chain.contracts)?, &chain.contracts);
    let owner = chain.read(id.registry, IERC721::ownerOfCall { tokenId: id.token_id }).await?;
    if owner == wallet.address() {
        return Ok((chain, id));
    }
    Err(CliError::Refused(format!(
        "{id} belongs to {owner}, and only its owner can change it; use that wallet's --home"
    )))
}

/// Publishes a document; gives its hash and the transaction.
async fn publish(
    chain: &Chain,
    id: &AssetId,
    document: &AssetDocument,
    options: &Options,
) -> Result<(B256, B256), CliError> {
    let metadata = document.to_bytes().map_err(|error| CliError::Input(error.to_string()))?;
    AssetDocument::parse(&metadata).map_err(CliError::Document)?;
    let hash = keccak256(&metadata);
    let call = IAssetRegistry::updateMetadataCall { assetId: id.token_id, metadata: metadata.into() };
    let receipt = chain.send(id.registry, call, U256::ZERO).await?;
    indexed(options, receipt.block_number).await?;
    Ok((hash, receipt.transaction_hash))
}

fn numbered(offer: ServiceOffer, service_index: u32) -> ServiceOffer {
    match offer {
        ServiceOffer::Compute { .. } => ServiceOffer::Compute { service_index },
        ServiceOffer::Download { valid_for_seconds, .. } => ServiceOffer::Download { service_index, valid_for_seconds },
    }
}

fn state(text: &str) -> Result<AssetState, String> {
    serde_json::from_value(json!(text))
        .map_err(|_| "use active, unlisted, ordering_disabled, retired or revoked".to_owned())
}
