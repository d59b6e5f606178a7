//! `atoll job preview`: what a job would cost and need, before anything is paid or signed.

use std::path::PathBuf;

use atoll_protocol::{
    api::{PrivacyBudget, PrivacyUse},
    canonical,
    document::ServiceKind,
    job::{JobSpec, PrivacyCost},
};
use clap::Args;
use serde_json::json;

use crate::{buy::amount, error::CliError, offer, options::Options, output::Output};

/// Check a spec against its asset, and tell what the job would cost and need.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  atoll job preview --spec job.json")]
pub(crate) struct Preview {
    /// The job spec
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
}

impl Preview {
    pub(super) async fn run(self, options: &Options, out: Output) -> Result<(), CliError> {
        let (value, spec) = offer::read_spec(&self.spec)?;
        let chain = options.chain(None).await?;
        let id = crate::options::token_id(&spec.asset().to_string(), &chain.contracts)?;
        let client = options.client()?;
        let offer = offer::find(&client, &chain, id, ServiceKind::Compute).await?;
        let further = offer::further(&client, &chain, &spec, offer.provider).await?;
        let cost = offer.check(&spec, &further)?;
        let hash = canonical::hash(&value).map_err(|error| CliError::Input(error.to_string()))?;
        let rows = offer.document.atoll.content.rows;
        let buyer = options.wallet().ok().map(|wallet| wallet.address());
        let budget = client.privacy_budget(id, buyer).await?;
        // A provider that has not introduced itself yet is no reason not to tell the rest.
        let machine = client.provider(offer.provider).await.ok().map(|provider| provider.status.environment);
        let seconds = machine.and_then(|machine| machine.seconds(cost.flops));
        let time =
            seconds.map_or_else(|| "not known: the provider told of no speed".to_owned(), |s| format!("about {s} s"));
        let also: Vec<_> = further
            .sold()
            .map(|sold| json!({"asset": sold.asset.id, "price": amount(sold.price(), &sold.token)}))
            .collect();
        let prices: String = further
            .sold()
            .map(|sold| format!("\nalso        {} for {}", sold.asset.id, sold.token.show(sold.price())))
            .collect();
        out.result(
            &json!({
                "asset": offer.asset.id, "spec_hash": hash, "model_family": spec.model().map(JobSpec::family), "rows": rows, "cost": cost, "seconds": seconds, "privacy_budget": budget,
                "price": amount(offer.price(), &offer.token), "further": also,
            }),
            format!(
                "asset       {}\nprice       {}{prices}\nrows        {rows}\nparameters  {}\noperations  {}\ntime        {time}\nmemory      {} MiB\nprivacy     {}{}\nspec hash   {hash}",
                offer.asset.id,
                offer.token.show(offer.price()),
                cost.parameters,
                cost.flops,
                cost.memory_bytes.div_ceil(1 << 20),
                privacy(cost.privacy.as_ref()),
                left(&budget),
            ),
        );
        Ok(())
    }
}

/// What a job gives away, in words.
pub(crate) fn privacy(cost: Option<&PrivacyCost>) -> String {
    match cost {
        Some(cost) => format!("epsilon {:.3} at delta {:e}, over {} steps", cost.epsilon(), cost.delta, cost.steps),
        None => "none: nothing bounds what the model tells of single rows".to_owned(),
    }
}

/// What was spent of the budget, in a line; nothing where there is none.
fn left(budget: &PrivacyBudget) -> String {
    let Some(policy) = &budget.policy else { return String::new() };
    let epsilon = |spent: &PrivacyUse| spent.epsilon_micros as f64 / 1e6;
    let own = budget.spent_by_buyer.as_ref();
    let own = own.map(|own| format!("{:.3} of {} is spent by you, ", epsilon(own), policy.epsilon_per_buyer));
    let all = format!("{:.3} of {} by everyone", epsilon(&budget.spent), policy.epsilon_total);
    format!("\nbudget      epsilon {}{all}", own.unwrap_or_default())
}
