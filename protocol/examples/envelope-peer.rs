//! The other side of the page's interop tests: reads one command a line on stdin, as JSON, and answers each with a line.
//!
//! Bytes are hex with `0x`. What is refused is answered `{"refused": "…"}`; a command of another form ends the program.

use std::io::{self, BufRead, Write};

use alloy_primitives::{B256, Bytes, U256};
use atoll_protocol::{
    canonical,
    document::{AssetDocument, Column, Content, Policy, Provider},
    envelope::{ContentKey, Context, PublicKey, SecretKey, WrappedKey, content, key_wrap, sealed},
    report::Report,
    result::JobResult,
};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// A new key pair.
    Generate {},
    SealContent {
        key: B256,
        context: Bytes,
        plain: Bytes,
    },
    OpenContent {
        key: B256,
        context: Bytes,
        cipher: Bytes,
    },
    Wrap {
        recipient: B256,
        context: Place,
        key: B256,
    },
    Unwrap {
        secret: B256,
        context: Place,
        wrapped: WrappedKey,
    },
    SealResult {
        recipient: B256,
        order: B256,
        report: Box<Report>,
        model: Bytes,
    },
    OpenResult {
        secret: B256,
        order: B256,
        sealed: Bytes,
    },
    /// Canonical JSON of a value.
    Canonical {
        value: Value,
    },
    /// What is wrong with a metadata document.
    Check {
        document: Bytes,
    },
    /// The document of a sealed table, as publishers write it.
    Document {
        name: String,
        description: String,
        license: String,
        keywords: Vec<String>,
        columns: Vec<Column>,
        content: Box<Content>,
        provider: Provider,
        policy: Box<Policy>,
        sample_rows: Vec<Vec<String>>,
        target: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    chain_id: u64,
    registry: alloy_primitives::Address,
    token_id: U256,
    service_index: u32,
    version: u32,
}

impl From<Place> for Context {
    fn from(place: Place) -> Self {
        let Place { chain_id, registry, token_id, service_index, version } = place;
        Self { chain_id, registry, token_id, service_index, version }
    }
}

type Answer = Result<Value, Box<dyn std::error::Error>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = answer(serde_json::from_str(&line?)?);
        let answer = answer.unwrap_or_else(|error| json!({ "refused": error.to_string() }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(command: Command) -> Answer {
    Ok(match command {
        Command::Generate {} => {
            let secret = SecretKey::generate()?;
            json!({ "secret": B256::from(*secret.to_bytes()), "public": secret.public_key() })
        }
        Command::SealContent { key, context, plain } => {
            let mut cipher = Vec::new();
            content::encrypt(&content_key(key), &context, &plain[..], &mut cipher)?;
            json!({ "cipher": Bytes::from(cipher) })
        }
        Command::OpenContent { key, context, cipher } => {
            let mut plain = Vec::new();
            content::decrypt(&content_key(key), &context, &cipher[..], &mut plain)?;
            json!({ "plain": Bytes::from(plain) })
        }
        Command::Wrap { recipient, context, key } => {
            json!({ "wrapped": key_wrap::wrap(&PublicKey(recipient), &context.into(), &content_key(key))? })
        }
        Command::Unwrap { secret, context, wrapped } => {
            let key = key_wrap::unwrap(&SecretKey::from_bytes(secret.0)?, &context.into(), &wrapped)?;
            json!({ "key": B256::from(*key.as_bytes()) })
        }
        Command::SealResult { recipient, order, report, model } => {
            json!({ "sealed": Bytes::from(sealed::seal(&PublicKey(recipient), order, &JobResult::Model { report, model: model.to_vec() })?) })
        }
        Command::OpenResult { secret, order, sealed } => {
            match sealed::open(&SecretKey::from_bytes(secret.0)?, order, &sealed)? {
                JobResult::Model { report, model } => json!({ "report": report, "model": Bytes::from(model) }),
                JobResult::Statistics(report) => json!({ "statistics": report }),
            }
        }
        Command::Canonical { value } => {
            json!({ "canonical": Bytes::from(canonical::to_bytes(&value)?), "hash": canonical::hash(&value)? })
        }
        Command::Check { document } => {
            let read = AssetDocument::parse(&document)?;
            json!({ "canonical": Bytes::from(read.to_bytes()?) })
        }
        Command::Document {
            name,
            description,
            license,
            keywords,
            columns,
            content,
            provider,
            policy,
            sample_rows,
            target,
        } => {
            let mut document =
                AssetDocument::table(&name, &description, &license, columns, *content, provider, *policy);
            document.keywords = keywords;
            document.atoll.sample_rows = sample_rows;
            if target.is_some_and(|target| !document.mark_target(&target)) {
                return Err("the target is no column".into());
            }
            json!({ "canonical": Bytes::from(document.to_bytes()?) })
        }
    })
}

fn content_key(bytes: B256) -> ContentKey {
    ContentKey::from_bytes(Zeroizing::new(bytes.0))
}
