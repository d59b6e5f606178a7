//! Somebody with a wallet, who uses the market through the `atoll` command as anybody would.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256};
use serde_json::Value;

use crate::{
    Account, Error, Scratch,
    process::{Launch, Process},
    repository,
};

/// A person of a market: a folder with keys, and where the market is.
#[derive(Clone, Debug)]
pub struct Actor {
    name: String,
    home: PathBuf,
    address: Address,
    public_key: B256,
    server_url: String,
    rpc_url: String,
    calls: Arc<AtomicU32>,
    scratch: Arc<Scratch>,
}

impl Actor {
    /// Makes the keys with `atoll keygen`: with the account's wallet, or with a new one.
    ///
    /// # Errors
    /// If the program is not built or fails.
    pub async fn create(
        scratch: &Arc<Scratch>,
        name: &str,
        account: Option<&Account>,
        server_url: &str,
        rpc_url: &str,
    ) -> Result<Self, Error> {
        let home = scratch.private_dir(name)?;
        let mut this = Self {
            name: name.into(),
            home,
            address: Address::ZERO,
            public_key: B256::ZERO,
            server_url: server_url.into(),
            rpc_url: rpc_url.into(),
            calls: Arc::default(),
            scratch: Arc::clone(scratch),
        };
        let keys = match account {
            None => this.atoll(&["keygen"]).await?,
            Some(account) => {
                let file = this.home.join("import");
                let doing = format!("{} could not be written", file.display());
                fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&file)
                    .and_then(|mut open| open.write_all(account.key.as_bytes()))
                    .map_err(Error::io(doing.clone()))?;
                let keys = this.atoll(&["keygen", "--import-wallet", &file.to_string_lossy()]).await;
                fs::remove_file(&file).map_err(Error::io(doing))?;
                keys?
            }
        };
        this.address = field(&keys, "address")?;
        this.public_key = field(&keys, "public_key")?;
        Ok(this)
    }

    /// Its name in this market.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder with its keys.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its wallet.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Its X25519 key.
    pub fn public_key(&self) -> B256 {
        self.public_key
    }

    /// The server that it uses.
    pub fn server_url(&self) -> &str {
        &self.server_url
    }

    /// The same person, who reaches the server at another address.
    pub fn at(&self, server_url: &str) -> Self {
        Self { server_url: server_url.into(), ..self.clone() }
    }

    /// The Ethereum node that it uses.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// Runs a command of `atoll` to its end and gives the JSON object that it ends with.
    ///
    /// # Errors
    /// What the command said, if it failed.
    pub async fn atoll(&self, arguments: &[&str]) -> Result<Value, Error> {
        self.follow(arguments, |_| {}).await
    }

    /// Like [`Actor::atoll`], and shows every line before the last as it comes.
    ///
    /// # Errors
    /// What the command said, if it failed.
    pub async fn follow(&self, arguments: &[&str], mut each: impl FnMut(&Value)) -> Result<Value, Error> {
        let command =
            arguments.iter().take(2).take_while(|word| !word.starts_with('-')).copied().collect::<Vec<_>>().join(" ");
        let mut process = self.start(arguments)?;
        let (mut shown, mut last) = (0, Value::Null);
        loop {
            let status = process.status();
            let text = process.stdout();
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text[shown..whole].lines() {
                if let Ok(value) = serde_json::from_str(line) {
                    each(&value);
                    last = value;
                }
            }
            shown = whole;
            match status {
                Some(status) if status.success() => return Ok(last),
                Some(status) => {
                    let said = last["error"].as_str().map(str::to_owned);
                    let message = said.unwrap_or_else(|| process.last_words());
                    return Err(Error::Atoll { command, message, code: status.code().unwrap_or(-1) });
                }
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Starts a command of `atoll`.
    ///
    /// # Errors
    /// If the program is not built.
    pub fn start(&self, arguments: &[&str]) -> Result<Process, Error> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number:02}-{}", self.name, arguments.first().unwrap_or(&"atoll"));
        Launch::new(name, repository::binary("atoll")?)
            .args(arguments.iter().copied())
            .args(["--json", "--server", &self.server_url, "--rpc-url", &self.rpc_url, "--home"])
            .arg(&self.home)
            .start(&self.scratch)
    }
}

/// A field of a command's answer.
///
/// # Errors
/// If it is not there or of another kind.
pub fn field<T: serde::de::DeserializeOwned>(answer: &Value, name: &str) -> Result<T, Error> {
    serde_json::from_value(answer[name].clone())
        .map_err(|bad| Error::Unexpected(format!("`{name}` is not as expected in the answer {answer}: {bad}")))
}
