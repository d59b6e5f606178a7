//! `atoll algorithm`: models and how they are trained, sold by their authors for others to train.

use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    algorithm::{AlgorithmDocument, Template},
    contracts::{IAssetRegistry, IERC721, ServiceTerms},
    job::AlgorithmUse,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    asset::owned,
    buy::random,
    chain::{self, Chain, Token},
    error::CliError,
    money, offer,
    options::{Options, asset_id, indexed, token_id},
    output::{Output, printable},
    services,
};

/// Publish, look at and use algorithms: models and how they are trained, whatever the data.
#[derive(Subcommand, Debug)]
pub(crate) enum Algorithm {
    /// Publish the algorithm of a job spec and sell its use
    Publish(Publish),
    /// Sell an algorithm's use for the jobs of one more provider
    Offer(Offer),
    /// What an algorithm is, who sells it and for which providers
    Show(Show),
    /// Write a job spec that is this algorithm
    Apply(Apply),
}

/// What its use costs.
#[derive(Args, Debug)]
struct Price {
    /// Price of one job, in the payment token's own unit, like 5 or 0.25
    #[arg(long)]
    price: String,
    /// ERC-20 that pays; the zero address for ether
    #[arg(long, value_name = "ADDRESS")]
    payment_token: Address,
}

/// Publish an algorithm.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll algorithm publish job.json --name \"Small net\" --license MIT --price 1 \\\n      --payment-token 0x0000000000000000000000000000000000000000 --provider 0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
)]
pub(crate) struct Publish {
    /// A job spec; its task, layers, loss, optimizer, epochs, batch size and test fraction are published
    spec: PathBuf,
    /// Title in the catalogue
    #[arg(long)]
    name: String,
    /// What it learns and what it is good for, for people
    #[arg(long, default_value = "")]
    description: String,
    /// Licence or terms of use: an SPDX name or a URL
    #[arg(long)]
    license: String,
    /// Words to find it by
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    keywords: Vec<String>,
    #[command(flatten)]
    price: Price,
    /// Wallets of the providers for whose jobs it is sold; each order is ended by the provider that did the job
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
    provider: Vec<Address>,
}

/// Sell an algorithm for one more provider.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll algorithm offer 42 --provider 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --price 1 \\\n      --payment-token 0x0000000000000000000000000000000000000000"
)]
pub(crate) struct Offer {
    /// The algorithm's id
    asset: String,
    #[command(flatten)]
    price: Price,
    /// Wallets of the providers
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
    provider: Vec<Address>,
}

/// Show an algorithm.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll algorithm show 42")]
pub(crate) struct Show {
    /// The algorithm's id
    asset: String,
}

/// Write a job spec that is an algorithm.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll algorithm apply 42 --spec job.json --out mine.json")]
pub(crate) struct Apply {
    /// The algorithm's id
    asset: String,
    /// A job spec with data, seeds and limits; what the algorithm fixes is put in its place
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// Where to write the new spec
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Algorithm {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        match self {
            Self::Publish(command) => command.run(options, out).await,
            Self::Offer(command) => command.run(options, out).await,
            Self::Show(command) => command.run(options, out).await,
            Self::Apply(command) => command.run(options, out).await,
        }
    }
}

impl Publish {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let (_, spec) = offer::read_model_spec(&self.spec)?;
        let mut document = AlgorithmDocument::new(&self.name, &self.description, &self.license, Template::of(&spec));
        document.keywords = self.keywords;
        let metadata = document.to_bytes().map_err(|error| CliError::Input(error.to_string()))?;
        AlgorithmDocument::parse(&metadata).map_err(CliError::Document)?;
        let hash = hash_of(&document)?;

        let chain = options.chain(Some(&wallet)).await?;
        let (token, price) = self.price.read(&chain).await?;
        let (salt, registry) = (random()?, chain.contracts.asset_registry);
        let terms = terms(self.provider[0], &token, price)?;
        let call = IAssetRegistry::publishCall { salt, metadata: metadata.into(), terms };
        let receipt = chain.send(registry, call, U256::ZERO).await?;
        let published: IAssetRegistry::AssetPublished = chain::event(&receipt, registry)?;
        let id = asset_id(published.assetId, &chain.contracts);
        let last = add(&chain, published.assetId, 1, &self.provider[1..], &token, price).await?;
        indexed(options, last.or(receipt.block_number)).await?;
        out.result(
            &json!({
                "asset": id, "token_id": published.assetId.to_string(), "hash": hash, "providers": self.provider,
                "price": crate::buy::amount(price, &token), "transaction": receipt.transaction_hash,
            }),
            format!(
                "algorithm    {id}\nhash         {hash}\nprice        {}\ntransaction  {}",
                token.show(price),
                receipt.transaction_hash
            ),
        );
        Ok(())
    }
}

