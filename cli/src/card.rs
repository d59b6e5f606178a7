//! Model cards (Mitchell et al., 2019): what a model is, what it was trained on and how well it does, for people and for
//! programs. Everything in one is either what the provider signed for or what the buyer declared.

use std::fmt::Write as _;

use atoll_protocol::{
    algorithm::Published,
    api::SignedReceipt,
    ids::AssetId,
    job::{JobSpec, ModelFamily},
    report::{Attack, Audit, Report},
};
use serde::{Deserialize, Serialize};

/// Most lines of the learning curve in the card for people; the one for programs has all.
const CURVE: usize = 10;

/// A card for programs.
#[derive(Serialize, Deserialize)]
pub(crate) struct ModelCard {
    /// Format of this document: 1.
    pub(crate) version: u32,
    /// What the model was trained on.
    pub(crate) data: Vec<Data>,
    /// Family of the model, as policies name it.
    pub(crate) model_family: ModelFamily,
    /// What was declared: columns, layers, loss, optimiser, seeds.
    pub(crate) spec: JobSpec,
    /// What came of it: metrics, curve, inputs with their scaling, classes.
    pub(crate) report: Report,
    /// What the provider signed: hashes of data, spec, trainer and model, and epsilon.
    pub(crate) receipt: SignedReceipt,
}

/// A data set, or the algorithm, of a job.
#[derive(Serialize, Deserialize)]
pub(crate) struct Data {
    /// Its id.
    pub(crate) asset: AssetId,
    /// Title; null if its metadata were changed since.
    pub(crate) name: Option<String>,
    /// Licence or terms of use; null if its metadata were changed since.
    pub(crate) license: Option<String>,
}

impl Data {
    /// That of an asset, if its metadata are still those that were used.
    pub(crate) fn of(asset: AssetId, metadata: Option<&Published>) -> Self {
        Self {
            asset,
            name: metadata.map(|published| published.name().to_owned()),
            license: metadata.map(|published| match published {
                Published::Dataset(document) => document.license.clone(),
                Published::Algorithm(document) => document.license.clone(),
            }),
        }
    }
}

