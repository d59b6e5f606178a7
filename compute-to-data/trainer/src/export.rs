//! The model as safetensors (<https://github.com/huggingface/safetensors>), as PyTorch would have written it.

use std::{borrow::Cow, collections::HashMap};

use safetensors::{Dtype, View};

use crate::network::NamedTensor;

/// The file's bytes. The same tensors give the same bytes: they are ordered by name, and the one entry of metadata
/// says who can load it.
pub fn safetensors(tensors: &[NamedTensor]) -> Vec<u8> {
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)), Some(metadata))
        .expect("names are unique and shapes fit their values")
}

impl View for &NamedTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}
