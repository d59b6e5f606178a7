//! What a job makes of the declared columns: which cells become which inputs, scaled how, and what is predicted.
//!
//! Only declarations are used, never a statistic of the rows: a mean or a maximum of private values inside a released
//! model would be a leak.

use std::collections::HashMap;

use atoll_protocol::{
    document::{Column, ColumnKind, Image},
    failure::FailureCode,
    job::{Block, ClassWeights, JobSpec, Layer, LayerError, Loss, Model, SplitBy, Task},
    report::{Input, Scaling},
};

/// How the cells of one column become numbers.
pub struct Source {
    /// Place of the column in the table.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub cells: Cells,
}

/// What the cells of a column are.
pub enum Cells {
    /// Numbers: clamped to the bounds, then (value − offset) / scale.
    Number {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
        /// Bounds to −1 … 1.
        scaling: Scaling,
    },
    /// Categories: place of each in the declared order.
    Category {
        /// Names in the declared order.
        names: Vec<String>,
        /// Name to place.
        places: HashMap<Vec<u8>, u32>,
    },
    /// Images of this size, each byte scaled to 0 … 1.
    Image(Image),
    /// Whose row it is.
    Key,
}

/// A column of categories, some of which are held out.
pub struct SplitSource {
    /// The column.
    pub source: Source,
    /// Whether a category's rows are held out, in the declared order.
    pub held_out: Vec<bool>,
}

/// What is read of one table.
pub struct TablePlan {
    /// Names of all columns, as the header has to give them.
    pub header: Vec<String>,
    /// Where its inputs come from, in the job's order.
    pub features: Vec<Source>,
    /// What is predicted; in the first table only.
    pub target: Option<Source>,
    /// The keys that its rows are joined by: in the first table one for each further one, in those one.
    pub keys: Vec<Source>,
    /// What says which rows are held out, if a column does; in the first table only.
    pub split: Option<SplitSource>,
    /// Inputs that come from it.
    pub inputs: usize,
}

/// The whole of it.
pub struct Plan {
    /// The table whose rows are learnt from.
    pub first: TablePlan,
    /// Tables whose rows are joined to those.
    pub joined: Vec<TablePlan>,
    /// The layers on the inputs.
    pub model: Model,
    /// Outputs of the model: one for each class, one for a number, and one for two classes whose loss is binary.
    pub outputs: usize,
}

impl Plan {
    /// Matches the job with the declared columns of its data sets, the first one first.
    ///
    /// The client, the server and the runner have each checked the job before; this is the same once more, because
    /// everything behind it relies on it.
    ///
    /// # Errors
    /// [`FailureCode::Refused`] with what does not fit. Its words hold names out of the job and the metadata only.
    pub fn compile(spec: &JobSpec, columns: &[Column], joined: &[&[Column]]) -> Result<Self, FailureCode> {
        if joined.len() != spec.data.joined.len() {
            return Err(refused("the job joins another number of data sets".to_owned()));
        }
        let on: Vec<&str> = spec.data.joined.iter().map(|join| join.on.as_str()).collect();
        let by = spec.split.by.as_ref();
        let first = TablePlan::compile(columns, &spec.data.features, Some(&spec.data.target), &on, by)?;
        let mut tables = Vec::with_capacity(joined.len());
        for (join, columns) in spec.data.joined.iter().zip(joined) {
            tables.push(TablePlan::compile(columns, &join.features, None, &[&join.key], None)?);
        }
        let features = || std::iter::once(&first).chain(&tables).flat_map(|table| &table.features);
        let blocks: Vec<Block> = features().map(|feature| feature.cells.block()).collect();
        if blocks.is_empty() {
            return Err(refused("the job names no feature".to_owned()));
        }
        let images = features().filter(|feature| matches!(feature.cells, Cells::Image(_))).count();
        if spec.task == Task::ImageClassification && (images, blocks.len()) != (1, 1) {
            return Err(refused("images are classified by one column of images".to_owned()));
        }
        let target = first.target.as_ref().expect("it was given one");
        let outputs = outputs(spec, target)?;
        match spec.layers.last() {
            Some(Layer::Linear { units }) if *units as usize == outputs => {}
            _ => return Err(refused(format!("the last layer has to be linear with {outputs} units"))),
        }
        let blocks = match spec.data.windows {
            Some(windows) => windows.inputs(&blocks),
            None => blocks,
        };
        let unfit =
            |errors: Vec<LayerError>| refused(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        let model = Model::of(&spec.layers, blocks).map_err(unfit)?;
        ranges::check(spec)?;
        Ok(Self { first, joined: tables, model, outputs })
    }

    /// What is predicted.
    pub fn target(&self) -> &Source {
        self.first.target.as_ref().expect("the first table has the target")
    }

    /// The inputs as the report names them.
    pub fn report_inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        let features = std::iter::once(&self.first).chain(&self.joined).flat_map(|table| &table.features);
        for feature in features {
            let input = |category: Option<&String>, scaling, image| Input {
                column: feature.name.clone(),
                category: category.cloned(),
                scaling,
                image,
            };
            match &feature.cells {
                Cells::Number { scaling, .. } => inputs.push(input(None, Some(*scaling), None)),
                Cells::Category { names, .. } => {
                    inputs.extend(names.iter().map(|name| input(Some(name), None, None)));
                }
                Cells::Image(image) => inputs.push(input(None, Some(Scaling::OF_IMAGES), Some(*image))),
                Cells::Key => {}
            }
        }
        inputs
    }

