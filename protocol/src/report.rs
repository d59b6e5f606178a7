//! What a job tells about its training: progress while it runs and the report at its end.

use serde::{Deserialize, Serialize};

use crate::{document::Image, job::PrivacyCost};

mod audit;
mod statistics;

pub use audit::{Attack, Audit, DECOYS, canaries};
pub use statistics::{Answer, StatisticsReport};

/// One epoch's end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Epochs done, from 1.
    pub epoch: u32,
    /// Epochs declared.
    pub epochs: u32,
    /// Mean training loss of this epoch, 3 significant digits; none of a private job, whose losses would tell of its rows.
    pub loss: Option<f64>,
    /// Metric on the held-out rows (accuracy, or root mean square error for a regression), 3 digits; none if fewer
    /// than [`MIN_METRIC_ROWS`] rows are held out, and of a private job, which measures once, at its end.
    pub test_metric: Option<f64>,
}

/// Metrics over fewer rows than this are not released.
pub const MIN_METRIC_ROWS: usize = 20;
/// With more classes than this there is no confusion matrix.
pub const MAX_CONFUSION_CLASSES: usize = 20;

/// The end of a training, as it is sealed to the buyer beside the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TrainingReport))]
pub struct Report {
    /// Rows trained on; of a private job those that were declared.
    pub train_rows: u64,
    /// Rows held out.
    pub test_rows: u64,
    /// Accuracy on the held-out rows; classification only.
    pub test_accuracy: Option<f64>,
    /// Mean over the classes of the harmonic mean of precision and recall, on the held-out rows; classification only.
    pub test_f1: Option<f64>,
    /// Area under the receiver operating characteristic on the held-out rows, of several classes the mean of each against
    /// the rest; classification only, and none of a private job.
    pub test_auc: Option<f64>,
    /// Mean negative logarithm of the probability given to the right class, on the held-out rows; classification only, and none
    /// of a private job.
    pub test_log_loss: Option<f64>,
    /// Root mean square error on the held-out rows, in the target's own unit; regression only.
    pub test_rmse: Option<f64>,
    /// Mean absolute error on the held-out rows, in the target's own unit; regression only, and none of a private job.
    pub test_mae: Option<f64>,
    /// Part of the target's variance on the held-out rows that the model explains (R²); regression only, and none of a private
    /// job.
    pub test_r2: Option<f64>,
    /// The confusion matrix as shares. For each class, in the order of `classes`: of the held-out rows of that class, the
    /// share that the model took for each class, 3 digits; none if they are fewer than [`MIN_METRIC_ROWS`]. Empty for a
    /// regression, and for more than [`MAX_CONFUSION_CLASSES`] classes.
    pub test_confusion: Vec<Option<Vec<f64>>>,
    /// Mean loss of the last epoch; none of a private job.
    pub final_loss: Option<f64>,
    /// Every epoch.
    pub history: Vec<Progress>,
    /// Inputs in the model's order, with the scaling that was applied: a model is used with the same.
    pub inputs: Vec<Input>,
    /// Class names in the order of the outputs; empty for a regression.
    pub classes: Vec<String>,
    /// Scaling of a regression's output: value = output × scale + offset. None for a classification.
    pub output_scaling: Option<Scaling>,
    /// What a private job gives away; its metrics hold noise of their own. Null for an exact training.
    #[serde(default)]
    pub privacy: Option<PrivacyCost>,
    /// How well an attack tells which rows the model has seen; null if too few rows, or if nothing was trained.
    #[serde(default)]
    pub audit: Option<Audit>,
    /// Name and version of the trainer.
    pub trainer: String,
}

/// One input of the model, or all those of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ModelInput))]
pub struct Input {
    /// Column it is made from.
    pub column: String,
    /// The category that this input is 1 for (one-hot), or none for a number or an image.
    pub category: Option<String>,
    /// For a number: input = (value − offset) / scale, after clamping to the declared bounds. For an image: the same of
    /// each of its bytes.
    pub scaling: Option<Scaling>,
    /// Size of the image, whose bytes are as many inputs, one after the other; absent for a number or a category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

/// A linear map from the declared bounds to −1 … 1; for the bytes of an image, to 0 … 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scaling {
    /// Middle of the declared bounds.
    pub offset: f64,
    /// Half of their distance.
    pub scale: f64,
}

impl Scaling {
    /// That of an image's bytes.
    pub const OF_IMAGES: Self = Self { offset: 0.0, scale: 255.0 };
}
