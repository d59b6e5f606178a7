//! The rules of a metadata document.

use std::collections::HashSet;

use super::{
    AssetDocument, ColumnKind, MAX_CHANNELS, MAX_IMAGE_BYTES, MediaType, PrivacyPolicy, ServiceOffer,
    croissant::CONFORMS_TO, shape,
};
use crate::envelope::FORMAT;

/// Most bytes of a document.
pub const MAX_BYTES: usize = 64 << 10;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 4_096;
/// Shortest time for which a download is given out, in seconds: a minute.
pub const MIN_VALID_FOR: u32 = 60;
/// Longest time for which a download is given out, in seconds: 366 days.
pub const MAX_VALID_FOR: u32 = 366 * 24 * 3600;
/// Most entries of a list in the policy.
const MAX_LISTED: usize = 100;
/// Largest ε of a policy: beyond it nothing is hidden.
const MAX_EPSILON: f64 = 1_000.0;
/// Most services that are declared.
const MAX_SERVICES: usize = 100;
/// Most characters of a name.
pub(crate) const MAX_NAME: usize = 200;
/// Most characters of a description.
pub(crate) const MAX_DESCRIPTION: usize = 10_000;
/// Most categories of a column.
const MAX_CATEGORIES: usize = 1_000;
/// Most errors that are named; how many more there are is said.
const MAX_ERRORS: usize = 100;
/// Most sample rows.
const MAX_SAMPLE_ROWS: usize = 20;
/// Most bytes that the images of one row may have together: the most that any row may have.
const MAX_ROW_IMAGES: u64 = 1 << 20;

/// One rule that a document breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every rule that a document breaks, at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DocumentErrors(pub Vec<DocumentError>);

impl DocumentErrors {
    fn of(mut errors: Vec<DocumentError>) -> Self {
        let more = errors.len().saturating_sub(MAX_ERRORS);
        if more > 0 {
            errors.truncate(MAX_ERRORS);
            errors.push(DocumentError { pointer: String::new(), message: format!("has {more} more errors") });
        }
        Self(errors)
    }
}

impl std::fmt::Display for DocumentErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the metadata document can not be published as it is: ")?;
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", if error.pointer.is_empty() { "/" } else { &error.pointer }, error.message)?;
        }
        Ok(())
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<AssetDocument, DocumentErrors> {
    let one = |message: String| DocumentErrors(vec![DocumentError { pointer: String::new(), message }]);
    if bytes.len() > MAX_BYTES {
        return Err(one(format!("{} bytes are too many; a document has at most {MAX_BYTES}", bytes.len())));
    }
    match serde_json::from_slice::<AssetDocument>(bytes) {
        Ok(document) => {
            let broken = broken_rules(&document);
            if broken.is_empty() { Ok(document) } else { Err(DocumentErrors::of(broken)) }
        }
        Err(error) => {
            // Not as it should be, but perhaps near enough to say everything that is wrong.
            let value =
                serde_json::from_slice(bytes).map_err(|error| one(format!("not a metadata document: {error}")))?;
            let (document, unread) = shape::read(&value);
            if unread.is_empty() {
                return Err(one(format!("not a metadata document: {error}")));
            }
            let clear =
                |rule: &DocumentError| !unread.iter().any(|place| shape::clouded(&rule.pointer, &place.pointer));
            let broken = document.map(|document| broken_rules(&document)).unwrap_or_default();
            let broken: Vec<_> = broken.into_iter().filter(clear).collect();
            Err(DocumentErrors::of([unread, broken].concat()))
        }
    }
}

fn broken_rules(document: &AssetDocument) -> Vec<DocumentError> {
    let mut rules = Rules(Vec::new());
    rules.header(document);
    rules.columns(document);
    rules.content(document);
    rules.policy(document);
    rules.services(document);
    rules.0
}

struct Rules(Vec<DocumentError>);

impl Rules {
    fn check(&mut self, holds: bool, pointer: impl Into<String>, message: impl Into<String>) {
        if !holds {
            self.0.push(DocumentError { pointer: pointer.into(), message: message.into() });
        }
    }

