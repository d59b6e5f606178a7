//! `atoll register`: tells the market which key others seal to, signed by the wallet.

use alloy::signers::SignerSync;
use atoll_protocol::{
    api::{KeyPurpose, NewKey},
    signed::{self, KeyRegistration},
};
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use crate::{error::CliError, keys, options::Options, output::Output};

/// Seconds for which the signed registration can be handed in.
const LIFETIME: u64 = 300;

/// Register this home's identity as the key that others seal to for your wallet.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll register --purpose consumer")]
pub(crate) struct Register {
    /// What is sealed to the key: consumer, publisher or provider
    #[arg(long, default_value = "consumer")]
    purpose: KeyPurpose,
}

impl Register {
    pub(crate) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let key = keys::identity(&options.home()?)?.public_key().0;
        let contracts = options.contracts().await?;
        let client = options.signed_in(&wallet, contracts.chain_id).await?;
        let issued = OffsetDateTime::now_utc().unix_timestamp().unsigned_abs();
        let registration = KeyRegistration {
            account: wallet.address(),
            purpose: self.purpose.name().to_owned(),
            key,
            issuedAt: issued,
            deadline: issued + LIFETIME,
        };
        let hash = signed::signing_hash(&registration, &signed::domain(contracts.chain_id, contracts.orders));
        let signature = wallet
            .sign_hash_sync(&hash)
            .map_err(|error| CliError::Input(format!("the wallet could not sign: {error}")))?;
        let new = NewKey { registration, signature: signature.as_bytes().to_vec().into() };
        let registered = client.put_account_key(wallet.address(), self.purpose, &new).await?;
        out.result(
            &json!({"account": registered.account, "purpose": registered.purpose, "key": registered.key}),
            format!("account  {}\npurpose  {}\nkey      {}", registered.account, self.purpose.name(), registered.key),
        );
        Ok(())
    }
}
