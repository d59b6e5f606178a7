//! An S3-compatible object store with its buckets in memory: moto's server, which pip brings.

use std::{sync::Arc, time::Duration};

use crate::{
    Error, Scratch,
    process::{Launch, Process},
    python,
};

/// The store's program.
const PROGRAM: &str = include_str!("s3/server.py");

/// A running store.
#[derive(Debug)]
pub struct S3 {
    _process: Process,
    url: String,
}

/// A bucket in it, which everybody on this machine may use.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Address of the store.
    pub endpoint: String,
}

impl S3 {
    /// Starts one in a directory of its own.
    ///
    /// # Errors
    /// As [`python::environment`]; if it does not come up.
    pub async fn start() -> Result<Self, Error> {
        let scratch = Arc::new(Scratch::create()?);
        let python = tokio::task::spawn_blocking(|| python::environment("s3"))
            .await
            .map_err(|failed| Error::Unexpected(format!("preparing the object store: {failed}")))??;
        let mut process = Launch::new("s3", python).args(["-c", PROGRAM]).start(&scratch)?;
        let listening = |line: &str| line.strip_prefix("listening on ").map(str::to_owned);
        let url = process.ready(Duration::from_secs(60), listening).await?;
        Ok(Self { _process: process, url })
    }

    /// Makes an empty bucket.
    ///
    /// # Errors
    /// If the store refuses.
    pub async fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        let answer = reqwest::Client::new().put(format!("{}/{name}", self.url)).send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => {
                Ok(Bucket { name: name.to_owned(), endpoint: self.url.clone() })
            }
            Ok(answer) => Err(Error::Unexpected(format!("the object store refused a bucket: {}", answer.status()))),
            Err(error) => Err(Error::Unexpected(format!("the object store does not answer: {error}"))),
        }
    }
}

impl Bucket {
    /// A place in it, for `--storage`.
    pub fn place(&self) -> String {
        format!("s3://{}/of/market", self.name)
    }

    /// Keys and settings, as AWS names them in the environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", "atoll"),
            ("AWS_SECRET_ACCESS_KEY", "not a secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }
}
