//! `atoll publish`: check the table, seal it, upload the ciphertext, publish the asset in one transaction.

use std::{path::PathBuf, time::Duration};

use alloy::{
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolValue,
};
use atoll_compute::client::Client;
use atoll_protocol::{
    contracts::{IAssetRegistry, IMarket, IOrders},
    document::{AssetDocument, Column, ColumnKind, Content, MediaType, Provider},
    envelope::{ContentKey, Context, FORMAT, PublicKey, key_wrap},
};
use clap::Args;
use serde_json::json;

use crate::{
    buy::{amount, random},
    chain::{self, Chain, ChainError, Token},
    error::CliError,
    hashing, infer,
    keys::{self, KeyError},
    options::{Options, asset_id},
    output::Output,
    seal,
    services::{self, Planned, Services},
    table::{self, Checked, parquet::OnDisk},
    upload,
};

mod policy;

use policy::PolicyOptions;

/// How long the server may take to show what is mined.
const INDEXING_TIMEOUT: Duration = Duration::from_secs(60);

/// Publish a table: it is encrypted here, and only ciphertext leaves this machine.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll publish table.csv --name \"Tumours of the breast\" --license CC-BY-4.0 --price 5 \\\n      --payment-token 0x0000000000000000000000000000000000000000 --columns columns.json"
)]
pub(crate) struct Publish {
    /// The table, without missing values: CSV with a header in UTF-8, or Parquet with flat columns
    table: PathBuf,
    /// Title in the catalogue
    #[arg(long)]
    name: String,
    /// What the data is, for people
    #[arg(long, default_value = "")]
    description: String,
    /// Licence or terms: an SPDX name or a URL
    #[arg(long)]
    license: String,
    #[command(flatten)]
    services: Services,
    /// ERC-20 that pays; the zero address for ether
    #[arg(long, value_name = "ADDRESS")]
    payment_token: Address,
    /// Wallet of the provider that will hold the data [default: this home's]
    #[arg(long, value_name = "ADDRESS", requires = "provider_key")]
    provider_wallet: Option<Address>,
    /// X25519 public key of that provider [default: this home's]
    #[arg(long, value_name = "KEY", requires = "provider_wallet")]
    provider_key: Option<B256>,
    /// Declared columns as JSON: [{"name", "type": {"kind": "number", "min", "max"}, {"kind": "category", "values"} or {"kind":
    /// "image", "height", "width", "channels"} or {"kind": "key"}}]
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// Columns that are categories although they hold numbers, where columns are inferred
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "columns")]
    categories: Vec<String>,
    /// Columns that say whose row it is, such as a patient's number: never shown, never learnt from, and what data sets are
    /// joined by; where columns are inferred
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "columns")]
    keys: Vec<String>,
    /// The column that buyers most likely want to predict; a job can predict any
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Words to find it by
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    keywords: Vec<String>,
    #[command(flatten)]
    policy: PolicyOptions,
    /// First rows of the table to show to everyone, in clear
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=20))]
    sample_rows: u8,
    /// Determines the asset's id; give that of an attempt that failed to go on with it
    #[arg(long, value_name = "SALT")]
    salt: Option<B256>,
}

