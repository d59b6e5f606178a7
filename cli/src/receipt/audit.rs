//! `atoll receipt audit`: an auditor opens the seed that a provider revealed, holds it against the receipt, and runs the job again
//! on tables of his own.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use atoll_compute::noise;
use atoll_protocol::envelope::{ContentKey, Context, content, seed};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{claim::Claim, reveal::Revealed};
use crate::{error::CliError, keys, options::Options, output::Output};

/// Check the noise of a private job, as the auditor whom its provider names.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll receipt audit seed.json --data patients.csv")]
pub(crate) struct Audit {
    /// What the provider's `atoll receipt reveal` wrote
    revealed: PathBuf,
    /// The tables that were published, one for each data set of the job, in its spec's order: run the job again on them
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// The trainer, which has to be the build that ran it [default: atoll-trainer beside this program]
    #[arg(long, value_name = "FILE", requires = "data")]
    trainer: Option<PathBuf>,
}

impl Audit {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let bytes = fs::read(&self.revealed).map_err(CliError::reading(&self.revealed))?;
        let Revealed { job, receipt, request, seed: wrapped } = serde_json::from_slice(&bytes).map_err(|error| {
            CliError::Input(format!("{} is not what `atoll receipt reveal` writes: {error}", self.revealed.display()))
        })?;
        let identity = keys::identity(&options.home()?)?;
        let chain = options.chain(None).await?;
        let order = receipt.receipt.orderId;
        let Some(opened) = chain.order(order).await? else {
            return Err(CliError::Unverified(format!("the receipt's order {order} was never opened on this chain")));
        };
        let claim = Claim::read(&chain, receipt, request, opened.terms.provider).await?;
        let commitment = claim.receipt.receipt.seedCommitment;
        let seed = seed::unwrap(&identity, commitment, &wrapped).map_err(|_| {
            CliError::Refused(
                "the seed does not open with this home's key; ask the provider to reveal it to the key that `atoll keygen` told".into(),
            )
        })?;
        if noise::commitment(&seed) != commitment {
            return Err(CliError::Unverified("the seed is not the one that the receipt is committed to".into()));
        }
        let told = Map::from_iter([("job".to_owned(), json!(job)), ("seed_commitment".to_owned(), json!(commitment))]);
        if self.data.is_empty() {
            let said = "The seed is the one that the receipt is committed to. Give the tables with --data to run the job again.";
            out.result(&Value::Object(told), format!("commitment  {commitment}\n{said}"));
            return Ok(());
        }
        if claim.training.start().is_some() {
            return Err(CliError::Refused(
                "the job began with a model that is sealed to its provider, who alone can run it again".into(),
            ));
        }
        let expected = claim.training.contents().len();
        if self.data.len() != expected {
            return Err(CliError::Input(format!("the job read {expected} tables, and {} are given", self.data.len())));
        }
        let jail = claim.jail(self.trainer).await?;
        let sealed: Result<Vec<_>, _> = self
            .data
            .iter()
            .zip(claim.training.contents())
            .map(|(file, (_, context))| encrypted(file, context))
            .collect();
        let sealed = sealed?.into_iter().unzip();
        claim.compare(jail, sealed, Some(seed), told, out).await
    }
}

/// A table as a worker takes it: encrypted, in a file without a name, under a key of its own.
fn encrypted(file: &Path, context: &Context) -> Result<(ContentKey, File), CliError> {
    let plain = File::open(file).map_err(CliError::reading(file))?;
    let key = ContentKey::generate()?;
    let sealed = || -> io::Result<File> {
        let mut sealed = BufWriter::new(tempfile::tempfile()?);
        content::encrypt(&key, &context.to_bytes(), BufReader::new(plain), &mut sealed)?;
        sealed.flush()?;
        let mut sealed = sealed.into_inner().map_err(io::IntoInnerError::into_error)?;
        sealed.rewind()?;
        Ok(sealed)
    };
    let sealed = sealed().map_err(CliError::writing(Path::new("a temporary file")))?;
    Ok((key, sealed))
}
