//! Where the contracts of a market are, and deploying them.

use std::{fs, path::Path, process::Stdio};

use alloy_primitives::Address;
use atoll_protocol::deployment::CodeHashes;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    process::{tail, words},
    repository, tools,
};

/// A deployed market, as `contracts/deployments/<chain id>.json` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Block before the first that holds anything of it.
    pub start_block: u64,
    /// `AssetRegistry`.
    pub asset_registry: Address,
    /// `Datatoken` that the others are clones of.
    pub datatoken_implementation: Address,
    /// `Market`.
    pub market: Address,
    /// `Orders`.
    pub orders: Address,
    /// `MemberList`, the stock gate.
    pub member_list: Address,
    /// A dollar that anyone can mint; only on a local chain.
    pub test_dollar: Address,
    /// Of the code that is there.
    pub code_hashes: CodeHashes,
}

impl Deployment {
    /// Writes it as JSON.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).map_err(|bad| Error::Unexpected(bad.to_string()))?;
        fs::write(file, text).map_err(Error::io(format!("{} could not be written", file.display())))
    }

    /// Reads a file of [`Deployment::write`].
    pub(crate) fn read(file: &Path) -> Result<Self, Error> {
        let text = fs::read(file).map_err(Error::io(format!("{} could not be read", file.display())))?;
        serde_json::from_slice(&text)
            .map_err(|bad| Error::Unexpected(format!("{} is no deployment: {bad}", file.display())))
    }

    /// Deploys the contracts from an account whose key the node holds.
    pub(crate) fn create(rpc_url: &str, sender: Address, records: &Path) -> Result<Self, Error> {
        let output = std::process::Command::new(tools::foundry("forge")?)
            .args(["script", "script/Deploy.s.sol", "--rpc-url", rpc_url, "--broadcast", "--unlocked"])
            .args(["--sender", &sender.to_string()])
            // One after the other: anvil can forget that a transaction is next, if the one before it goes into a block in the
            // moment in which it arrives, and forge waits for ever then.
            .arg("--slow")
            .env("FOUNDRY_PROFILE", "ship")
            .env("DEPLOYMENT_FILE", "-")
            // What was sent is of no use later: the deployment itself says where things are.
            .env("FOUNDRY_BROADCAST", records)
            .current_dir(repository::root().join("contracts"))
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Error::Spawn { program: "forge".into(), source })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = |log: String| Error::Failed { command: "forge script".into(), status: words(output.status), log };
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(failed(tail(if errors.trim().is_empty() { &text } else { &errors })));
        }
        text.lines()
            .find_map(|line| serde_json::from_str(line.trim().strip_prefix("ATOLL_DEPLOYMENT ")?).ok())
            .ok_or_else(|| failed("it printed no deployment".into()))
    }
}
