//! `atoll rewrap`: another provider for an asset. The content key is unwrapped here and wrapped to the new provider, and the
//! new metadata are published; the ciphertext stays where and what it is.

use std::{path::PathBuf, time::Duration};

use alloy::primitives::{Address, B256, U256, keccak256};
use atoll_compute::client::Client;
use atoll_protocol::{
    contracts::{IAssetRegistry, IERC721, IOrders},
    document::{AssetDocument, Provider},
    envelope::{Context, PublicKey, SecretKey, key_wrap},
    ids::AssetId,
};
use clap::Args;
use serde_json::json;

use crate::{
    chain::Chain,
    error::CliError,
    keys, offer,
    options::{Options, asset_id, token_id},
    output::Output,
    publish::provider_key_is_current,
};

/// How long the server may take to show what is mined.
const INDEXING_TIMEOUT: Duration = Duration::from_secs(60);

/// Give an asset another provider without encrypting it again.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll rewrap 42 --provider-wallet 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 \\\n      --provider-key 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub(crate) struct Rewrap {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// Wallet of the new provider
    #[arg(long, value_name = "ADDRESS", requires = "provider_key", required_unless_present = "document")]
    provider_wallet: Option<Address>,
    /// X25519 public key of the new provider
    #[arg(long, value_name = "KEY", requires = "provider_wallet")]
    provider_key: Option<B256>,
    /// Write the new metadata to this file for the publisher, and publish nothing
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    out: Option<PathBuf>,
    /// Publish the metadata that a provider wrote with --out
    #[arg(long, value_name = "FILE", conflicts_with = "provider_wallet")]
    document: Option<PathBuf>,
}

impl Rewrap {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let chain = options.chain(Some(&wallet)).await?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let id = asset_id(token_id(&self.asset, &chain.contracts)?, &chain.contracts);
        let owner = chain.read(id.registry, IERC721::ownerOfCall { tokenId: id.token_id }).await?;
        let publishes = owner == wallet.address();
        if !publishes && self.out.is_none() {
            return Err(CliError::Refused(format!(
                "only the publisher {owner} can publish metadata of {id}; write them for it with --out FILE, to be published \
                 with `atoll rewrap {id} --document FILE`"
            )));
        }
        let (_, current) = offer::described(&client, &chain, id.token_id).await?;
        let document = match (&self.document, self.provider_wallet, self.provider_key) {
            (None, Some(wallet), Some(public_key)) => {
                let provider = Provider { wallet, public_key };
                provider_key_is_current(&client, &provider, out).await?;
                let identity = keys::identity(&options.home()?)?;
                rewrapped(&current, &id, &identity, provider, publishes)?
            }
            (Some(path), ..) => {
                let bytes = std::fs::read(path).map_err(CliError::reading(path))?;
                let document = AssetDocument::parse(&bytes).map_err(CliError::Document)?;
                differs_only_in_provider(&current, &document)?;
                document
            }
            _ => return Err(CliError::Usage("give --provider-wallet and --provider-key".into())),
        };
        let metadata = document.to_bytes().map_err(|error| CliError::Input(error.to_string()))?;
        AssetDocument::parse(&metadata).map_err(CliError::Document)?;
        if let Some(path) = &self.out {
            std::fs::write(path, &metadata).map_err(CliError::writing(path))?;
            out.result(
                &json!({"asset": id, "document": path, "metadata_hash": keccak256(&metadata)}),
                format!(
                    "document  {}\nthe publisher goes on with:  atoll rewrap {id} --document {}",
                    path.display(),
                    path.display()
                ),
            );
            return Ok(());
        }
        publish(&chain, &client, &id, &current, &document, metadata, out).await
    }
}

