//! The rules of what a job may give away of single rows.

use super::Rules;
use crate::{
    document::AssetDocument,
    job::{DEFAULT_DELTA, JobSpec, NOISE_MULTIPLIERS, PrivacyCost},
};

impl Rules {
    /// Holds the job against what each data set's policy asks for. Returns what it costs, at the first one's δ; none for an
    /// exact training.
    pub(super) fn privacy(
        &mut self,
        spec: &JobSpec,
        first: &AssetDocument,
        joined: &[AssetDocument],
    ) -> Option<PrivacyCost> {
        // Every step is taken on the first data set's rows, to each of which at most one of every other is joined.
        let rows = first.atoll.content.rows;
        for document in std::iter::once(first).chain(joined) {
            let Some(policy) = &document.atoll.policy.privacy else { continue };
            let most = policy.epsilon_per_job;
            match spec.privacy_cost(rows, policy.delta) {
                Some(cost) if cost.epsilon() <= most => {}
                Some(cost) => {
                    let (epsilon, fits) = (cost.epsilon(), self::fits(spec, rows, policy.delta, most));
                    self.broken(
                        "/privacy/noise_multiplier",
                        format!("epsilon would be {epsilon:.3} and the publisher allows {most} per job; {fits}"),
                    );
                }
                None => {
                    let fits = self::fits(spec, rows, policy.delta, most);
                    self.broken(
                        "/privacy",
                        format!("the publisher asks for differential privacy, epsilon {most} per job; {fits}"),
                    );
                }
            }
        }
        let delta = first.atoll.policy.privacy.map_or(DEFAULT_DELTA, |policy| policy.delta);
        spec.privacy_cost(rows, delta)
    }
}

/// What would fit, in words.
fn fits(spec: &JobSpec, rows: u64, delta: f64, epsilon: f64) -> String {
    let fewer = "train fewer epochs, or in smaller batches";
    let Some(sampling) = spec.sampling(rows) else { return fewer.to_owned() };
    match atoll_privacy::noise_multiplier(epsilon, delta, sampling.rate, sampling.steps) {
        Ok(noise) if noise <= *NOISE_MULTIPLIERS.end() => {
            let noise = (noise * 1_000.0).ceil() / 1_000.0;
            format!("declare a noise multiplier of at least {noise}, or {fewer}")
        }
        _ => fewer.to_owned(),
    }
}
