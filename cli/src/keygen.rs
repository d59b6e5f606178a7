//! `atoll keygen`: a wallet that signs and an identity that decrypts.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::{error::CliError, keys, options::Options, output::Output};

/// Create the two keys of a home: a wallet and an X25519 identity.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll keygen --home ~/.atoll")]
pub(crate) struct Keygen {
    /// Take the wallet's private key from this file (mode 0600), or from stdin for `-`, instead of a new one
    #[arg(long, value_name = "FILE|-")]
    import_wallet: Option<PathBuf>,
}

impl Keygen {
    pub(crate) fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let home = options.home()?;
        let wallet = match &self.import_wallet {
            Some(source) => keys::import_wallet(source)?,
            None => keys::generate_wallet()?,
        };
        let identity = keys::generate_identity()?;
        keys::store(&home, &wallet, &identity)?;
        let (address, key) = (wallet.address(), identity.public_key().0);
        out.note("The keys are in files that only you can read. Back them up: without wallet.key money is lost, without identity.key results can not be opened.");
        out.result(
            &json!({"home": home, "address": address, "public_key": key}),
            format!("home        {}\nwallet      {address}\npublic key  {key}", home.display()),
        );
        Ok(())
    }
}