    fn header(&mut self, document: &AssetDocument) {
        let length = |text: &str| text.chars().count();
        self.check(document.kind == "sc:Dataset", "/@type", "must be sc:Dataset");
        self.check(document.conforms_to == CONFORMS_TO, "/conformsTo", format!("must be {CONFORMS_TO}"));
        let name = length(document.name.trim());
        self.check((1..=MAX_NAME).contains(&name), "/name", format!("must have 1 to {MAX_NAME} characters"));
        let described = length(&document.description) <= MAX_DESCRIPTION;
        self.check(described, "/description", format!("must have at most {MAX_DESCRIPTION} characters"));
        self.check(!document.license.trim().is_empty(), "/license", "name the licence or terms of the data");
        self.check(document.atoll.version == 1, "/atoll:market/version", "must be 1");
    }

    fn columns(&mut self, document: &AssetDocument) {
        let columns = &document.atoll.columns;
        let pointer = "/atoll:market/columns";
        self.check((1..=MAX_COLUMNS).contains(&columns.len()), pointer, format!("must be 1 to {MAX_COLUMNS} columns"));
        let mut names = HashSet::new();
        for (index, column) in columns.iter().enumerate() {
            let at = |field: &str| format!("{pointer}/{index}/{field}");
            let length = column.name.chars().count();
            self.check((1..=MAX_NAME).contains(&length), at("name"), format!("must have 1 to {MAX_NAME} characters"));
            self.check(names.insert(&column.name), at("name"), format!("`{}` is declared twice", column.name));
            match &column.kind {
                ColumnKind::Number { min, max } => {
                    let sound = min.is_finite() && max.is_finite() && min < max && (max - min).is_finite();
                    self.check(sound, at("type"), "must have min below max");
                }
                ColumnKind::Category { values } => {
                    let count = (2..=MAX_CATEGORIES).contains(&values.len());
                    self.check(count, at("type/values"), format!("must be 2 to {MAX_CATEGORIES} categories"));
                    let distinct = values.iter().collect::<HashSet<_>>().len() == values.len();
                    self.check(distinct, at("type/values"), "must not repeat a category");
                    self.check(
                        values.iter().all(|v| !v.is_empty()),
                        at("type/values"),
                        "must not have an empty category",
                    );
                }
                ColumnKind::Image(image) => {
                    let message = format!(
                        "must have a height and a width, 1 to {MAX_CHANNELS} channels, and at most {MAX_IMAGE_BYTES} bytes in all"
                    );
                    self.check(image.is_sound(), at("type"), message);
                    let parquet = document.atoll.content.media_type == MediaType::Parquet;
                    let message = format!("images need a table of media type {}", MediaType::Parquet);
                    self.check(parquet, at("type/kind"), message);
                }
                ColumnKind::Key {} => {}
            }
        }
        // An image of an impossible size is told of already.
        let images = columns.iter().filter_map(|column| match &column.kind {
            ColumnKind::Image(image) if image.is_sound() => Some(image.bytes()),
            _ => None,
        });
        let message = format!("a row's images must have at most {MAX_ROW_IMAGES} bytes together");
        self.check(images.sum::<u64>() <= MAX_ROW_IMAGES, pointer, message);
        let fields = document.record_set.iter().flat_map(|r| &r.field).map(|f| &f.name);
        let same = fields.eq(columns.iter().map(|c| &c.name));
        self.check(same, "/recordSet", "must have the fields of /atoll:market/columns, in their order");
        for (set, record_set) in document.record_set.iter().enumerate() {
            for (index, field) in record_set.field.iter().enumerate() {
                let at = format!("/recordSet/{set}/field/{index}/dataType");
                self.check(!field.data_type.types().is_empty(), at, "must name at least one data type");
            }
        }
        let samples = &document.atoll.sample_rows;
        let fits = samples.len() <= MAX_SAMPLE_ROWS && samples.iter().all(|row| row.len() == columns.len());
        let message = format!("must be at most {MAX_SAMPLE_ROWS} rows with one text per column");
        self.check(fits, "/atoll:market/sample_rows", message);
        for (row, cells) in samples.iter().enumerate() {
            for (index, (cell, column)) in cells.iter().zip(columns).enumerate() {
                let at = format!("/atoll:market/sample_rows/{row}/{index}");
                match &column.kind {
                    ColumnKind::Image(image) => {
                        let message = format!("must be the base64 of an image of {} bytes", image.bytes());
                        self.check(image.fits_text(cell), at, message);
                    }
                    ColumnKind::Key {} => {
                        self.check(cell.is_empty(), at, "must be empty: what says whose row it is is never shown");
                    }
                    ColumnKind::Number { .. } | ColumnKind::Category { .. } => {}
                }
            }
        }
    }

