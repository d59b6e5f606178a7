//! Whether an attack on a model succeeds more often than its differential privacy allows.
//!
//! Under (ε, δ) no test recognises a member with a probability above e^ε times that of a false alarm plus δ (Kairouz et al.,
//! 2015). Both are measured on few rows, so the job fails only where chance explains neither.

use atoll_protocol::{
    job::{JobSpec, PrivacyCost},
    report::{Attack, Audit, DECOYS, MIN_METRIC_ROWS, Report, canaries},
};

use super::{OutputError, rounded};

/// Probability at which a sound job may fail: once for the false alarms, once for the members.
const CHANCE: f64 = 1e-6;

/// Lets through an audit that fits the job.
///
/// # Errors
/// If it is of another kind than the job's, or recognises more than ε allows.
pub(super) fn audit(
    spec: &JobSpec,
    privacy: Option<PrivacyCost>,
    report: &Report,
) -> Result<Option<Audit>, OutputError> {
    let planted = if privacy.is_some() && !spec.evaluates() { canaries(report.train_rows) } else { 0 };
    let Some(audit) = report.audit else {
        // What a private job was attacked with is no matter of its worker's taste.
        return if planted > 0 { Err(OutputError::Report("no audit")) } else { Ok(None) };
    };
    let fits = match audit.attack {
        Attack::PlantedCanaries => planted > 0 && (audit.members, audit.others) == (planted, DECOYS),
        Attack::HeldOut => {
            let enough = audit.members.min(audit.others) >= MIN_METRIC_ROWS as u64;
            privacy.is_none() && enough && audit.members <= report.train_rows && audit.others <= report.test_rows
        }
    };
    if !fits {
        return Err(OutputError::Report("an audit of other rows"));
    }
    for (rate, recognised) in audit.rates() {
        match recognised {
            None => {}
            Some(part) if !part.is_finite() => return Err(OutputError::NotFinite),
            Some(part) if !(0.0..=1.0).contains(&part) || audit.false_alarms(rate) == 0 => {
                return Err(OutputError::Report("an audit over too few rows"));
            }
            Some(part) => {
                if let Some(privacy) = privacy
                    && is_leak(&audit, rate, part, privacy)
                {
                    return Err(OutputError::Report("the model tells more of its canaries than epsilon allows"));
                }
            }
        }
    }
    let told = |part: Option<f64>| part.map(rounded);
    Ok(Some(Audit {
        tpr_at_1_percent_fpr: told(audit.tpr_at_1_percent_fpr),
        tpr_at_01_percent_fpr: told(audit.tpr_at_01_percent_fpr),
        ..audit
    }))
}

/// Whether so many members are recognised that neither chance nor (ε, δ) explain it.
fn is_leak(audit: &Audit, rate: f64, part: f64, privacy: PrivacyCost) -> bool {
    let most = privacy.epsilon().exp() * largest_rate(audit.false_alarms(rate), audit.others) + privacy.delta;
    let recognised = (part * audit.members as f64).round() as u64;
    most < 1.0 && at_least(recognised, audit.members, most) < CHANCE
}

/// The largest rate at which no more than so many of `count` are seen without an unlikely chance (Clopper and Pearson, 1934).
fn largest_rate(seen: u64, count: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if 1.0 - at_least(seen + 1, count, middle) > CHANCE { low = middle } else { high = middle }
    }
    high
}

/// Probability that so many or more of `count` happen, each with this probability.
fn at_least(seen: u64, count: u64, probability: f64) -> f64 {
    let (log_yes, log_no) = (probability.ln(), (-probability).ln_1p());
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    for k in 0..=count {
        if k > 0 {
            log_choose += ((count - k + 1) as f64 / k as f64).ln();
        }
        if k >= seen {
            sum += (log_choose + k as f64 * log_yes + (count - k) as f64 * log_no).exp();
        }
    }
    if seen == 0 { 1.0 } else { sum.min(1.0) }
}

#[cfg(test)]
mod tests;
