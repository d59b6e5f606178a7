//! The download spec, version 1: which content the buyer of a download wants to be able to open.
//!
//! Its canonical keccak-256 is the request hash of the order, as that of a job spec is. The two have no form in common, so
//! that an order for one is never an order for the other, whatever it costs.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    document::{AssetDocument, ServiceOffer},
    ids::AssetId,
    job::{SpecError, SpecErrors},
};

/// What is to be downloaded. Canonical bytes are RFC 8785 over the JSON as it was signed; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DownloadSpec {
    /// Format of this document: 1.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub version: u32,
    /// That it is a download.
    pub kind: DownloadKind,
    /// CAIP-19 id of the asset.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::AssetId))]
    pub asset: AssetId,
    /// Number of the ordered service within the asset.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub service_index: u32,
    /// Version of the content.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub content_version: u32,
    /// SHA-256 of the ciphertext.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub ciphertext_sha256: B256,
}

/// The one kind that a download spec has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DownloadKind {
    /// A download.
    Download,
}

/// JSON Schema (2020-12) of the spec, for editors and other languages.
pub const SCHEMA: &str = include_str!("../schemas/download-spec-v1.json");

impl DownloadSpec {
    /// The download of an asset's content as its document has it now.
    pub fn of(asset: AssetId, service_index: u32, document: &AssetDocument) -> Self {
        let content = &document.atoll.content;
        Self {
            version: 1,
            kind: DownloadKind::Download,
            asset,
            service_index,
            content_version: content.version,
            ciphertext_sha256: content.ciphertext_sha256,
        }
    }

    /// Reads a spec; fields that the format does not know are refused.
    ///
    /// # Errors
    /// Where the JSON is not of the format.
    pub fn parse(value: &serde_json::Value) -> Result<Self, SpecErrors> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let message = format!("{}; see the schema of the download spec, version 1", error.inner());
            SpecErrors(vec![SpecError { pointer: crate::canonical::pointer(error.path()), message }])
        })
    }

    /// Checks every rule against the data set's published document. Returns for how many seconds after its delivery the
    /// content can be fetched.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn check(&self, document: &AssetDocument) -> Result<u32, SpecErrors> {
        let mut broken = Vec::new();
        let mut check = |holds: bool, pointer: &str, message: String| {
            if !holds {
                broken.push(SpecError { pointer: pointer.to_owned(), message });
            }
        };
        check(self.version == 1, "/version", format!("{} is not known; the version is 1", self.version));
        let (content, own) = (&document.atoll.content, self.content_version);
        let message = format!("the data set has version {} now and not {own}; order that one", content.version);
        check(own == content.version, "/content_version", message);
        let message = "the data set has another content now; order that one".to_owned();
        check(self.ciphertext_sha256 == content.ciphertext_sha256, "/ciphertext_sha256", message);
        let valid_for_seconds = match document.service(self.service_index) {
            ServiceOffer::Download { valid_for_seconds, .. } => valid_for_seconds,
            ServiceOffer::Compute { service_index } => {
                let message = format!("service {service_index} sells computation and no download; order one that does");
                check(false, "/service_index", message);
                0
            }
        };
        if broken.is_empty() { Ok(valid_for_seconds) } else { Err(SpecErrors(broken)) }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use serde_json::json;

    use super::*;
    use crate::{document, job::JobSpec};

    fn asset() -> AssetId {
        AssetId { chain_id: 31337, registry: Address::repeat_byte(1), token_id: U256::from(42) }
    }

    fn sold() -> AssetDocument {
        let mut document = document::example();
        document.atoll.services = vec![
            ServiceOffer::Compute { service_index: 0 },
            ServiceOffer::Download { service_index: 1, valid_for_seconds: 3600 },
        ];
        document
    }

    #[test]
    fn only_the_content_of_now_and_only_a_service_that_is_a_download() {
        let document = sold();
        let good = DownloadSpec::of(asset(), 1, &document);
        assert_eq!(good.check(&document), Ok(3600));
        let places = |spec: &DownloadSpec| -> Vec<String> {
            spec.check(&document).unwrap_err().0.into_iter().map(|error| error.pointer).collect()
        };
        assert_eq!(places(&DownloadSpec { service_index: 0, ..good.clone() }), ["/service_index"]);
        // What is not declared is computation.
        assert_eq!(places(&DownloadSpec { service_index: 2, ..good.clone() }), ["/service_index"]);
        let old = DownloadSpec { content_version: 9, ciphertext_sha256: B256::ZERO, version: 2, ..good };
        assert_eq!(places(&old), ["/version", "/content_version", "/ciphertext_sha256"]);
    }

    #[test]
    fn a_download_spec_is_never_a_job_spec_and_its_hash_has_a_vector() {
        let spec = DownloadSpec::of(asset(), 1, &sold());
        let value = serde_json::to_value(&spec).unwrap();
        assert_eq!(DownloadSpec::parse(&value), Ok(spec.clone()));
        assert!(JobSpec::parse(&value).is_err());
        for (name, other) in [("kind", json!("compute")), ("price", json!(1)), ("service_index", json!(-1))] {
            let mut bad = value.clone();
            bad[name] = other;
            assert!(DownloadSpec::parse(&bad).is_err(), "{name}");
        }
        let bytes = concat!(
            r#"{"asset":"eip155:31337/erc721:0x0101010101010101010101010101010101010101/42","#,
            r#""ciphertext_sha256":"0x0101010101010101010101010101010101010101010101010101010101010101","#,
            r#""content_version":1,"kind":"download","service_index":1,"version":1}"#
        );
        assert_eq!(crate::canonical::to_bytes(&spec).unwrap(), bytes.as_bytes());
    }

    #[test]
    fn the_schema_agrees_with_the_reader() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let value = serde_json::to_value(DownloadSpec::of(asset(), 1, &sold())).unwrap();
        assert!(schema.is_valid(&value));
        for (name, other) in [
            ("version", json!("1")),
            ("kind", json!("compute")),
            ("asset", json!("42")),
            ("service_index", json!(1u64 << 32)),
            ("content_version", json!(-1)),
            ("ciphertext_sha256", json!("0x12")),
            ("price", json!(1)),
        ] {
            let mut bad = value.clone();
            bad[name] = other;
            assert!(!schema.is_valid(&bad) && DownloadSpec::parse(&bad).is_err(), "{name}");
            bad.as_object_mut().unwrap().remove(name);
            let complete = name == "price";
            assert_eq!((schema.is_valid(&bad), DownloadSpec::parse(&bad).is_ok()), (complete, complete), "{name}");
        }
    }
}
