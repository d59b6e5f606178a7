//! A job of either kind: one that trains a model, or one that asks for statistics.

use atoll_privacy::RenyiCurve;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Cost, Further, JobSpec, Limits, PrivacyCost, SpecErrors, Start, StatisticsSpec};
use crate::{document::AssetDocument, ids::AssetId};

/// What a consumer may have computed. In JSON it is either spec as it is; one with a member `kind` asks for statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Declared {
    /// A model is trained, or measured.
    Model(Box<JobSpec>),
    /// Statistics are told.
    Statistics(Box<StatisticsSpec>),
}

impl Declared {
    /// Reads a spec; fields that its format does not know are refused.
    ///
    /// # Errors
    /// Where the JSON is not of the format.
    pub fn parse(value: &serde_json::Value) -> Result<Self, SpecErrors> {
        if value.get("kind").is_some() {
            return StatisticsSpec::parse(value).map(|spec| Self::Statistics(Box::new(spec)));
        }
        JobSpec::parse(value).map(|spec| Self::Model(Box::new(spec)))
    }

    /// Checks every rule against the published documents, and computes what the job costs.
    ///
    /// # Errors
    /// All rules that are broken, each with a JSON pointer.
    pub fn check_with(&self, document: &AssetDocument, further: &Further) -> Result<Cost, SpecErrors> {
        match self {
            Self::Model(spec) => spec.check_with(document, further),
            Self::Statistics(spec) => spec.check(document),
        }
    }

    /// The spec of a model, if it is one.
    pub fn model(&self) -> Option<&JobSpec> {
        match self {
            Self::Model(spec) => Some(spec),
            Self::Statistics(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn model_mut(&mut self) -> Option<&mut JobSpec> {
        match self {
            Self::Model(spec) => Some(spec),
            Self::Statistics(_) => None,
        }
    }

    /// The asset that it computes on.
    pub fn asset(&self) -> AssetId {
        match self {
            Self::Model(spec) => spec.data.asset,
            Self::Statistics(spec) => spec.asset,
        }
    }

    /// Where the spec names that asset, a JSON pointer.
    pub fn asset_pointer(&self) -> &'static str {
        match self {
            Self::Model(_) => "/data/asset",
            Self::Statistics(_) => "/asset",
        }
    }

    /// Every data set that the job reads, the first one first.
    pub fn assets(&self) -> Vec<AssetId> {
        match self {
            Self::Model(spec) => spec.data.assets().collect(),
            Self::Statistics(spec) => vec![spec.asset],
        }
    }

    /// The assets that it uses beside its data set; see [`JobSpec::further`].
    pub fn further(&self) -> Vec<AssetId> {
        self.model().map_or_else(Vec::new, JobSpec::further)
    }

    /// The model that it begins with.
    pub fn start(&self) -> Option<&Start> {
        self.model()?.start.as_ref()
    }

    /// Limits that end the job.
    pub fn limits(&self) -> &Limits {
        match self {
            Self::Model(spec) => &spec.limits,
            Self::Statistics(spec) => &spec.limits,
        }
    }

    /// True if it draws noise.
    pub fn is_private(&self) -> bool {
        self.model().is_none_or(|spec| spec.privacy.is_some())
    }

    /// What the job gives away at most of a row, on so many declared rows and at this δ; none if it draws no noise.
    pub fn privacy_cost(&self, rows: u64, delta: f64) -> Option<PrivacyCost> {
        match self {
            Self::Model(spec) => spec.privacy_cost(rows, delta),
            Self::Statistics(spec) => spec.privacy_cost(delta),
        }
    }

    /// What the job spends of a budget, on so many declared rows; none if it draws no noise.
    pub fn renyi(&self, rows: u64) -> Option<RenyiCurve> {
        match self {
            Self::Model(spec) => spec.renyi(rows),
            Self::Statistics(spec) => spec.renyi(),
        }
    }
}

impl From<JobSpec> for Declared {
    fn from(spec: JobSpec) -> Self {
        Self::Model(Box::new(spec))
    }
}

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::parse(&value).map_err(D::Error::custom)
    }
}