    fn content(&mut self, document: &AssetDocument) {
        let content = &document.atoll.content;
        let at = |field: &str| format!("/atoll:market/content/{field}");
        self.check(content.version >= 1, at("version"), "must be at least 1");
        self.check(content.format == FORMAT, at("format"), format!("must be {FORMAT}"));
        self.check(content.rows >= 1, at("rows"), "must be at least 1");
        self.check(content.ciphertext_bytes >= 72, at("ciphertext_bytes"), "an encrypted file has at least 72 bytes");
        let provider = document.atoll.provider.public_key;
        let wrapped = content.keys.iter().any(|k| k.recipient == provider && k.ciphertext.len() == 48);
        self.check(wrapped, at("keys"), "must have the content key, wrapped to the provider's public key");
    }

    fn services(&mut self, document: &AssetDocument) {
        let services = &document.atoll.services;
        let few = services.len() <= MAX_SERVICES;
        self.check(few, "/atoll:market/services", format!("must be at most {MAX_SERVICES}"));
        let mut seen = HashSet::new();
        for (index, service) in services.iter().enumerate() {
            let at = |field: &str| format!("/atoll:market/services/{index}/{field}");
            let new = seen.insert(service.service_index());
            self.check(new, at("service_index"), "must be another than that of a service before");
            if let ServiceOffer::Download { valid_for_seconds, .. } = service {
                let within = (MIN_VALID_FOR..=MAX_VALID_FOR).contains(valid_for_seconds);
                let message = format!("must be {MIN_VALID_FOR} to {MAX_VALID_FOR}");
                self.check(within, at("valid_for_seconds"), message);
            }
        }
    }

    fn policy(&mut self, document: &AssetDocument) {
        let policy = &document.atoll.policy;
        let at = |field: &str| format!("/atoll:market/policy/{field}");
        self.check(!policy.model_families.is_empty(), at("model_families"), "name at least one model family");
        self.check(policy.min_rows >= 1, at("min_rows"), "must be at least 1");
        self.check(policy.max_seconds >= 1, at("max_seconds"), "must be at least 1");
        self.check(policy.max_memory_mib >= 64, at("max_memory_mib"), "must be at least 64");
        let few = policy.join_with.len() <= MAX_LISTED;
        self.check(few, at("join_with"), format!("must be at most {MAX_LISTED} assets"));
        if let Some(trusted) = &policy.trusted_algorithms {
            let message =
                format!("must be 1 to {MAX_LISTED} algorithms or authors; leave it away to trust every model");
            self.check((1..=MAX_LISTED).contains(&trusted.len()), at("trusted_algorithms"), message);
        }
        self.check(policy.max_parameters >= 1, at("max_parameters"), "must be at least 1");
        if let Some(privacy) = &policy.privacy {
            self.privacy(privacy, document.atoll.content.rows);
        }
    }

    fn privacy(&mut self, privacy: &PrivacyPolicy, rows: u64) {
        let at = |field: &str| format!("/atoll:market/policy/privacy/{field}");
        let largest = 1.0 / rows.max(1) as f64;
        let message = format!("must be above 0 and at most {largest:e}, one in as many as there are rows");
        self.check(privacy.delta > 0.0 && privacy.delta <= largest, at("delta"), message);
        let PrivacyPolicy { epsilon_per_job: job, epsilon_per_buyer: buyer, epsilon_total: total, .. } = *privacy;
        let message = format!("must be above 0 and at most {MAX_EPSILON}");
        self.check(job > 0.0 && job <= MAX_EPSILON, at("epsilon_per_job"), message);
        let message = format!("must be at least that of a job and at most {MAX_EPSILON}");
        self.check(buyer >= job && buyer <= MAX_EPSILON, at("epsilon_per_buyer"), message);
        let message = format!("must be at least that of a buyer and at most {MAX_EPSILON}");
        self.check(total >= buyer && total <= MAX_EPSILON, at("epsilon_total"), message);
    }
}

#[cfg(test)]
mod tests;
