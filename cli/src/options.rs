//! What all commands share: where keys, server, node and contracts are.

use std::{path::PathBuf, time::Duration};

use alloy::{primitives::U256, signers::local::PrivateKeySigner};
use atoll_compute::client::Client;
use atoll_protocol::ids::AssetId;
use clap::Args;
use time::OffsetDateTime;

use crate::{
    chain::{Chain, Contracts},
    error::CliError,
    keys,
};

/// How long the server may take to show what is mined.
const INDEXING_TIMEOUT: Duration = Duration::from_secs(30);

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Where things are")]
pub(crate) struct Options {
    /// Folder with wallet.key and identity.key [default: ~/.atoll]
    #[arg(long, global = true, value_name = "DIR", env = "ATOLL_HOME")]
    home: Option<PathBuf>,
    /// The market's server, like http://127.0.0.1:8080
    #[arg(long, global = true, value_name = "URL", env = "ATOLL_SERVER")]
    server: Option<String>,
    /// An Ethereum node of the market's chain, like http://127.0.0.1:8545
    #[arg(long, global = true, value_name = "URL", env = "ETH_RPC_URL", hide_env_values = true)]
    rpc_url: Option<String>,
    /// Where the contracts are, as you know it; otherwise the server is asked
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// One JSON object on stdout instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Options {
    /// The home folder; `user` is the user's own.
    pub(crate) fn settle(&mut self, user: Option<PathBuf>) {
        if self.home.is_none() {
            self.home = user.map(|dir| dir.join(".atoll"));
        }
    }

    pub(crate) fn home(&self) -> Result<PathBuf, CliError> {
        self.home.clone().ok_or_else(|| CliError::Usage("the user has no home folder; give --home DIR".into()))
    }

    pub(crate) fn server(&self) -> Result<&str, CliError> {
        self.server.as_deref().ok_or_else(|| {
            CliError::Usage("which market? Give --server URL or set ATOLL_SERVER, like http://127.0.0.1:8080".into())
        })
    }

    pub(crate) fn rpc_url(&self) -> Result<&str, CliError> {
        self.rpc_url.as_deref().ok_or_else(|| {
            CliError::Usage(
                "which Ethereum node? Give --rpc-url URL or set ETH_RPC_URL, like http://127.0.0.1:8545".into(),
            )
        })
    }

    /// The server, without a session.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        Ok(Client::new(self.server()?)?)
    }

    /// The server, signed in.
    pub(crate) async fn signed_in(&self, wallet: &PrivateKeySigner, chain_id: u64) -> Result<Client, CliError> {
        let mut client = self.client()?;
        client.sign_in(wallet, chain_id, OffsetDateTime::now_utc()).await?;
        Ok(client)
    }

    /// The contracts: from the deployment file, or else as the server says.
    pub(crate) async fn contracts(&self) -> Result<Contracts, CliError> {
        match &self.deployment {
            Some(path) => Contracts::from_file(path),
            None => Ok(Contracts::from(&self.client()?.market().await?)),
        }
    }

    /// The chain, able to send with the wallet.
    pub(crate) async fn chain(&self, wallet: Option<&PrivateKeySigner>) -> Result<Chain, CliError> {
        let rpc_url = self.rpc_url()?;
        let contracts = self.contracts().await?;
        Ok(Chain::connect(rpc_url, contracts, wallet).await?)
    }

    /// The home's wallet.
    pub(crate) fn wallet(&self) -> Result<PrivateKeySigner, CliError> {
        Ok(keys::wallet(&self.home()?)?)
    }
}

/// The token id of an asset given as CAIP-19 or as a decimal number.
pub(crate) fn token_id(text: &str, contracts: &Contracts) -> Result<U256, CliError> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return U256::from_str_radix(text, 10)
            .map_err(|_| CliError::Input(format!("`{text}` is too large for an asset id")));
    }
    let id: AssetId = text.parse().map_err(|error| CliError::Input(format!("{error}")))?;
    if id.chain_id != contracts.chain_id || id.registry != contracts.asset_registry {
        return Err(CliError::Input(format!(
            "{id} is of another market; this one is chain {} with the registry {}",
            contracts.chain_id, contracts.asset_registry
        )));
    }
    Ok(id.token_id)
}

/// Waits until the server shows what was changed in a block, if a server was named. What was sent is done all the same, so that
/// a slow server is no failure.
pub(crate) async fn indexed(options: &Options, block: Option<u64>) -> Result<(), CliError> {
    let (Some(_), Some(block)) = (&options.server, block) else { return Ok(()) };
    let client = options.client()?;
    let start = tokio::time::Instant::now();
    while start.elapsed() < INDEXING_TIMEOUT && client.market().await?.indexed_block < Some(block) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// An asset of this market as CAIP-19.
pub(crate) fn asset_id(token_id: U256, contracts: &Contracts) -> AssetId {
    AssetId { chain_id: contracts.chain_id, registry: contracts.asset_registry, token_id }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    #[test]
    fn assets_are_taken_in_both_forms_and_only_of_this_market() {
        let registry = Address::repeat_byte(1);
        let contracts = Contracts {
            chain_id: 31337,
            start_block: 0,
            asset_registry: registry,
            market: registry,
            orders: registry,
            code_hashes: None,
        };
        let id = asset_id(U256::from(42), &contracts).to_string();
        assert_eq!(token_id(&id, &contracts).unwrap(), U256::from(42));
        assert_eq!(token_id("42", &contracts).unwrap(), U256::from(42));
        for bad in ["", "x", "-1", "0x2a", &id.replace("31337", "1"), &id.replace("0x01", "0x02")] {
            assert!(token_id(bad, &contracts).is_err(), "{bad}");
        }
    }
}
