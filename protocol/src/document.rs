//! An asset's metadata: a schema.org `Dataset` in the Croissant vocabulary with one `atoll:` section.
//!
//! The bytes that are published are the canonical JSON of the document ([`crate::canonical`]); their keccak-256 is on
//! chain, so nobody can change a term, a bound or a wrapped key without the publisher's wallet.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{
    envelope::WrappedKey,
    ids::AssetId,
    job::{Block, ModelFamily},
};

mod check;
mod croissant;
mod image;
mod media;
mod sample;
mod shape;

pub use check::{DocumentError, DocumentErrors, MAX_BYTES, MAX_COLUMNS, MAX_VALID_FOR, MIN_VALID_FOR};
pub(crate) use check::{MAX_DESCRIPTION, MAX_NAME};
pub use croissant::{DataType, Field, FileObject, LABEL, RecordSet, context};
pub use image::{Image, MAX_CHANNELS, MAX_IMAGE_BYTES};
pub use media::MediaType;
pub use sample::Sample;

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetDocument {
    /// JSON-LD context: Croissant's, plus the `atoll` prefix.
    #[serde(rename = "@context")]
    pub context: serde_json::Value,
    /// `sc:Dataset`.
    #[serde(rename = "@type")]
    pub kind: String,
    /// Title.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Croissant version that this follows.
    #[serde(rename = "conformsTo")]
    pub conforms_to: String,
    /// Licence or terms of the data, a URL or an SPDX name.
    pub license: String,
    /// Where the data is described, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// RFC 3339 date of publication.
    #[serde(rename = "datePublished", default, skip_serializing_if = "Option::is_none")]
    pub date_published: Option<String>,
    /// Version of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The sealed file.
    pub distribution: Vec<FileObject>,
    /// The table's columns, in Croissant's words.
    #[serde(rename = "recordSet")]
    pub record_set: Vec<RecordSet>,
    /// What the market needs.
    #[serde(rename = "atoll:market")]
    pub atoll: AtollSection,
}

/// What the market needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtollSection {
    /// Format of this section: 1.
    pub version: u32,
    /// Columns with bounds and categories, in the table's order.
    pub columns: Vec<Column>,
    /// The sealed content.
    pub content: Content,
    /// Who computes on it.
    pub provider: Provider,
    /// What may be computed.
    pub policy: Policy,
    /// What each service is, by its number on chain. A service that is not named sells computation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceOffer>,
    /// Rows that the publisher chose to show, each with a text per column. They are public. An image stands there as the
    /// base64 of its bytes (RFC 4648 section 4, with padding).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample_rows: Vec<Vec<String>>,
}

/// What a service hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ServiceKind {
    /// A model that is trained on the data, which stay where they are.
    Compute,
    /// The data themselves.
    Download,
}

/// JSON Schema (2020-12) of the declared services, for editors and other languages.
pub const SERVICES_SCHEMA: &str = include_str!("../schemas/asset-services-v1.json");

/// A service as its publisher declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServiceOffer {
    /// Jobs are run on the data.
    Compute {
        /// Number of the service within the asset.
        service_index: u32,
    },
    /// The content key is handed over: whoever buys this has the data.
    Download {
        /// Number of the service within the asset.
        service_index: u32,
        /// Seconds after delivery for which the server gives the ciphertext to the buyer.
        valid_for_seconds: u32,
    },
}

impl ServiceOffer {
    /// Number of the service within the asset.
    pub fn service_index(&self) -> u32 {
        match self {
            Self::Compute { service_index } | Self::Download { service_index, .. } => *service_index,
        }
    }

    /// What it hands over.
    pub fn kind(&self) -> ServiceKind {
        match self {
            Self::Compute { .. } => ServiceKind::Compute,
            Self::Download { .. } => ServiceKind::Download,
        }
    }
}

/// A declared column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name, as in the table's header.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a column holds. Training scales with these declarations and never with statistics of the private rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnKind {
    /// A number. Values outside the bounds are clamped to them.
    Number {
        /// Lower bound.
        min: f64,
        /// Upper bound, above `min`.
        max: f64,
    },
    /// One of the named values.
    Category {
        /// All of them.
        values: Vec<String>,
    },
    /// A picture of one size, in Parquet only. A model sees each byte divided by 255.
    Image(Image),
    /// A text that says whose row it is, such as a patient's number. Nothing is learnt from it, and it is never shown; rows of
    /// several data sets are joined by it.
    Key {},
}

impl ColumnKind {
    /// Numbers that one cell becomes before a model: categories one-hot, an image flattened.
    pub fn inputs(&self) -> u64 {
        match self {
            Self::Number { .. } => 1,
            Self::Category { values } => values.len() as u64,
            Self::Image(image) => image.bytes(),
            Self::Key {} => 0,
        }
    }

