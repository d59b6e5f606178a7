//! What differential privacy draws by: ChaCha20 under a secret seed of 32 bytes.
//!
//! Both the noise and the choice of rows have to stay secret, since the proof counts on an adversary who knows neither. So
//! nothing here follows from the job, and nothing of it leaves the worker.

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use rand_distr::{Distribution, StandardNormal};
use zeroize::Zeroizing;

/// Steps of the grid that a noisy sum is rounded to, per standard deviation of its noise: which of the neighbouring floating
/// point numbers a sum fell on could tell what it was before the noise (Mironov, 2012).
pub(crate) const GRID: f64 = (1_u64 << 20) as f64;

/// What a stream is drawn for.
#[derive(Clone, Copy)]
enum Stream {
    Rows = 1,
    Gradients = 2,
    Measurement = 3,
    Planted = 4,
    /// And all that follow.
    Directions = 16,
}

/// The secret draws of one job.
pub struct Secret {
    rows: ChaCha20Rng,
    gradients: Gaussian,
    measurement: Gaussian,
    planted: ChaCha20Rng,
    directions: Directions,
}

/// Random signs, as many sequences of them as there are numbers of 32 bits.
#[derive(Clone)]
pub struct Directions(Zeroizing<[u8; 32]>);

/// Normal random numbers of mean 0 and standard deviation 1.
pub struct Gaussian(ChaCha20Rng);

impl Secret {
    /// The draws that belong to a seed.
    pub fn new(seed: &[u8; 32]) -> Self {
        let stream = |stream: Stream| {
            let mut random = ChaCha20Rng::from_seed(*seed);
            random.set_stream(stream as u64);
            random
        };
        let gaussian = |of| Gaussian(stream(of));
        Self {
            rows: stream(Stream::Rows),
            gradients: gaussian(Stream::Gradients),
            measurement: gaussian(Stream::Measurement),
            planted: stream(Stream::Planted),
            directions: Directions(Zeroizing::new(*seed)),
        }
    }

    /// Poisson sampling: each of these rows with the same probability, independently of the others.
    pub fn sample(&mut self, rows: &[usize], rate: f64) -> Vec<usize> {
        poisson(&mut self.rows, rows.iter().copied(), rate)
    }

    /// The same of rows that are planted, by draws of their own: the real rows are taken as if there were none.
    pub fn sample_planted(&mut self, count: usize, rate: f64) -> Vec<usize> {
        poisson(&mut self.planted, 0..count, rate)
    }

    /// What is planted.
    pub fn directions(&self) -> Directions {
        self.directions.clone()
    }

    /// Noise of gradients.
    pub fn gradients(&mut self) -> &mut Gaussian {
        &mut self.gradients
    }

    /// Noise of what is measured at the end.
    pub fn measurement(&mut self) -> &mut Gaussian {
        &mut self.measurement
    }
}

fn poisson(random: &mut ChaCha20Rng, rows: impl ExactSizeIterator<Item = usize>, rate: f64) -> Vec<usize> {
    // Rounded down, so that no row is taken more often than was accounted for.
    let below = (rate * (1_u64 << 53) as f64) as u64;
    // The first 16 of 53 bits decide, unless they are those of the bound itself. One word has four of them.
    let (first, rest) = (below >> 37, below & ((1 << 37) - 1));
    let mut taken = Vec::with_capacity((rate * 1.1 * rows.len() as f64) as usize + 64);
    let mut word = 0;
    for (place, row) in rows.enumerate() {
        word = if place % 4 == 0 { random.next_u64() } else { word >> 16 };
        let coin = word & 0xffff;
        if coin < first || (coin == first && random.next_u64() >> 27 < rest) {
            taken.push(row);
        }
    }
    taken
}

impl Directions {
    /// A sequence, 64 signs to a word, the lowest bit first; each is the same whenever it is asked for, and has nothing to do with
    /// any other.
    pub fn words(&self, sequence: u64) -> impl Iterator<Item = u64> {
        let mut random = ChaCha20Rng::from_seed(*self.0);
        random.set_stream(Stream::Directions as u64 + sequence);
        std::iter::repeat_with(move || random.next_u64())
    }
}

