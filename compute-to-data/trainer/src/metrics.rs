//! How good the outputs of an exact job's model are, in double precision.
//!
//! Outputs are those of the network, row by row: one for each class, or one alone, the logit of the second of two classes; of a
//! regression a number. Each function is none where it has no meaning. What scikit-learn calls the same is the same.

/// The class that a row's outputs speak for: that of the largest, the first of equals; a single one speaks for the second class
/// if it is above 0.
pub fn guess(outputs: &[f32]) -> usize {
    if let [logit] = outputs {
        return usize::from(*logit > 0.0);
    }
    (1..outputs.len()).fold(0, |best, place| if outputs[place] > outputs[best] { place } else { best })
}

/// What a classifier gave for rows whose classes are known.
pub struct Classified<'o> {
    outputs: &'o [f32],
    targets: &'o [u32],
    /// Outputs of a row.
    width: usize,
}

impl<'o> Classified<'o> {
    /// Outputs and the rows' classes.
    ///
    /// # Panics
    /// If there are not as many outputs for each row.
    pub fn new(outputs: &'o [f32], targets: &'o [u32]) -> Self {
        let width = outputs.len() / targets.len().max(1);
        assert_eq!(outputs.len(), width * targets.len(), "as many outputs for each row");
        Self { outputs, targets, width }
    }

    fn rows(&self) -> impl Iterator<Item = (&'o [f32], usize)> {
        self.outputs.chunks_exact(self.width.max(1)).zip(self.targets).map(|(row, class)| (row, *class as usize))
    }

    /// Classes that there are; two if there is one output.
    fn classes(&self) -> usize {
        self.width.max(2)
    }

    /// Share of the rows whose guess is right.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.rows().filter(|(row, class)| guess(row) == *class).count();
        mean(right as f64, self.targets.len())
    }

    /// F1, the harmonic mean of precision and recall, of each class that any row is of; their mean.
    pub fn macro_f1(&self) -> Option<f64> {
        let (mut right, mut guessed, mut there) =
            (vec![0_u64; self.classes()], vec![0_u64; self.classes()], vec![0_u64; self.classes()]);
        for (row, class) in self.rows() {
            let guess = guess(row);
            guessed[guess] += 1;
            there[class] += 1;
            right[class] += u64::from(guess == class);
        }
        let present = (0..self.classes()).filter(|class| there[*class] > 0);
        let f1 = |class: usize| 2.0 * right[class] as f64 / (guessed[class] + there[class]) as f64;
        mean(present.clone().map(f1).sum(), present.count())
    }

    /// Probability that a random row of the second class has a higher score than a random one of the first, ties half (Hanley
    /// and McNeil, 1982). Of several classes that of each class that is there against the rest, and their mean. None if all
    /// rows are of one class.
    pub fn auc(&self) -> Option<f64> {
        let of = |class: usize| {
            let scored = self.rows().map(|(row, actual)| (score(row, class), actual == class));
            area(scored.collect())
        };
        if self.classes() == 2 {
            return of(1);
        }
        let areas: Vec<f64> = (0..self.classes()).filter_map(of).collect();
        mean(areas.iter().sum(), areas.len())
    }

    /// Mean of −ln of the probability that a row's own class was given.
    pub fn log_loss(&self) -> Option<f64> {
        mean(-self.rows().map(|(row, class)| log_chance(row, class)).sum::<f64>(), self.targets.len())
    }
}

/// ln of the probability that these outputs give a class.
pub(crate) fn log_chance(row: &[f32], class: usize) -> f64 {
    if let [logit] = row {
        let against = if class == 1 { -f64::from(*logit) } else { f64::from(*logit) };
        return -(against.max(0.0) + libm::log1p(libm::exp(-against.abs())));
    }
    let most = row.iter().fold(f64::NEG_INFINITY, |most, output| most.max(f64::from(*output)));
    let sum: f64 = row.iter().map(|output| libm::exp(f64::from(*output) - most)).sum();
    f64::from(row[class]) - most - libm::log(sum)
}

/// What the rows are ordered by to tell a class from the rest: of two outputs how much higher the one is, whose order is that
/// of the probability and is not lost where that is 1 to the last digit.
fn score(row: &[f32], class: usize) -> f64 {
    match row {
        [logit] => f64::from(*logit),
        [first, second] => f64::from(*second) - f64::from(*first),
        _ => log_chance(row, class),
    }
}

/// Area under the curve by ranks: of scores, each with whether it is a positive one. None if all are of one kind.
fn area(mut scored: Vec<(f64, bool)>) -> Option<f64> {
    scored.sort_by(|one, other| one.0.total_cmp(&other.0));
    let positives = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let negatives = scored.len() as f64 - positives;
    let (mut below, mut wins) = (0.0, 0.0);
    for equals in scored.chunk_by(|one, other| one.0 == other.0) {
        let up = equals.iter().filter(|(_, positive)| *positive).count() as f64;
        let down = equals.len() as f64 - up;
        wins += up * (below + down / 2.0);
        below += down;
    }
    (positives > 0.0 && negatives > 0.0).then(|| wins / (positives * negatives))
}

/// Mean distance of outputs from targets, in the targets' unit.
pub fn mean_absolute_error(outputs: &[f64], targets: &[f64]) -> Option<f64> {
    mean(errors(outputs, targets).map(f64::abs).sum(), targets.len())
}

/// Root of the mean squared distance of outputs from targets, in the targets' unit.
pub fn root_mean_square_error(outputs: &[f64], targets: &[f64]) -> Option<f64> {
    mean(errors(outputs, targets).map(|error| error * error).sum(), targets.len()).map(libm::sqrt)
}

/// 1 less the squared errors over those of the targets' mean; none if the targets are all the same.
pub fn r_squared(outputs: &[f64], targets: &[f64]) -> Option<f64> {
    let middle = mean(targets.iter().sum(), targets.len())?;
    let around: f64 = targets.iter().map(|target| (target - middle).powi(2)).sum();
    let left: f64 = errors(outputs, targets).map(|error| error * error).sum();
    (around > 0.0).then(|| 1.0 - left / around)
}

fn errors<'v>(outputs: &'v [f64], targets: &'v [f64]) -> impl Iterator<Item = f64> {
    outputs.iter().zip(targets).map(|(output, target)| output - target)
}

fn mean(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests;