    /// Those inputs, as a model sees them.
    pub fn block(&self) -> Block {
        match self {
            Self::Category { values } => Block::Category(values.len() as u64),
            other => Block::Numbers(other.inputs()),
        }
    }

    /// True if a model can learn to predict such a column.
    pub fn can_be_predicted(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Category { .. })
    }
}

/// The sealed content and its commitment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Version of the content; part of the envelope's context.
    pub version: u32,
    /// [`crate::envelope::FORMAT`].
    pub format: String,
    /// SHA-256 of the ciphertext.
    pub ciphertext_sha256: B256,
    /// Length of the ciphertext in bytes.
    pub ciphertext_bytes: u64,
    /// Format of the plaintext.
    pub media_type: MediaType,
    /// Rows, as the publisher declares them.
    pub rows: u64,
    /// The content key, wrapped to each party that may open it.
    pub keys: Vec<WrappedKey>,
}

/// Who computes on the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Wallet that signs receipts and ends orders.
    pub wallet: Address,
    /// X25519 public key that the content key is wrapped to.
    pub public_key: B256,
}

/// What may be computed on the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Model families that may be trained.
    pub model_families: Vec<ModelFamily>,
    /// Rows that a training needs at least.
    pub min_rows: u64,
    /// Wall clock that one job may use.
    pub max_seconds: u32,
    /// Memory that one job may use.
    pub max_memory_mib: u32,
    /// Trainable numbers that one model may have.
    pub max_parameters: u64,
    /// Consumers that may order; everyone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<Address>>,
    /// Consumers that may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Address>,
    /// Assets whose rows may be joined to these; none if absent. Who joins a table of his own learns from the number of rows
    /// whom this one holds, so both sides have to name each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub join_with: Vec<AssetId>,
    /// Whether statistics may be asked for, which always have noise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub statistics: bool,
    /// Algorithms that alone may be trained; any model of an allowed family if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_algorithms: Option<Vec<Trusted>>,
    /// Differential privacy that every training has to have; without it trainings are exact, and nothing bounds what a buyer
    /// learns of single rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacyPolicy>,
}

/// What may be given away of a row at most, at this δ. The provider keeps account of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrivacyPolicy {
    /// δ: the probability that ε does not hold, at most one in as many as there are rows.
    pub delta: f64,
    /// ε of one job.
    pub epsilon_per_job: f64,
    /// ε of all jobs of one consumer.
    pub epsilon_per_buyer: f64,
    /// ε of all jobs.
    pub epsilon_total: f64,
}

/// Whose or which algorithms a publisher trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trusted {
    /// One algorithm.
    Algorithm {
        /// keccak-256 of its canonical template ([`crate::algorithm::Template::hash`]).
        hash: B256,
    },
    /// Every algorithm that this wallet published and owns.
    Author {
        /// The wallet.
        wallet: Address,
    },
}

impl AssetDocument {
    /// Reads published bytes and checks every rule of the format.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentErrors> {
        check::parse(bytes)
    }

    /// The bytes to publish.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        crate::canonical::to_bytes(self)
    }

    /// A service by its number; what is not declared sells computation.
    pub fn service(&self, service_index: u32) -> ServiceOffer {
        let declared = self.atoll.services.iter().find(|service| service.service_index() == service_index);
        declared.copied().unwrap_or(ServiceOffer::Compute { service_index })
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.atoll.columns.iter().find(|c| c.name == name)
    }
}

/// A small sound document, for tests.
#[cfg(test)]
pub(crate) fn example() -> AssetDocument {
    let number =
        |name: &str| Column { name: name.into(), kind: ColumnKind::Number { min: -1.0, max: 1.0 }, description: None };
    let key = B256::repeat_byte(9);
    AssetDocument::table(
        "Points",
        "Two numbers and a class",
        "CC-BY-4.0",
        vec![
            number("x0"),
            number("x1"),
            Column {
                name: "y".into(),
                kind: ColumnKind::Category { values: vec!["a".into(), "b".into()] },
                description: Some("class".into()),
            },
        ],
        Content {
            version: 1,
            format: crate::envelope::FORMAT.into(),
            ciphertext_sha256: B256::repeat_byte(1),
            ciphertext_bytes: 1000,
            media_type: MediaType::Csv,
            rows: 100,
            keys: vec![WrappedKey { recipient: key, encapsulated: key, ciphertext: vec![0; 48].into() }],
        },
        Provider { wallet: Address::repeat_byte(3), public_key: key },
        Policy {
            model_families: vec![
                ModelFamily::LinearRegression,
                ModelFamily::LogisticRegression,
                ModelFamily::MultilayerPerceptron,
            ],
            min_rows: 50,
            max_seconds: 600,
            max_memory_mib: 1024,
            max_parameters: 10_000,
            allow: None,
            deny: Vec::new(),
            join_with: Vec::new(),
            statistics: false,
            trusted_algorithms: None,
            privacy: None,
        },
    )
}
