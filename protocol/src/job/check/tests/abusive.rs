//! Specs that are meant to harm: each has one member replaced by a text that nothing should survive.

use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;

use super::{example, spec};
use crate::job::JobSpec;

#[derive(Deserialize)]
struct Abuse {
    /// The member that is replaced.
    at: String,
    /// What stands in its place, as it is.
    raw: String,
    /// What stands in the place of `…` in it, how many times.
    #[serde(default)]
    repeated: String,
    #[serde(default)]
    times: usize,
    /// Where the refusal points to, or `not JSON`.
    refused: String,
}

impl Abuse {
    /// The text of the whole spec.
    fn text(&self) -> String {
        let mut spec = spec();
        let (parent, name) = self.at.rsplit_once('/').unwrap();
        let mark = "a place for what is replaced";
        match (spec.pointer_mut(parent).unwrap(), name.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => items[index] = mark.into(),
            (parent, _) => parent[name] = mark.into(),
        }
        let raw = self.raw.replace('…', &self.repeated.repeat(self.times));
        spec.to_string().replace(&format!("\"{mark}\""), &raw)
    }
}

/// The slowest is told with `--nocapture`: what is refused costs the provider of the answer next to nothing.
#[test]
fn two_hundred_abusive_specs_are_refused_with_their_reasons() {
    let list: Vec<Abuse> = serde_json::from_str(include_str!("../../../../tests/vectors/abusive-specs.json")).unwrap();
    assert!(list.len() >= 200, "{}", list.len());
    let document = example();
    let mut slowest = (0.0, String::new());
    for abuse in &list {
        let text = abuse.text();
        let start = Instant::now();
        let outcome = serde_json::from_str::<Value>(&text)
            .map(|value| JobSpec::parse(&value).and_then(|spec| spec.check(&document)));
        let seconds = start.elapsed().as_secs_f64();
        let what = format!("{} = {:.60}", abuse.at, abuse.raw);
        match outcome {
            Err(_) => assert_eq!(abuse.refused, "not JSON", "{what}"),
            Ok(Ok(_)) => panic!("{what} is accepted"),
            Ok(Err(errors)) => {
                // A member of the wrong type may be told of by what it is in.
                let named = |at: &str| at.starts_with(&abuse.refused) || abuse.refused.starts_with(at);
                let named = abuse.refused == "/" || errors.0.iter().any(|e| !e.pointer.is_empty() && named(&e.pointer));
                assert!(named && errors.0.iter().all(|error| !error.message.is_empty()), "{what}: {errors:.300}");
            }
        }
        if seconds > slowest.0 {
            slowest = (seconds, what);
        }
    }
    println!("{} specs refused, the slowest in {:.3} ms: {}", list.len(), 1e3 * slowest.0, slowest.1);
}