    /// Class names in the order of the outputs; none for a regression.
    pub fn classes(&self) -> Vec<String> {
        match &self.target().cells {
            Cells::Category { names, .. } => names.clone(),
            Cells::Number { .. } | Cells::Image(_) | Cells::Key => Vec::new(),
        }
    }

    /// Scaling of a regression's output.
    pub fn output_scaling(&self) -> Option<Scaling> {
        match &self.target().cells {
            Cells::Number { scaling, .. } => Some(*scaling),
            Cells::Category { .. } | Cells::Image(_) | Cells::Key => None,
        }
    }
}

impl TablePlan {
    /// What is read of a table with these columns.
    ///
    /// # Errors
    /// [`FailureCode::Refused`] with what does not fit.
    pub fn compile(
        columns: &[Column],
        features: &[String],
        target: Option<&str>,
        keys: &[&str],
        split: Option<&SplitBy>,
    ) -> Result<Self, FailureCode> {
        let source = |name: &str| {
            let index = columns.iter().position(|column| column.name == name);
            let index = index.ok_or_else(|| refused(format!("the data set declares no column `{name}`")))?;
            Ok(Source { index, name: name.to_owned(), cells: Cells::declared(&columns[index])? })
        };
        let features = features.iter().map(|name| source(name)).collect::<Result<Vec<_>, _>>()?;
        let target = target.map(source).transpose()?;
        let keys = keys.iter().map(|name| source(name)).collect::<Result<Vec<_>, _>>()?;
        for (place, feature) in features.iter().enumerate() {
            let learnt = features[..place].iter().chain(&target);
            if learnt.map(|other| other.index).any(|index| index == feature.index) {
                return Err(refused(format!("column `{}` is named more than once", feature.name)));
            }
        }
        let is_key = |source: &Source| matches!(source.cells, Cells::Key);
        if let Some(key) = features.iter().chain(&target).find(|source| is_key(source)) {
            return Err(refused(format!("column `{}` says whose row it is", key.name)));
        }
        if let Some(other) = keys.iter().find(|source| !is_key(source)) {
            return Err(refused(format!("column `{}` is not declared as a key", other.name)));
        }
        let split = split.map(|by| SplitSource::of(by, source(&by.column)?)).transpose()?;
        if let Some(split) = &split
            && features.iter().chain(&target).any(|learnt| learnt.index == split.source.index)
        {
            return Err(refused(format!("column `{}` says which rows are held out", split.source.name)));
        }
        let inputs = features.iter().map(|feature| feature.cells.width()).sum();
        let header = columns.iter().map(|column| column.name.clone()).collect();
        Ok(Self { header, features, target, keys, split, inputs })
    }
}

