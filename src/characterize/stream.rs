//! Random numbers of one run: they follow from the seed, the row's name and the run's number, and from nothing else, so
//! a row gives the same result on any number of threads and whatever other rows are run.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma, Geometric, Poisson, StandardNormal};
use rand_pcg::Pcg64Mcg;

/// The random numbers of one run.
#[derive(Clone, Debug)]
pub struct Stream(Pcg64Mcg);

impl Stream {
    /// The stream of a run of the row of this name.
    pub fn of(seed: u64, row: &str, run: u32) -> Self {
        // FNV-1a (Fowler, Noll and Vo): the same on every machine and in every release.
        let name = row
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let state = u128::from(mixed(seed ^ mixed(name))) << 64 | u128::from(mixed(name ^ mixed(u64::from(run))));
        let mut bytes = state.to_le_bytes();
        // The generator is multiplicative: its state must be odd.
        bytes[0] |= 1;
        Self(Pcg64Mcg::from_seed(bytes))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// A whole number below `count`, which must be above 0.
    pub fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// A Poisson count; 0 for a mean that isn't above 0.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        Poisson::new(mean).map_or(0.0, |distribution| distribution.sample(&mut self.0))
    }

    /// A Poisson count as a number of things.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number, not negative")]
    pub fn number(&mut self, mean: f64) -> usize {
        self.poisson(mean) as usize
    }

    /// A gamma variable with mean 1 and this variance, which must be above 0.
    pub fn gamma(&mut self, variance: f64) -> f64 {
        Gamma::new(1.0 / variance, variance).map_or(1.0, |distribution| distribution.sample(&mut self.0))
    }

    /// The size of a cluster: geometric from 1 on, with this mean, which must be at least 1.
    pub fn cluster(&mut self, mean: f64) -> f64 {
        Geometric::new(1.0 / mean).map_or(1.0, |distribution| distribution.sample(&mut self.0) as f64 + 1.0)
    }
}

/// The output function of `SplitMix64` (Steele, Lea and Flood 2014): near seeds give unrelated numbers.
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, row: &str, run: u32) -> Vec<u64> {
        let mut stream = Stream::of(seed, row, run);
        (0..4).map(|_| stream.uniform().to_bits()).collect()
    }

    #[test]
    fn a_stream_follows_from_seed_row_and_run_and_differs_when_one_of_them_does() {
        assert_eq!(draw(1, "a", 2), draw(1, "a", 2));
        let others = [draw(1, "a", 2), draw(2, "a", 2), draw(1, "b", 2), draw(1, "a", 3)];
        for (index, other) in others.iter().enumerate() {
            assert!(others[index + 1..].iter().all(|next| next != other), "{others:?}");
        }
    }

    /// Mean and variance of 20 000 numbers.
    fn moments(mut next: impl FnMut(&mut Stream) -> f64) -> (f64, f64) {
        let mut stream = Stream::of(7, "moments", 0);
        let numbers: Vec<f64> = (0..20_000).map(|_| next(&mut stream)).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        (mean, numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / 20_000.0)
    }

    #[test]
    fn counts_clusters_and_noise_have_the_moments_that_they_are_named_by() {
        for mean in [0.3, 5.0, 90.0] {
            let (sample_mean, variance) = moments(|stream| stream.poisson(mean));
            assert!((sample_mean - mean).abs() < 4.0 * (mean / 20_000.0).sqrt(), "{sample_mean} of {mean}");
            assert!((variance / mean - 1.0).abs() < 0.06, "{variance} of {mean}");
        }
        let (mean, variance) = moments(|stream| stream.gamma(0.5));
        assert!((mean - 1.0).abs() < 0.025 && (variance - 0.5).abs() < 0.06, "{mean} {variance}");
        let (mean, variance) = moments(|stream| stream.cluster(3.0));
        assert!((mean - 3.0).abs() < 0.08 && (variance - 6.0).abs() < 0.6, "{mean} {variance}");
    }
}
