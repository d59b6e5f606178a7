//! `atoll download`: the data themselves, from the order to the file. Whatever was done before is found again and gone on
//! with: an open order, a download that waits or was delivered, ciphertext that was fetched in part.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    primitives::{B256, U256},
    signers::local::PrivateKeySigner,
};
use atoll_compute::client::{Client, OrderQuery, PageQuery};
use atoll_protocol::{
    api::{self, JobStatus, NewDownload, OrderStatus},
    canonical,
    contracts::IOrders,
    document::ServiceKind,
    download::DownloadSpec,
    envelope::{ContentKey, Context, EnvelopeError, SecretKey, delivered},
    signed::{self, DownloadRequest, Request},
};
use clap::Args;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    chain::{self, Chain, OpenedOrder},
    error::CliError,
    hashing::sha256,
    job::{
        Submitted,
        submit::{check, indexed, sign},
        watch::{settled, stake, word},
    },
    keys, offer,
    options::{Options, token_id},
    output::{Output, printable},
    purchase::Purchase,
};

mod content;

/// How often the server is asked how far a download is.
const POLL: Duration = Duration::from_millis(300);

/// Buy the data of an asset, and decrypt them here.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll download 42 --out table.csv --max-price 20")]
pub(crate) struct Download {
    /// The asset's id, as `atoll search` shows it
    asset: String,
    /// File for the data; it must not exist. The ciphertext is fetched to FILE.part, which is gone on with
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Order again although an earlier download can still be fetched
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    purchase: Purchase,
}

/// What every step needs.
struct Buyer {
    wallet: PrivateKeySigner,
    identity: SecretKey,
    home: PathBuf,
    chain: Chain,
    client: Client,
    out: Output,
}

impl Download {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let home = options.home()?;
        let (wallet, identity) = (options.wallet()?, keys::identity(&home)?);
        content::may_be_written(&self.out)?;
        let chain = options.chain(Some(&wallet)).await?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let asset = token_id(&self.asset, &chain.contracts)?;
        let buyer = Buyer { wallet, identity, home, chain, client, out };

        let earlier = buyer.earlier(asset).await?;
        let now = OffsetDateTime::now_utc();
        let good = |download: &&api::Download| download.expires_at.is_none_or(|at| at > now);
        let found = if self.again { None } else { earlier.iter().find(good).cloned() };
        let download = match found {
            Some(download) => {
                out.note(format!("Going on with download {} …", download.id));
                download
            }
            None => {
                let used: Vec<B256> = earlier.iter().map(|download| download.order_id).collect();
                buyer.submit(&self.purchase, asset, &used).await?
            }
        };
        let order = buyer.own_order(&download, asset).await?;
        let download = buyer.delivered(download).await?;
        let key = buyer.key(&download, &order).await?;
        let fetched = content::fetch(&buyer.client, &download, &key, &self.out, out).await?;
        let expires = download.expires_at.and_then(|at| at.format(&Rfc3339).ok());
        out.result(
            &json!({
                "download": download.id, "order": download.order_id, "asset": download.asset, "file": self.out,
                "bytes": fetched.bytes, "sha256": fetched.sha256, "expires_at": expires,
            }),
            format!(
                "file      {} ({} bytes)\nsha256    {}\ndownload  {}, can be fetched again until {}",
                self.out.display(),
                fetched.bytes,
                fetched.sha256,
                download.id,
                expires.as_deref().unwrap_or("an unknown time")
            ),
        );
        Ok(())
    }
}

impl Buyer {
    /// One's downloads of an asset that wait or were delivered, newest first.
    async fn earlier(&self, asset: U256) -> Result<Vec<api::Download>, CliError> {
        let good = |download: &api::Download| {
            let own = download.consumer == self.wallet.address() && download.asset.token_id == asset;
            own && (!download.status.is_final() || download.status == JobStatus::Completed)
        };
        let mut query = PageQuery { limit: Some(100), cursor: None };
        let mut found = Vec::new();
        loop {
            let page = self.client.downloads(&query).await?;
            found.extend(page.items.into_iter().filter(good));
            query.cursor = match page.next_cursor {
                None => return Ok(found),
                next => next,
            };
        }
    }

    /// Opens an order, unless one is open that was not used, and asks for the content with it.
    async fn submit(&self, purchase: &Purchase, asset: U256, used: &[B256]) -> Result<api::Download, CliError> {
        let (client, chain) = (&self.client, &self.chain);
        let offer = offer::find(client, chain, asset, ServiceKind::Download).await?;
        let spec = DownloadSpec::of(offer.asset.id, offer.service.service_index(), &offer.document);
        let hash = hash(&spec)?;
        offer.admits(self.wallet.address())?;
        let now = chain.now().await?;
        let order = match self.open_order(asset, hash, used, now).await? {
            Some(order) => {
                self.out.note(format!("Going on with the open order {order} …"));
                order
            }
            None => {
                offer.gate_admits(chain, self.wallet.address()).await?;
                if !purchase.even_if_offline {
                    offer.provider_is_online(client).await?;
                }
                let receipt = purchase.open(chain, &[&offer.sold], &self.wallet, hash, now, self.out).await?;
                chain::event::<IOrders::OrderOpened>(&receipt, chain.contracts.orders)?.orderId
            }
        };
        indexed(client, order).await?;
        let opened = self.opened(order).await?;
        check(order, &opened, &self.wallet, hash, chain.now().await?)?;
        let request = DownloadRequest {
            orderId: order,
            requestHash: hash,
            recipientKey: self.identity.public_key().0,
            deadline: opened.terms.deadline,
        };
        let signed = Request::Download(request.clone());
        let signature = sign(&self.wallet, &signed, chain)?;
        let new = NewDownload { request, signature: signature.clone(), spec: spec.clone() };
        let download = client.submit_download(&new).await?;
        let spec = serde_json::to_value(&spec).map_err(|error| CliError::Input(error.to_string()))?;
        if let Err(error) = (Submitted { request: signed, signature, spec }).keep(&self.home, download.id) {
            self.out.note(format!("Note: the request could not be kept in {} ({error}).", self.home.display()));
        }
        Ok(download)
    }