impl Offer {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let (chain, id) = owned(&self.asset, options).await?;
        found(options, &chain, &self.asset).await?;
        let (token, price) = self.price.read(&chain).await?;
        let call = IAssetRegistry::servicesOfCall { assetId: id.token_id };
        let there = chain.read(chain.contracts.asset_registry, call).await?;
        let last = add(&chain, id.token_id, there, &self.provider, &token, price).await?;
        indexed(options, last).await?;
        out.result(
            &json!({"asset": id, "providers": self.provider, "price": crate::buy::amount(price, &token)}),
            format!("algorithm  {id}\nsold for jobs of {} more, for {}", self.provider.len(), token.show(price)),
        );
        Ok(())
    }
}

impl Show {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let chain = options.chain(None).await?;
        let (asset, document) = found(options, &chain, &self.asset).await?;
        let hash = hash_of(&document)?;
        let call = IERC721::ownerOfCall { tokenId: asset.id.token_id };
        let author = chain.read(chain.contracts.asset_registry, call).await?;
        let mut text = format!(
            "algorithm  {}\nname       {}\nauthor     {author}\nhash       {hash}",
            asset.id,
            printable(&document.name)
        );
        for service in &asset.services {
            let amount: U256 = service.price.amount.parse().unwrap_or_default();
            let price = money::format(amount, service.price.decimals);
            text.push_str(&format!("\nfor jobs of {}  {price} {}", service.provider, printable(&service.price.symbol)));
        }
        let template = serde_json::to_string_pretty(&document.atoll.template).unwrap_or_default();
        text.push_str(&format!("\n{template}"));
        out.result(
            &json!({
                "asset": asset.id, "author": author, "state": asset.state, "hash": hash, "services": asset.services,
                "document": document,
            }),
            text,
        );
        Ok(())
    }
}

impl Apply {
    async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let text = std::fs::read(&self.spec).map_err(CliError::reading(&self.spec))?;
        let spec: Value = serde_json::from_slice(&text)
            .map_err(|error| CliError::Input(format!("{} is not JSON: {error}; correct it", self.spec.display())))?;
        let Value::Object(mut spec) = spec else {
            return Err(CliError::Input(format!("{} is no job spec; it has to be an object", self.spec.display())));
        };
        let chain = options.chain(None).await?;
        let (asset, document) = found(options, &chain, &self.asset).await?;
        let used = AlgorithmUse { asset: asset.id, hash: hash_of(&document)? };
        document.atoll.template.apply(&mut spec);
        spec.insert("algorithm".into(), json!(used));
        let text = serde_json::to_vec_pretty(&spec).map_err(|error| CliError::Input(error.to_string()))?;
        crate::job::fetch::write_new(&self.out, &text)?;
        out.result(
            &json!({"algorithm": used, "file": self.out}),
            format!("written    {}\nalgorithm  {}\nhash       {}", self.out.display(), used.asset, used.hash),
        );
        Ok(())
    }
}

impl Price {
    async fn read(&self, chain: &Chain) -> Result<(Token, U256), CliError> {
        let token = chain.token(self.payment_token).await?;
        let price = money::parse(&self.price, token.decimals).map_err(CliError::Input)?;
        Ok((token, price))
    }
}

/// An algorithm with its document, held against the chain.
async fn found(
    options: &Options,
    chain: &Chain,
    asset: &str,
) -> Result<(atoll_protocol::api::Asset, AlgorithmDocument), CliError> {
    let id = token_id(asset, &chain.contracts)?;
    let (asset, document) = offer::published(&options.client()?, chain, id).await?;
    let document = document.algorithm().ok_or_else(|| {
        CliError::Input(format!("the asset {id} is a data set and no algorithm; see `atoll asset show {id}`"))
    })?;
    Ok((asset, document))
}

fn hash_of(document: &AlgorithmDocument) -> Result<B256, CliError> {
    document.atoll.template.hash().ok_or_else(|| CliError::Input("a number of the algorithm is not finite".into()))
}

fn terms(provider: Address, token: &Token, price: U256) -> Result<ServiceTerms, CliError> {
    Ok(ServiceTerms { provider, paymentToken: token.address, price: services::price(price)? })
}

/// Adds a service for each provider; the block of the last.
async fn add(
    chain: &Chain,
    asset: U256,
    first: u32,
    providers: &[Address],
    token: &Token,
    price: U256,
) -> Result<Option<u64>, CliError> {
    let mut last = None;
    for (index, provider) in (first..).zip(providers) {
        let terms = terms(*provider, token, price)?;
        let call = IAssetRegistry::addServiceCall { assetId: asset, serviceIndex: index, terms };
        last = chain.send(chain.contracts.asset_registry, call, U256::ZERO).await?.block_number;
    }
    Ok(last)
}
