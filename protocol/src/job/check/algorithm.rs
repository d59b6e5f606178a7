//! The rules of a job that is a published algorithm, and of publishers who let only such run.

use super::{Rules, SpecError};
use crate::{
    algorithm::{Authored, Template},
    document::{Policy, Trusted},
    job::JobSpec,
};

/// The rules of a job's format that a template breaks.
pub(crate) fn template_rules(template: &Template) -> Vec<SpecError> {
    let mut rules = Rules::default();
    rules.template(template, false);
    rules.0
}

impl Rules {
    /// Checks that a job that names an algorithm is exactly that.
    pub(super) fn algorithm(&mut self, spec: &JobSpec, published: Option<&Authored>) {
        let (named, published) = match (spec.algorithm, published) {
            (None, None) => return,
            (Some(named), Some(published)) => (named, published),
            (Some(named), None) => {
                self.broken("/algorithm/asset", format!("there is no document of {}", named.asset));
                return;
            }
            (None, Some(_)) => {
                self.broken("/algorithm", "is missing".into());
                return;
            }
        };
        let word =
            |hash: Option<_>| hash.map_or_else(|| "none".to_owned(), |hash: alloy_primitives::B256| hash.to_string());
        let of_asset = published.document.atoll.template.hash();
        if of_asset != Some(named.hash) {
            let message = format!("{} is not this but {} now; take it over again", named.asset, word(of_asset));
            self.broken("/algorithm/hash", message);
        }
        let own = Template::of(spec).hash();
        if own != Some(named.hash) {
            let message = format!(
                "the spec's task, layers, loss, optimizer, epochs, batch size and test fraction are not the algorithm's: their \
                 hash is {}",
                word(own)
            );
            self.broken("/algorithm/hash", message);
        }
    }

    /// Checks that the publisher trusts the job's algorithm.
    pub(super) fn trusted(&mut self, spec: &JobSpec, policy: &Policy, published: Option<&Authored>) {
        let Some(trusted) = &policy.trusted_algorithms else { return };
        let Some(named) = spec.algorithm else {
            let message =
                "the publisher lets only algorithms run that it lists; name one of them, with its asset and hash";
            self.broken("/algorithm", message.into());
            return;
        };
        let listed = trusted.iter().any(|trusted| match trusted {
            Trusted::Algorithm { hash } => *hash == named.hash,
            Trusted::Author { wallet } => published.is_some_and(|published| published.author == *wallet),
        });
        if !listed {
            let message = "the publisher trusts neither this algorithm nor its author; take one of those that it lists";
            self.broken("/algorithm/hash", message.into());
        }
    }
}