impl ModelCard {
    /// The card for people, in Markdown.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a text takes every text");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Self { spec, report, receipt, .. } = self;
        writeln!(text, "# Model of `{}`\n", spec.data.target)?;
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().replace('_', " ");
        let family = word(serde_json::json!(self.model_family));
        let task = word(serde_json::json!(spec.task));
        writeln!(text, "A {family} for {task}, trained where the data is; nobody who used it has seen a row.\n")?;
        writeln!(text, "## Data\n")?;
        for data in &self.data {
            let name = data.name.as_deref().unwrap_or("(its description has been changed since)");
            let license = data.license.as_deref().map(|license| format!(", {license}")).unwrap_or_default();
            writeln!(text, "- {}{license}: `{}`", plain(name), data.asset)?;
        }
        let columns: Vec<_> = spec.data.inputs().map(|name| format!("`{name}`")).collect();
        writeln!(text, "- learnt from {} rows, measured on {}", report.train_rows, report.test_rows)?;
        writeln!(text, "- columns: {}", columns.join(", "))?;
        if !report.classes.is_empty() {
            let classes: Vec<_> = report.classes.iter().map(|class| format!("`{class}`")).collect();
            writeln!(text, "- classes, in the order of the outputs: {}", classes.join(", "))?;
        }
        self.write_metrics(text)?;
        writeln!(text, "\n## Privacy\n")?;
        match &report.privacy {
            Some(cost) => writeln!(
                text,
                "Differentially private for a row: epsilon {:.3} at delta {:e}, over {} steps that each took a row with \
                 probability {:.4}. What is measured above holds noise of its own.",
                cost.epsilon(),
                cost.delta,
                cost.steps,
                cost.sampling_rate
            )?,
            None => writeln!(text, "None: nothing bounds what the model tells of single rows.")?,
        }
        if let Some(audit) = &report.audit {
            writeln!(text, "\n{}", attacked(audit))?;
        }
        writeln!(text, "\n## Training\n")?;
        for layer in &spec.layers {
            writeln!(text, "1. `{}`", serde_json::to_string(layer).unwrap_or_default())?;
        }
        let json = |value: serde_json::Value| format!("`{value}`");
        writeln!(text, "\n- loss {}", json(serde_json::json!(spec.loss)))?;
        writeln!(text, "- optimizer {}", json(serde_json::json!(spec.optimizer)))?;
        if !spec.schedule.is_constant() {
            writeln!(text, "- schedule {}", json(serde_json::json!(spec.schedule)))?;
        }
        writeln!(text, "- {}", json(serde_json::json!(spec.training)))?;
        writeln!(text, "\n## Where it comes from\n")?;
        let signed = &receipt.receipt;
        writeln!(text, "- order `{}`", signed.orderId)?;
        writeln!(text, "- SHA-256 of `model.safetensors`: `{}`", signed.modelHash)?;
        writeln!(text, "- spec `{}`, data `{}`", signed.specHash, signed.dataCommitment)?;
        writeln!(text, "- {}, build `{}`", report.trainer, signed.trainerHash)?;
        writeln!(text, "- verified with `atoll receipt verify receipt.json --model model.safetensors`")
    }

    fn write_metrics(&self, text: &mut String) -> std::fmt::Result {
        let report = &self.report;
        writeln!(text, "\n## How well it does\n")?;
        let metrics = metrics(report);
        if metrics.is_empty() {
            writeln!(text, "Too few rows were held out to measure.")?;
        } else {
            writeln!(text, "| on {} held-out rows | |\n|---|---:|", report.test_rows)?;
            for (name, value) in metrics {
                writeln!(text, "| {name} | {value} |")?;
            }
        }
        if report.test_confusion.iter().any(Option::is_some) {
            let head: Vec<_> = report.classes.iter().map(|class| plain(class)).collect();
            writeln!(text, "\n| rows of, taken for | {} |\n|---|{}", head.join(" | "), "---:|".repeat(head.len()))?;
            for (class, shares) in head.iter().zip(&report.test_confusion) {
                let told = |shares: &Vec<f64>| shares.iter().map(f64::to_string).collect::<Vec<_>>();
                let shares = shares.as_ref().map_or_else(|| vec!["too few".to_owned(); head.len()], told);
                writeln!(text, "| {class} | {} |", shares.join(" | "))?;
            }
        }
        let curve: Vec<_> = report.history.iter().filter(|epoch| epoch.loss.is_some()).collect();
        if !curve.is_empty() {
            writeln!(text, "\n| epoch | loss | held out |\n|---:|---:|---:|")?;
            let every = curve.len().div_ceil(CURVE);
            for (place, epoch) in curve.iter().enumerate() {
                if (place + 1) % every == 0 || place + 1 == curve.len() {
                    let told = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
                    writeln!(text, "| {} | {} | {} |", epoch.epoch, told(epoch.loss), told(epoch.test_metric))?;
                }
            }
        }
        Ok(())
    }
}

/// What the report says of the held-out rows, by name.
pub(crate) fn metrics(report: &Report) -> Vec<(&'static str, f64)> {
    [
        ("accuracy", report.test_accuracy),
        ("F1", report.test_f1),
        ("AUC", report.test_auc),
        ("log loss", report.test_log_loss),
        ("root mean square error", report.test_rmse),
        ("mean absolute error", report.test_mae),
        ("R²", report.test_r2),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// A text of somebody else's in which Markdown has nothing to do.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().fold(String::with_capacity(line.len()), |mut plain, c| {
        if "\\`*_{}[]<>()#+-!|~&".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
        plain
    })
}

/// How an attack on the model went.
fn attacked(audit: &Audit) -> String {
    let Audit { members, others, .. } = audit;
    let (tried, who) = match audit.attack {
        Attack::HeldOut => (
            format!("the losses of {members} rows that it trained on and of {others} held out were compared"),
            "rows trained on",
        ),
        Attack::PlantedCanaries => (
            format!("{members} random directions were planted in its steps, to be told from {others} that were not"),
            "planted directions",
        ),
    };
    let told = |part: Option<f64>, alarms: &str| match part {
        Some(part) => format!("{:.1} % of the {who} are recognised with {alarms} % false alarms", part * 100.0),
        None => format!("too few rows tell of {alarms} % false alarms"),
    };
    let (often, seldom) = (told(audit.tpr_at_1_percent_fpr, "1"), told(audit.tpr_at_01_percent_fpr, "0.1"));
    format!("Attacked by its provider: {tried}. {often}; {seldom}.")
}
