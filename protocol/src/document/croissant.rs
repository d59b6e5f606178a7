//! The Croissant part of the document: how data catalogues and ML tools read the columns.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{AssetDocument, AtollSection, Column, ColumnKind, Content, Policy, Provider};

/// Croissant version that the documents follow.
pub(super) const CONFORMS_TO: &str = "http://mlcommons.org/croissant/1.0";

/// A file, here the sealed one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileObject {
    /// `cr:FileObject`.
    #[serde(rename = "@type")]
    pub kind: String,
    /// Id within the document.
    #[serde(rename = "@id")]
    pub id: String,
    /// Name.
    pub name: String,
    /// Where it is: `atoll:sealed`, for the file never leaves its provider in the clear.
    #[serde(rename = "contentUrl")]
    pub content_url: String,
    /// Media type of the plaintext.
    #[serde(rename = "encodingFormat")]
    pub encoding_format: String,
    /// SHA-256 of the stored (encrypted) bytes, hex.
    pub sha256: String,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordSet {
    /// `cr:RecordSet`.
    #[serde(rename = "@type")]
    pub kind: String,
    /// Id within the document.
    #[serde(rename = "@id")]
    pub id: String,
    /// Name.
    pub name: String,
    /// Columns.
    pub field: Vec<Field>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// `cr:Field`.
    #[serde(rename = "@type")]
    pub kind: String,
    /// Id within the document.
    #[serde(rename = "@id")]
    pub id: String,
    /// Name.
    pub name: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `sc:Float`, `sc:Text` or `sc:ImageObject`; of the column to predict, beside [`LABEL`].
    #[serde(rename = "dataType")]
    pub data_type: DataType,
    /// Which column of which file.
    pub source: serde_json::Value,
}

/// Croissant's data type of what a model learns to tell, which stands beside the atomic one ("Label data" in its
/// specification).
pub const LABEL: &str = "cr:Label";

/// What the values of a column are: one type, or several of which one is atomic. Each keeps the form that it was written in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a data type or a list of data types")]
pub enum DataType {
    /// Such as `sc:Float`.
    One(String),
    /// Such as `sc:Text` and `cr:Label`.
    Many(Vec<String>),
}

impl DataType {
    /// All of them.
    pub fn types(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The JSON-LD context: the vocabulary's own, as its specification gives it, and the `atoll` prefix.
pub fn context() -> serde_json::Value {
    json!({
        "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/", "atoll": "https://atoll.dev/ns/v1#",
        "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo", "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "equivalentProperty": "cr:equivalentProperty", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
        "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
        "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
        "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
        "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
        "samplingRate": "cr:samplingRate", "separator": "cr:separator", "source": "cr:source",
        "subField": "cr:subField", "transform": "cr:transform"
    })
}

impl AssetDocument {
    /// A complete document of a sealed table: the Croissant part follows from the declared columns.
    pub fn table(
        name: &str,
        description: &str,
        license: &str,
        columns: Vec<Column>,
        content: Content,
        provider: Provider,
        policy: Policy,
    ) -> Self {
        let field = |column: &Column| Field {
            kind: "cr:Field".into(),
            id: format!("table/{}", column.name),
            name: column.name.clone(),
            description: column.description.clone(),
            data_type: match column.kind {
                ColumnKind::Number { .. } => DataType::One("sc:Float".into()),
                ColumnKind::Category { .. } | ColumnKind::Key {} => DataType::One("sc:Text".into()),
                ColumnKind::Image(_) => DataType::One("sc:ImageObject".into()),
            },
            source: json!({"fileObject": {"@id": "sealed"}, "extract": {"column": column.name}}),
        };
        Self {
            context: context(),
            kind: "sc:Dataset".into(),
            name: name.into(),
            description: description.into(),
            conforms_to: CONFORMS_TO.into(),
            license: license.into(),
            url: None,
            date_published: None,
            version: None,
            keywords: Vec::new(),
            distribution: vec![FileObject {
                kind: "cr:FileObject".into(),
                id: "sealed".into(),
                name: "sealed".into(),
                content_url: "atoll:sealed".into(),
                encoding_format: content.media_type.to_string(),
                sha256: hex::encode(content.ciphertext_sha256),
            }],
            record_set: vec![RecordSet {
                kind: "cr:RecordSet".into(),
                id: "table".into(),
                name: "table".into(),
                field: columns.iter().map(field).collect(),
            }],
            atoll: AtollSection {
                version: 1,
                columns,
                content,
                provider,
                policy,
                services: Vec::new(),
                sample_rows: Vec::new(),
            },
        }
    }

    /// Marks the column that buyers most likely want to predict. False if there is no such column.
    pub fn mark_target(&mut self, name: &str) -> bool {
        let mut fields = self.record_set.iter_mut().flat_map(|set| &mut set.field);
        let Some(field) = fields.find(|field| field.name == name) else { return false };
        let mut types = field.data_type.types().to_vec();
        if !types.iter().any(|one| one == LABEL) {
            types.push(LABEL.into());
        }
        field.data_type = DataType::Many(types);
        true
    }

    /// The column that the publisher marked as the one to predict; the first, if several are.
    pub fn target(&self) -> Option<&str> {
        let mut fields = self.record_set.iter().flat_map(|set| &set.field);
        fields.find(|field| field.data_type.types().iter().any(|one| one == LABEL)).map(|field| field.name.as_str())
    }
}
