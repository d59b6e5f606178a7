//! `atoll job start`: a model that a job is to begin with, sealed to the provider.

use std::{
    io::{Seek, Write},
    path::PathBuf,
};

use atoll_compute::gate;
use atoll_protocol::{
    document::ServiceKind,
    envelope::{ContentKey, PublicKey, content, key_wrap},
    job::Start,
};
use clap::Args;
use serde_json::json;

use crate::{
    error::CliError,
    hashing::{Hashing, sha256},
    offer,
    options::{self, Options},
    output::Output,
    seal::Sealed,
    upload,
};

/// Seal a model to the provider, upload it, and write a spec that begins with it.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  atoll job start --spec job.json --model result/model.safetensors --out further.json\n\nWith `\"epochs\": \
                  0` in the spec the model is measured and not trained."
)]
pub(crate) struct StartWith {
    /// The job spec; its layers are those of the model
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// The model, as `atoll job fetch` wrote it or as PyTorch saved it, under the same names
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The spec that begins with it, a new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl StartWith {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let wallet = options.wallet()?;
        let (mut value, spec) = offer::read_model_spec(&self.spec)?;
        let chain = options.chain(None).await?;
        let id = options::token_id(&spec.data.asset.to_string(), &chain.contracts)?;
        let client = options.signed_in(&wallet, chain.contracts.chain_id).await?;
        let offer = offer::find(&client, &chain, id, ServiceKind::Compute).await?;
        let further = offer::further(&client, &chain, &spec.clone().into(), offer.provider).await?;
        let documents = std::iter::once(&offer.document).chain(further.joined.iter().map(|offer| &offer.document));
        let columns: Vec<_> = documents.flat_map(|document| document.atoll.columns.clone()).collect();
        let given = std::fs::read(&self.model).map_err(CliError::reading(&self.model))?;
        // In the one form that a result has too, so that its hash is that of the receipt which it comes from.
        let model = gate::model(&spec, &columns, &given).map_err(|error| {
            CliError::Input(format!("{} does not fit the spec: {error}; nothing was sent", self.model.display()))
        })?;

        let key = ContentKey::generate()?;
        let context = Start::context(&spec.data.asset);
        let provider = PublicKey(offer.document.atoll.provider.public_key);
        let wrapped = key_wrap::wrap(&provider, &context, &key)?;
        let temporary = |source| CliError::File { doing: "can not write", path: "a temporary file".into(), source };
        let mut file = tempfile::tempfile().map_err(temporary)?;
        let mut cipher = Hashing::new(std::io::BufWriter::new(&mut file));
        let bytes = content::encrypt(&key, &context.to_bytes(), &model[..], &mut cipher).map_err(temporary)?;
        cipher.flush().map_err(temporary)?;
        let ciphertext = cipher.finish();
        file.rewind().map_err(temporary)?;
        let start = Start {
            model_sha256: sha256(&model),
            ciphertext_sha256: ciphertext,
            ciphertext_bytes: bytes,
            key: wrapped,
        };
        value["start"] = json!(start);
        let text = serde_json::to_vec_pretty(&value).map_err(|error| CliError::Input(error.to_string()))?;
        super::fetch::write_new(&self.out, &text)?;
        if let Err(error) = upload::send(&client, Sealed { file, sha256: ciphertext, bytes }, out).await {
            // A spec whose model is nowhere would be paid for in vain.
            std::fs::remove_file(&self.out).map_err(CliError::writing(&self.out))?;
            return Err(error);
        }
        out.result(
            &json!({"spec": self.out, "model_sha256": start.model_sha256, "ciphertext_bytes": bytes}),
            format!(
                "model  {}\nspec   {}\nThe model is sealed to the provider. Order with the new spec: atoll buy {} --spec {}",
                start.model_sha256,
                self.out.display(),
                spec.data.asset,
                self.out.display()
            ),
        );
        Ok(())
    }
}