/// The document with the content key wrapped to another provider. Whoever could open the content before still can, but for
/// the old provider.
fn rewrapped(
    current: &AssetDocument,
    asset: &AssetId,
    identity: &SecretKey,
    provider: Provider,
    publishes: bool,
) -> Result<AssetDocument, CliError> {
    let (content, old) = (&current.atoll.content, &current.atoll.provider);
    let (own, new) = (identity.public_key(), PublicKey(provider.public_key));
    let context = Context::of_content(asset, content.version);
    let wrapped = content.keys.iter().find(|key| key.recipient == own.0).ok_or_else(|| {
        CliError::Refused(format!(
            "the content key is not wrapped to this home's identity {}; use the --home of the publisher or of the provider {}",
            own.0, old.wallet
        ))
    })?;
    let key = key_wrap::unwrap(identity, &context, wrapped).map_err(|_| {
        CliError::Unverified("the content key in the metadata does not open with this home's identity".into())
    })?;
    let mut document = current.clone();
    let keys = &mut document.atoll.content.keys;
    // The publisher keeps its own way to the content, also where it was the provider.
    keys.retain(|key| {
        let own_copy = publishes && key.recipient == own.0;
        key.recipient != new.0 && (own_copy || key.recipient != old.public_key)
    });
    keys.insert(0, key_wrap::wrap(&new, &context, &key)?);
    document.atoll.provider = provider;
    Ok(document)
}

/// Refuses a document that changes anything else.
fn differs_only_in_provider(current: &AssetDocument, new: &AssetDocument) -> Result<(), CliError> {
    let mut same = new.clone();
    same.atoll.provider = current.atoll.provider.clone();
    same.atoll.content.keys = current.atoll.content.keys.clone();
    if same == *current {
        return Ok(());
    }
    Err(CliError::Input(
        "the document changes more than the provider and its key, or is of an older version; have it written again with `atoll \
         rewrap --out`"
            .into(),
    ))
}

/// Publishes the document, and names the provider to the market for each service. What is done already is not done again.
async fn publish(
    chain: &Chain,
    client: &Client,
    id: &AssetId,
    current: &AssetDocument,
    document: &AssetDocument,
    metadata: Vec<u8>,
    out: Output,
) -> Result<(), CliError> {
    let (registry, orders, provider) = (id.registry, chain.contracts.orders, &document.atoll.provider);
    let mut transactions = Vec::new();
    // Another wrapping of the same key to the same provider is no change.
    let metadata_hash = if current.atoll.provider == *provider {
        chain.read(registry, IAssetRegistry::metadataHashOfCall { assetId: id.token_id }).await?
    } else {
        let hash = keccak256(&metadata);
        let call = IAssetRegistry::updateMetadataCall { assetId: id.token_id, metadata: metadata.into() };
        transactions.push(chain.send(registry, call, U256::ZERO).await?.transaction_hash);
        hash
    };
    let services = chain.logs::<IAssetRegistry::ServiceAdded>(registry, B256::from(id.token_id)).await?;
    for (_, service) in services {
        let datatoken = service.datatoken;
        if chain.read(orders, IOrders::providerOfCall { datatoken }).await? != provider.wallet {
            let call = IOrders::setProviderCall { datatoken, provider: provider.wallet };
            transactions.push(chain.send(orders, call, U256::ZERO).await?.transaction_hash);
        }
    }
    shown(client, id, metadata_hash, provider.wallet).await?;
    let content = document.atoll.content.ciphertext_sha256;
    out.result(
        &json!({
            "asset": id, "provider": provider.wallet, "provider_key": provider.public_key, "metadata_hash": metadata_hash,
            "ciphertext_sha256": content, "transactions": transactions,
        }),
        format!("asset     {id}\nprovider  {}\nmetadata  {metadata_hash}\ncontent   {content}, unchanged", provider.wallet),
    );
    Ok(())
}

/// Waits until the server shows the metadata and the provider.
async fn shown(client: &Client, id: &AssetId, metadata_hash: B256, provider: Address) -> Result<(), CliError> {
    let start = tokio::time::Instant::now();
    loop {
        let asset = client.asset(id.token_id).await?;
        let all = asset.services.iter().all(|service| service.provider == provider);
        if asset.metadata_hash == metadata_hash && all {
            return Ok(());
        }
        if start.elapsed() > INDEXING_TIMEOUT {
            return Err(CliError::Refused(format!(
                "the new provider is published, but the server does not show it after {} s; look again later with `atoll \
                 search`. There is no need to publish again",
                INDEXING_TIMEOUT.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