impl SplitSource {
    fn of(by: &SplitBy, source: Source) -> Result<Self, FailureCode> {
        let Cells::Category { names, places } = &source.cells else {
            return Err(refused(format!("column `{}` holds no categories to split by", source.name)));
        };
        let held_out: Vec<bool> = names.iter().map(|name| by.test.contains(name)).collect();
        let known = by.test.iter().all(|name| places.contains_key(name.as_bytes()));
        // Some rows have to be of either kind.
        if !known || !held_out.contains(&true) || !held_out.contains(&false) {
            return Err(refused(format!("column `{}` can not be split by these categories", source.name)));
        }
        Ok(Self { source, held_out })
    }
}

/// What the model has to give for the target.
fn outputs(spec: &JobSpec, target: &Source) -> Result<usize, FailureCode> {
    let classes = match (spec.task, &target.cells) {
        (Task::Regression, Cells::Number { .. }) => None,
        (Task::BinaryClassification, Cells::Category { names, .. }) if names.len() == 2 => Some(names.len()),
        (Task::MulticlassClassification | Task::ImageClassification, Cells::Category { names, .. })
            if names.len() >= 2 =>
        {
            Some(names.len())
        }
        _ => return Err(refused(format!("column `{}` does not fit the task", target.name))),
    };
    match (&spec.loss, classes) {
        (Loss::MeanSquaredError | Loss::MeanAbsoluteError | Loss::Huber(_), None) => Ok(1),
        (Loss::BinaryCrossEntropy, Some(2)) => Ok(1),
        (Loss::CrossEntropy, Some(classes)) => Ok(classes),
        (Loss::WeightedCrossEntropy(ClassWeights { class_weights }), Some(classes))
            if class_weights.len() == classes =>
        {
            Ok(classes)
        }
        _ => Err(refused("the loss does not fit the task".to_owned())),
    }
}

impl Cells {
    fn declared(column: &Column) -> Result<Self, FailureCode> {
        match &column.kind {
            ColumnKind::Number { min, max } => {
                // Halves first: the distance of two finite bounds may be infinite.
                let scaling = Scaling { offset: min / 2.0 + max / 2.0, scale: max / 2.0 - min / 2.0 };
                // `is_normal` is false for a distance of zero, for NaN and for bounds that are too close to divide by.
                if !(scaling.offset.is_finite() && scaling.scale.is_normal() && min < max) {
                    return Err(refused(format!("column `{}` has no usable bounds", column.name)));
                }
                Ok(Self::Number { min: *min, max: *max, scaling })
            }
            ColumnKind::Category { values } => {
                let places: HashMap<Vec<u8>, u32> =
                    values.iter().zip(0..).map(|(name, place)| (name.clone().into_bytes(), place)).collect();
                if places.len() != values.len() || values.is_empty() {
                    return Err(refused(format!("column `{}` has no usable list of categories", column.name)));
                }
                Ok(Self::Category { names: values.clone(), places })
            }
            ColumnKind::Image(image) if image.is_sound() => Ok(Self::Image(*image)),
            ColumnKind::Image(_) => Err(refused(format!("column `{}` has no usable size of images", column.name))),
            ColumnKind::Key {} => Ok(Self::Key),
        }
    }

    /// The inputs that one cell becomes, as a model has them.
    pub(crate) fn block(&self) -> Block {
        match self {
            Self::Category { names, .. } => Block::Category(names.len() as u64),
            other => Block::Numbers(other.width() as u64),
        }
    }

    /// Inputs that one cell becomes.
    pub fn width(&self) -> usize {
        match self {
            Self::Number { .. } => 1,
            Self::Category { names, .. } => names.len(),
            Self::Image(image) => image.bytes() as usize,
            Self::Key => 0,
        }
    }
}

fn refused(reason: String) -> FailureCode {
    FailureCode::Refused { reason }
}

mod ranges;

#[cfg(test)]
mod tests;
