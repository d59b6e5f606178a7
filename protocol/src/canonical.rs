//! JSON: its canonical form (RFC 8785), the hashes that are taken of it, and places in it.

use alloy_primitives::{B256, keccak256};
use serde::Serialize;

/// The one byte sequence that stands for this JSON value (RFC 8785), whatever order or spacing it arrived in.
///
/// # Errors
/// If the value can not be written as JSON (a map with keys that are not strings, a number that is not finite).
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// keccak-256 of the canonical bytes.
///
/// # Errors
/// As [`to_bytes`].
pub fn hash<T: Serialize>(value: &T) -> Result<B256, serde_json::Error> {
    Ok(keccak256(to_bytes(value)?))
}

/// JSON pointer (RFC 6901) of the place where reading stopped.
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_spacing_do_not_change_the_hash() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b": 1.0, "a": [1e-7, "é"]}"#).unwrap();
        let b: serde_json::Value = serde_json::from_str(r#"{"a":[0.0000001,"\u00e9"],"b":1}"#).unwrap();
        assert_eq!(to_bytes(&a).unwrap(), r#"{"a":[1e-7,"é"],"b":1}"#.as_bytes());
        assert_eq!(hash(&a).unwrap(), hash(&b).unwrap());
    }
}
