//! Documents of others, passed on as they are written.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON document as it was published, byte for byte. Whoever only passes it on need not read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawDocument(Box<RawValue>);

impl RawDocument {
    /// A document from its bytes.
    ///
    /// # Errors
    /// If they are not JSON.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes).map(Self)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The document, read as a `T`.
    ///
    /// # Errors
    /// If it is not one.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl PartialEq for RawDocument {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_bytes() {
        let text = r#"{"b":1.0,"a":[ ]}"#;
        let document = RawDocument::from_slice(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&document).unwrap(), text);
        assert_eq!(document.read::<serde_json::Value>().unwrap()["b"], 1.0);
        assert!(RawDocument::from_slice(b"{").is_err());
    }
}
