//! What a publisher allows: the options of `atoll publish` that end up in the document's policy.

use alloy::primitives::{Address, B256};
use atoll_protocol::{
    document::{Policy, PrivacyPolicy, Trusted},
    ids::AssetId,
    job::{DEFAULT_DELTA, ModelFamily},
};
use clap::Args;
use serde_json::json;

/// What may be computed on the data.
#[derive(Args, Debug)]
pub(super) struct PolicyOptions {
    /// Rows that a training needs at least
    #[arg(long, default_value_t = 50)]
    pub(super) min_rows: u64,
    /// Model families that may be trained
    #[arg(long, value_name = "FAMILY", value_delimiter = ',', value_parser = family,
        default_value = "linear_regression,logistic_regression,multilayer_perceptron,convolutional_network")]
    families: Vec<ModelFamily>,
    /// Wall clock that one job may use, in seconds
    #[arg(long, default_value_t = 600)]
    max_seconds: u32,
    /// Refuse statistics, which otherwise may be asked for and always have noise
    #[arg(long)]
    no_statistics: bool,
    /// Memory that one job may use, in MiB
    #[arg(long, default_value_t = 1024)]
    max_memory_mib: u32,
    /// Trainable numbers that one model may have
    #[arg(long, default_value_t = 1_000_000)]
    max_parameters: u64,
    /// Wallets that may order; everyone without
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    allow: Vec<Address>,
    /// Wallets that may not order
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    deny: Vec<Address>,
    /// Assets whose rows may be joined to these, by their ids; each of them has to name this one too
    #[arg(long, value_name = "ASSET", value_delimiter = ',')]
    join_with: Vec<AssetId>,
    /// Hash of an algorithm that may run; without this and --trust-author every model of an allowed family may
    #[arg(long, value_name = "HASH", value_delimiter = ',')]
    trust_algorithm: Vec<B256>,
    /// Wallet of an author whose published algorithms may run
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    trust_author: Vec<Address>,
    /// Allow exact trainings: without noise nothing bounds what a buyer learns of single rows
    #[arg(long, conflicts_with_all = ["epsilon_per_job", "epsilon_per_buyer", "epsilon_total", "delta"])]
    exact: bool,
    /// Privacy that one training may spend of a row (differential privacy's epsilon); smaller is more private
    #[arg(long, value_name = "EPSILON", default_value_t = 3.0)]
    epsilon_per_job: f64,
    /// Privacy that all trainings of one buyer may spend together
    #[arg(long, value_name = "EPSILON", default_value_t = 6.0)]
    epsilon_per_buyer: f64,
    /// Privacy that all trainings may spend together; then nothing more is trained
    #[arg(long, value_name = "EPSILON", default_value_t = 12.0)]
    epsilon_total: f64,
    /// Probability that epsilon does not hold [default: 0.00001, or a tenth of one in as many as there are rows]
    #[arg(long, value_name = "PROBABILITY")]
    delta: Option<f64>,
}

impl PolicyOptions {
    /// The policy of a table of so many rows.
    pub(super) fn policy(&self, rows: u64) -> Policy {
        let privacy = PrivacyPolicy {
            delta: self.delta.unwrap_or_else(|| DEFAULT_DELTA.min(0.1 / rows.max(1) as f64)),
            epsilon_per_job: self.epsilon_per_job,
            epsilon_per_buyer: self.epsilon_per_buyer,
            epsilon_total: self.epsilon_total,
        };
        Policy {
            model_families: self.families.clone(),
            min_rows: self.min_rows,
            max_seconds: self.max_seconds,
            max_memory_mib: self.max_memory_mib,
            max_parameters: self.max_parameters,
            allow: (!self.allow.is_empty()).then(|| self.allow.clone()),
            deny: self.deny.clone(),
            join_with: self.join_with.clone(),
            statistics: !self.no_statistics,
            trusted_algorithms: self.trusted(),
            privacy: (!self.exact).then_some(privacy),
        }
    }

    /// Algorithms that alone may run, if any are listed.
    fn trusted(&self) -> Option<Vec<Trusted>> {
        let algorithms = self.trust_algorithm.iter().map(|hash| Trusted::Algorithm { hash: *hash });
        let authors = self.trust_author.iter().map(|wallet| Trusted::Author { wallet: *wallet });
        let all: Vec<_> = algorithms.chain(authors).collect();
        (!all.is_empty()).then_some(all)
    }
}

fn family(text: &str) -> Result<ModelFamily, String> {
    serde_json::from_value(json!(text)).map_err(|_| {
        "use linear_regression, logistic_regression, multilayer_perceptron or convolutional_network".to_owned()
    })
}
