//! The trainer's own random numbers: SplitMix64 (Steele, Lea and Flood, 2014), so that split, order of rows, initial
//! weights and dropout follow from the job's two seeds alone, on every machine and with any number of threads.
//!
//! This is for reproducibility and never for secrecy: whoever knows the job knows every number.

/// What a stream is drawn for. Two streams of one seed have nothing to do with each other.
#[derive(Clone, Copy)]
pub enum Stream {
    /// Which rows are held out.
    Split = 1,
    /// Initial weights.
    Weights = 2,
    /// Order of the rows in each epoch.
    Order = 3,
    /// What dropout drops.
    Dropout = 4,
}

/// A stream of random numbers.
pub struct Random(u64);

impl Random {
    /// The stream of this purpose that belongs to a seed.
    pub fn new(seed: u32, stream: Stream) -> Self {
        Self(mix(((stream as u64) << 32) | u64::from(seed)))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in 0 … 1, 1 excluded, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in 0 … n − 1 (Lemire, 2019: multiply, and reject what would be drawn too often).
    ///
    /// # Panics
    /// If n is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let surplus = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(n);
            if wide as u64 >= surplus {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Puts the items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_published_numbers_of_splitmix64() {
        let mut random = Random(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(expected.map(|_| random.next_u64()), expected);
    }

    #[test]
    fn below_is_uniform_and_stays_below() {
        let mut random = Random::new(3, Stream::Order);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[random.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count.abs_diff(10_000) < 500), "{seen:?}");
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_reaches_every_order() {
        let mut random = Random::new(9, Stream::Split);
        let mut orders = std::collections::BTreeMap::new();
        for _ in 0..12_000 {
            let mut items = [0, 1, 2, 3];
            random.shuffle(&mut items);
            *orders.entry(items).or_insert(0_u32) += 1;
        }
        assert_eq!(orders.len(), 24);
        assert!(orders.values().all(|&count| count.abs_diff(500) < 120), "{orders:?}");
    }

    #[test]
    fn streams_and_seeds_differ() {
        let first = |seed, stream| Random::new(seed, stream).next_u64();
        assert_ne!(first(1, Stream::Split), first(1, Stream::Order));
        assert_ne!(first(1, Stream::Split), first(2, Stream::Split));
        assert_eq!(first(1, Stream::Split), first(1, Stream::Split));
    }
}