impl Publish {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        // What is missing is told before a large table is read.
        let (wallet, _, _) = (options.wallet()?, options.server()?, options.rpc_url()?);
        let provider = match (self.provider_wallet, self.provider_key) {
            (Some(wallet), Some(public_key)) => Provider { wallet, public_key },
            _ => Provider { wallet: wallet.address(), public_key: keys::identity(&options.home()?)?.public_key().0 },
        };
        // Who can open the content can wrap it to another provider later.
        let own_key = match keys::identity(&options.home()?) {
            Ok(identity) => Some(identity.public_key()),
            Err(KeyError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let format = table::format(&self.table)?;
        let columns = self.columns(format, out)?;
        if let Some(target) = &self.target {
            can_be_predicted(target, &columns)?;
        }
        let checked = self.checked(format, &columns, out)?;
        if self.services.computes() && checked.rows < self.policy.min_rows {
            return Err(CliError::Input(format!(
                "the table has {} rows and --min-rows asks for {}, so no job could ever run; add rows or lower --min-rows",
                checked.rows, self.policy.min_rows
            )));
        }
        out.note(format!("{} rows in {} columns are as declared.", checked.rows, columns.len()));

        let chain = options.chain(Some(&wallet)).await?;
        let token = chain.token(self.payment_token).await?;
        let services = self.services.planned(&token)?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        provider_key_is_current(&client, &provider, out).await?;

        let salt = self.salt.map_or_else(random, Ok)?;
        let token_id = id(&chain, wallet.address(), salt).await?;
        let plan = Plan { publisher: wallet.address(), provider, own_key, salt, token_id, services, token };
        if let Some(transaction) = plan.published_in(&chain).await? {
            out.note("An asset with this salt is published already; nothing is published again.");
            return plan.finish(&chain, &client, transaction, out).await;
        }
        self.upload_and_publish(&chain, &client, columns, checked, plan, out).await.inspect_err(|_| {
            out.note(format!(
                "Not finished. Run the same command with `--salt {salt}` to go on; nothing is published twice."
            ));
        })
    }

    /// The table, held against its columns.
    fn checked(&self, format: MediaType, columns: &[Column], out: Output) -> Result<Checked, CliError> {
        let bar = out.bytes("checking", seal::length(&self.table)?);
        let (source, sample_rows) = (bar.reading(seal::open(&self.table)?), self.sample_rows.into());
        Ok(match format {
            MediaType::Csv => table::check(source, columns, sample_rows)?,
            MediaType::Parquet => {
                let sha256 = hashing::of(source).map_err(CliError::reading(&self.table))?;
                table::parquet::check(&OnDisk::open(&self.table)?, sha256, columns, sample_rows)?
            }
        })
    }

    /// The declared columns, or a proposal with a warning.
    fn columns(&self, format: MediaType, out: Output) -> Result<Vec<Column>, CliError> {
        if let Some(path) = &self.columns {
            let text = std::fs::read(path).map_err(CliError::reading(path))?;
            return serde_json::from_slice(&text).map_err(|error| {
                CliError::Input(format!("{} does not declare columns as it should: {error}", path.display()))
            });
        }
        let named = infer::Named { categories: &self.categories, keys: &self.keys };
        let columns = match format {
            MediaType::Csv => infer::columns(seal::open(&self.table)?, named)?,
            MediaType::Parquet => table::parquet::infer(&OnDisk::open(&self.table)?, named)?,
        };
        out.note(
            "Warning: bounds and categories are inferred from the table and will be public. Bounds are rounded outward and \
             still tell a little about the largest and smallest values. Declare them with --columns to tell nothing:",
        );
        out.note(format!("  {}", serde_json::to_string(&columns).unwrap_or_default()));
        let keys = columns.iter().filter(|column| column.kind == ColumnKind::Key {} && !named.is_key(&column.name));
        for column in keys {
            out.note(format!(
                "Column `{}` holds many different texts and is taken as a key: it is never shown and nothing is learnt from it. \
                 Drop it from the table if nobody is going to join by it.",
                column.name
            ));
        }
        Ok(columns)
    }

    async fn upload_and_publish(
        &self,
        chain: &Chain,
        client: &Client,
        columns: Vec<Column>,
        checked: Checked,
        plan: Plan,
        out: Output,
    ) -> Result<(), CliError> {
        let context = Context::of_content(&asset_id(plan.token_id, &chain.contracts), 1);
        let key = ContentKey::generate()?;
        let mut recipients = vec![PublicKey(plan.provider.public_key)];
        recipients.extend(plan.own_key.filter(|own| *own != recipients[0]));
        let wrap = |recipient: &PublicKey| key_wrap::wrap(recipient, &context, &key);
        let wrapped = recipients.iter().map(wrap).collect::<Result<Vec<_>, _>>()?;
        let sealed = seal::seal(&self.table, &key, &context, checked.sha256, out)?;
        drop(key);
        let content = Content {
            version: context.version,
            format: FORMAT.into(),
            ciphertext_sha256: sealed.sha256,
            ciphertext_bytes: sealed.bytes,
            media_type: checked.format,
            rows: checked.rows,
            keys: wrapped,
        };
        let policy = self.policy.policy(checked.rows);
        let terms = services::terms(&plan.services[0], &plan.provider, &plan.token)?;
        let mut document = AssetDocument::table(
            &self.name,
            &self.description,
            &self.license,
            columns,
            content,
            plan.provider.clone(),
            policy,
        );
        document.keywords = self.keywords.clone();
        document.atoll.services = services::declared(&services::offers(&plan.services));
        document.atoll.sample_rows = checked.sample;
        if let Some(target) = &self.target {
            document.mark_target(target);
        }
        let metadata = document.to_bytes().map_err(|error| CliError::Input(error.to_string()))?;
        AssetDocument::parse(&metadata).map_err(CliError::Document)?;

        out.note(format!("Uploading {} bytes of ciphertext …", sealed.bytes));
        upload::send(client, sealed, out).await?;
        out.note("Publishing …");
        let call = IAssetRegistry::publishCall { salt: plan.salt, metadata: metadata.into(), terms };
        let receipt = chain.send(chain.contracts.asset_registry, call, U256::ZERO).await?;
        let published: IAssetRegistry::AssetPublished = chain::event(&receipt, chain.contracts.asset_registry)?;
        if published.assetId != plan.token_id {
            return Err(CliError::Unverified(format!(
                "the registry gave the id {} and not {}, so nobody could open the data; check --deployment and publish with \
                 another salt",
                published.assetId, plan.token_id
            )));
        }
        plan.finish(chain, client, receipt.transaction_hash, out).await
    }
}

/// What is to become an asset.
struct Plan {
    publisher: Address,
    provider: Provider,
    /// Of the publisher, who keeps a way to the content.
    own_key: Option<PublicKey>,
    salt: B256,
    token_id: U256,
    services: Vec<Planned>,
    token: Token,
}

impl Plan {
    /// The transaction that published this id, if one did.
    async fn published_in(&self, chain: &Chain) -> Result<Option<B256>, CliError> {
        let topic = B256::from(self.token_id);
        let logs = chain.logs::<IAssetRegistry::AssetPublished>(chain.contracts.asset_registry, topic).await?;
        let mut own = logs.into_iter().filter(|(_, event)| event.publisher == self.publisher);
        Ok(own.find_map(|(log, _)| log.transaction_hash))
    }