    /// An order of one's own for this very content that is still open and pays for nothing yet.
    async fn open_order(&self, asset: U256, hash: B256, used: &[B256], now: u64) -> Result<Option<B256>, CliError> {
        let mut query = OrderQuery { status: Some(OrderStatus::Open), limit: Some(100), cursor: None };
        loop {
            let page = self.client.orders(&query).await?;
            let fits = |order: &&api::Order| {
                let terms = &order.terms;
                let own = terms.consumer == self.wallet.address() && order.asset.token_id == asset;
                own && terms.request_hash == hash && terms.deadline > now && !used.contains(&order.id)
            };
            if let Some(order) = page.items.iter().find(fits) {
                return Ok(Some(order.id));
            }
            query.cursor = match page.next_cursor {
                None => return Ok(None),
                next => next,
            };
        }
    }

    async fn opened(&self, order: B256) -> Result<OpenedOrder, CliError> {
        self.chain.order(order).await?.ok_or_else(|| {
            CliError::Unverified(format!(
                "the server shows an order {order} that is not on the chain; use another --server"
            ))
        })
    }

    /// The order of a download by the chain's word: it was opened by this wallet, for this asset and for this content.
    async fn own_order(&self, download: &api::Download, asset: U256) -> Result<OpenedOrder, CliError> {
        let order = self.opened(download.order_id).await?;
        let (terms, spec) = (&order.terms, &download.spec);
        let own = terms.consumer == self.wallet.address() && terms.assetId == asset;
        if !own || spec.asset.token_id != asset || terms.requestHash != hash(spec)? {
            return Err(CliError::Unverified(format!(
                "the server's download {} is not what the order {} was opened for; use another --server",
                download.id, download.order_id
            )));
        }
        Ok(order)
    }

    /// The download once its key is there.
    async fn delivered(&self, mut download: api::Download) -> Result<api::Download, CliError> {
        if !download.status.is_final() {
            self.out.note("Waiting for the provider to hand over the key …");
        }
        let waiting = self.out.waiting("waiting");
        while !download.status.is_final() {
            tokio::time::sleep(POLL).await;
            match self.client.download(download.id).await {
                Ok(now) => download = now,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
        }
        drop(waiting);
        if download.status == JobStatus::Completed {
            return Ok(download);
        }
        let order = settled(&self.client, download.order_id, download.status).await?;
        let why = download.failure.as_ref().map(ToString::to_string).or(download.reason.clone());
        let why = why.map(|text| format!(": {}", printable(&text))).unwrap_or_default();
        Err(CliError::JobEnded(format!("download {} {}{why}; {}", download.id, word(download.status), stake(&order))))
    }

    /// The content key, out of what the provider signed that it delivered.
    async fn key(&self, download: &api::Download, order: &OpenedOrder) -> Result<ContentKey, CliError> {
        let wrapped = self.client.job_result(download.id, delivered::BYTES as u64).await?;
        match &download.receipt {
            Some(signed) => {
                let (receipt, contracts) = (&signed.receipt, &self.chain.contracts);
                let domain = signed::domain(contracts.chain_id, contracts.orders);
                signed::verify(signed::signing_hash(receipt, &domain), &signed.signature, order.terms.provider)?;
                let same = receipt.orderId == download.order_id
                    && receipt.specHash == order.terms.requestHash
                    && receipt.dataCommitment == download.spec.ciphertext_sha256
                    && receipt.resultHash == sha256(&wrapped);
                if !same {
                    return Err(CliError::Unverified(
                        "the key that the server sent is not the one in the provider's receipt; try again, and if it stays so \
                         ask the provider"
                            .into(),
                    ));
                }
            }
            None => self.out.note("Note: the provider has not brought its receipt yet; the key is tried all the same."),
        }
        let spec = &download.spec;
        let context = Context::of_service(&spec.asset, spec.service_index, spec.content_version);
        delivered::unwrap(&self.identity, &context, download.order_id, &wrapped).map_err(|error| match error {
            EnvelopeError::Refused => CliError::Unverified(format!(
                "the key does not open with this home's identity {}; use the --home from which the download was ordered, or \
                 order it again with --again",
                self.identity.public_key().0
            )),
            other => other.into(),
        })
    }
}

fn hash(spec: &DownloadSpec) -> Result<B256, CliError> {
    canonical::hash(spec).map_err(|error| CliError::Input(error.to_string()))
}

/// The file that ciphertext is collected in.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
