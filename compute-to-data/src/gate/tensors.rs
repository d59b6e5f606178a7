//! The model file: safetensors, read with distrust and written anew.

use std::collections::BTreeMap;

use atoll_protocol::job::{Model, Parameter};
use serde::Deserialize;

use super::OutputError;

/// Longest header: 94 MB of empty tensors would otherwise cost a gigabyte to parse.
const MAX_HEADER: usize = 1 << 20;

/// The tensors of a model, ordered by name.
pub(super) fn declared(model: &Model) -> Vec<Parameter> {
    let mut tensors: Vec<_> = model.parameters().cloned().collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [usize; 2],
}

/// Reads exactly the declared tensors out of `file` and writes them in the one order and layout that they can have.
pub(super) fn rebuild(declared: &[Parameter], file: &[u8]) -> Result<Vec<u8>, OutputError> {
    let (length, rest) = file.split_first_chunk::<8>().ok_or(OutputError::Malformed("no length of the header"))?;
    let length = usize::try_from(u64::from_le_bytes(*length))
        .ok()
        .filter(|length| *length <= MAX_HEADER)
        .ok_or(OutputError::Malformed("a header beyond 1 MiB"))?;
    let (header, data) = rest.split_at_checked(length).ok_or(OutputError::Malformed("a header beyond its end"))?;
    let mut header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(header).map_err(|_| OutputError::Malformed("a header that is not JSON"))?;
    // Free text, which is not passed on.
    header.remove("__metadata__");
    if header.len() != declared.len() {
        return Err(OutputError::Undeclared("their number"));
    }

    let mut ranges = Vec::with_capacity(declared.len());
    let mut entries = serde_json::Map::new();
    entries.insert("__metadata__".to_owned(), serde_json::json!({ "format": "pt" }));
    let mut values = Vec::with_capacity(data.len());
    for tensor in declared {
        let entry = header.remove(&tensor.name).ok_or(OutputError::Undeclared("a name"))?;
        let entry: Entry =
            serde_json::from_value(entry).map_err(|_| OutputError::Malformed("a header of another form"))?;
        if entry.dtype != "F32" {
            return Err(OutputError::Undeclared("a type other than F32"));
        }
        if entry.shape != tensor.shape {
            return Err(OutputError::Undeclared("a shape"));
        }
        let bytes = tensor
            .shape
            .iter()
            .try_fold(4_u64, |bytes, side| bytes.checked_mul(*side))
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or(OutputError::Undeclared("a size"))?;
        let [start, end] = entry.data_offsets;
        if end.checked_sub(start) != Some(bytes) {
            return Err(OutputError::Malformed("offsets that do not fit a shape"));
        }
        let of_tensor = data.get(start..end).ok_or(OutputError::Malformed("offsets beyond the end"))?;
        if of_tensor.as_chunks::<4>().0.iter().any(|value| !f32::from_le_bytes(*value).is_finite()) {
            return Err(OutputError::NotFinite);
        }
        ranges.push((start, end));
        let at = values.len();
        values.extend_from_slice(of_tensor);
        entries.insert(
            tensor.name.clone(),
            serde_json::json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [at, values.len()] }),
        );
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0].1 != pair[1].0) || values.len() != data.len() {
        return Err(OutputError::Malformed("bytes that belong to no tensor, or to two"));
    }

    let mut header = serde_json::Value::Object(entries).to_string().into_bytes();
    // The format aligns the data to 8 bytes with spaces.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header, &values].concat())
}