    /// Adds what is sold beside the first service, waits until the server shows the asset, and tells about it.
    async fn finish(self, chain: &Chain, client: &Client, transaction: B256, out: Output) -> Result<(), CliError> {
        services::add_missing(chain, self.token_id, &self.services, &self.provider, &self.token).await?;
        let id = asset_id(self.token_id, &chain.contracts);
        let start = tokio::time::Instant::now();
        let waiting = out.waiting("indexing");
        let asset = loop {
            match client.asset(self.token_id).await {
                Ok(asset) if asset.services.len() >= self.services.len() => break asset,
                Ok(_) if start.elapsed() < INDEXING_TIMEOUT => tokio::time::sleep(Duration::from_millis(200)).await,
                Ok(asset) => break asset,
                Err(error) if error.status() == Some(404) && start.elapsed() < INDEXING_TIMEOUT => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) if error.status() == Some(404) => {
                    return Err(CliError::Refused(format!(
                        "{id} is published in transaction {transaction}, but the server does not show it after {} s; look again \
                         later with `atoll search`. There is no need to publish again",
                        INDEXING_TIMEOUT.as_secs()
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        };
        drop(waiting);
        let registry = chain.contracts.asset_registry;
        let added = chain.logs::<IAssetRegistry::ServiceAdded>(registry, B256::from(self.token_id)).await?;
        let first = added.into_iter().find(|(_, service)| service.serviceIndex == 0);
        let datatoken = first.map(|(_, service)| service.datatoken).ok_or(ChainError::NoEvent(transaction))?;
        let provider = chain.read(chain.contracts.orders, IOrders::providerOfCall { datatoken }).await?;
        let sale = chain.read(chain.contracts.market, IMarket::saleOfCall { datatoken }).await?;
        let price = U256::from(sale.price);
        // A retry may be of an asset that was published for another price.
        if sale.paymentToken != self.token.address || price != self.services[0].price {
            out.note("The asset was published with another price or payment token than this command's; it keeps them.");
        }
        let token = chain.token(sale.paymentToken).await?;
        out.result(
            &json!({
                "asset": id, "token_id": self.token_id.to_string(), "datatoken": datatoken, "name": asset.name,
                "metadata_hash": asset.metadata_hash, "price": amount(price, &token), "provider": provider,
                "services": asset.services, "salt": self.salt, "transaction": transaction,
            }),
            format!(
                "asset        {id}\ndatatoken    {datatoken}\nprice        {}\ntransaction  {transaction}",
                token.show(price)
            ),
        );
        Ok(())
    }
}

/// The asset's id by the registry's formula, which the registry itself confirms.
async fn id(chain: &Chain, publisher: Address, salt: B256) -> Result<U256, CliError> {
    let contracts = &chain.contracts;
    let preimage = (U256::from(contracts.chain_id), contracts.asset_registry, publisher, salt).abi_encode();
    let computed = U256::from_be_slice(&keccak256(preimage)[20..]);
    let call = IAssetRegistry::assetIdOfCall { publisher, salt };
    let confirmed = chain.read(contracts.asset_registry, call).await?;
    if computed != confirmed {
        return Err(CliError::Unverified(format!(
            "{} does not compute asset ids as a registry of this version; check --deployment. Nothing was uploaded",
            contracts.asset_registry
        )));
    }
    Ok(computed)
}

/// Refuses a provider key that the provider itself does not use: nobody could open what is sealed to it.
pub(crate) async fn provider_key_is_current(client: &Client, provider: &Provider, out: Output) -> Result<(), CliError> {
    match client.provider(provider.wallet).await {
        Ok(known) if known.status.public_key != provider.public_key => Err(CliError::Refused(format!(
            "the provider {} runs with the public key {} and not with {}; ask the provider which is right. Nothing was published",
            provider.wallet, known.status.public_key, provider.public_key
        ))),
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(404) => {
            out.note(format!(
                "Note: the provider {} has not been online yet; start it with `atoll provider run` or nobody can order.",
                provider.wallet
            ));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A column that a job can predict has this name.
fn can_be_predicted(target: &str, columns: &[Column]) -> Result<(), CliError> {
    let possible = columns.iter().filter(|column| column.kind.can_be_predicted());
    let names: Vec<_> = possible.map(|column| column.name.as_str()).collect();
    if names.contains(&target) {
        return Ok(());
    }
    Err(CliError::Input(format!(
        "--target names `{target}`, which is no column that can be predicted; those are {}",
        names.join(", ")
    )))
}