impl Gaussian {
    /// The next number (the ziggurat of Marsaglia and Tsang, 2000, in double precision).
    pub fn draw(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// A number with noise of this standard deviation, on the grid.
    pub fn blur(&mut self, exact: f64, deviation: f64) -> f64 {
        let grid = deviation / GRID;
        whole((exact + deviation * self.draw()) / grid) * grid
    }
}

/// The nearest whole number, without a call of a function of its own, as `round_ties_even` is.
pub(crate) fn whole(value: f64) -> f64 {
    // Beside this number, one and a half times 2^52, only whole numbers fit into the 53 bits: adding it rounds. What is too
    // large for that has no fraction.
    const ROUNDS: f64 = 1.5 * (1_u64 << 52) as f64;
    if value.abs() < (1_u64 << 51) as f64 { (value + ROUNDS) - ROUNDS } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 99.9 % of all seeds pass each of these bounds; the seeds are fixed.
    const NORMAL: f64 = 3.29;

    #[test]
    fn noise_has_the_variance_that_it_is_accounted_with() {
        let mut secret = Secret::new(&[7; 32]);
        let count = 200_000;
        let draws: Vec<f64> = (0..count).map(|_| secret.gradients().draw()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(count);
        assert!(mean.abs() * f64::from(count).sqrt() < NORMAL, "{mean}");
        // Chi-square of so many degrees of freedom is normal with variance 2 n.
        let chi_square: f64 = draws.iter().map(|draw| draw * draw).sum();
        let z = (chi_square - f64::from(count)) / (2.0 * f64::from(count)).sqrt();
        assert!(z.abs() < NORMAL, "{z}");
        // Tails as those of a normal distribution: 4.55 % beyond 2, 0.27 % beyond 3.
        for (bound, share) in [(1.0, 0.317_311), (2.0, 0.045_500), (3.0, 0.002_700)] {
            let beyond = draws.iter().filter(|draw| draw.abs() > bound).count() as f64;
            let expected = f64::from(count) * share;
            assert!((beyond - expected).abs() < NORMAL * (expected * (1.0 - share)).sqrt(), "{bound}: {beyond}");
        }
        // Neighbours, the two of one pair among them, have nothing to do with each other.
        let products: f64 = draws.windows(2).map(|pair| pair[0] * pair[1]).sum();
        assert!((products / f64::from(count).sqrt()).abs() < NORMAL, "{products}");
    }

    #[test]
    fn every_row_is_sampled_at_the_rate_and_independently() {
        let mut secret = Secret::new(&[9; 32]);
        let rows: Vec<usize> = (100..500).collect();
        let (rate, steps) = (0.05, 5_000);
        let mut sizes = Vec::with_capacity(steps);
        let mut taken = vec![0_u32; 500];
        for _ in 0..steps {
            let sampled = secret.sample(&rows, rate);
            sizes.push(sampled.len() as f64);
            sampled.into_iter().for_each(|row| taken[row] += 1);
        }
        let n = rows.len() as f64;
        let mean = sizes.iter().sum::<f64>() / steps as f64;
        let variance = n * rate * (1.0 - rate);
        assert!(((mean - n * rate) / (variance / steps as f64).sqrt()).abs() < NORMAL, "{mean}");
        // Batches of one size, as shuffling makes them, would have no variance.
        let spread = sizes.iter().map(|size| (size - n * rate).powi(2)).sum::<f64>() / variance;
        assert!(((spread - steps as f64) / (2.0 * steps as f64).sqrt()).abs() < NORMAL, "{spread}");
        let each = (steps as f64) * rate;
        let deviation = (each * (1.0 - rate)).sqrt();
        assert!(taken[100..].iter().all(|&count| (f64::from(count) - each).abs() < 4.5 * deviation));
        assert!(taken[..100].iter().all(|&count| count == 0));
    }

    #[test]
    fn the_extreme_rates_take_all_and_none() {
        let mut secret = Secret::new(&[1; 32]);
        let rows: Vec<usize> = (0..1_000).collect();
        assert_eq!(secret.sample(&rows, 1.0), rows);
        assert!(secret.sample(&rows, 1e-17).is_empty());
    }

    #[test]
    fn a_coin_that_begins_as_the_rate_does_is_decided_by_the_rest() {
        // The rate's first 16 bits are 0, so nothing is taken but by a second word: at 2^-17 half of the coins that begin with 0.
        let mut secret = Secret::new(&[5; 32]);
        let rows: Vec<usize> = (0..1 << 20).collect();
        let rounds = 40;
        let taken: usize = (0..rounds).map(|_| secret.sample(&rows, 1.0 / f64::from(1 << 17)).len()).sum();
        let expected = f64::from(rounds * 8);
        assert!((taken as f64 - expected).abs() < NORMAL * expected.sqrt(), "{taken} and {expected}");
    }

    #[test]
    fn numbers_of_any_size_become_whole() {
        for value in
            [0.0, 0.3, -0.38, 0.5, -1.5, 1e9 + 0.4, 2f64.powi(51) - 0.5, -(2f64.powi(51)), 1e300, f64::INFINITY]
        {
            assert_eq!(whole(value), value.round_ties_even(), "{value}");
        }
        assert!(whole(f64::NAN).is_nan());
    }

    #[test]
    fn streams_and_seeds_have_nothing_in_common() {
        let (mut one, mut other) = (Secret::new(&[1; 32]), Secret::new(&[2; 32]));
        let first = one.gradients().draw();
        assert_ne!(first, one.gradients().draw());
        assert_ne!(first, one.measurement().draw());
        assert_ne!(first, other.gradients().draw());
        assert_eq!(first, Secret::new(&[1; 32]).gradients().draw());
    }

    /// RFC 8439 has the block of an all-zero key and nonce as a test vector (appendix A.1, number 1).
    #[test]
    fn the_generator_is_the_published_chacha20() {
        let mut random = ChaCha20Rng::from_seed([0; 32]);
        assert_eq!(random.next_u32().to_le_bytes(), [0x76, 0xb8, 0xe0, 0xad]);
        assert_eq!(random.next_u32().to_le_bytes(), [0xa0, 0xf1, 0x3d, 0x90]);
    }
}
