//! A small seeded generator: the same seed gives the same simulation on every machine and in every release.

/// `SplitMix64` (Steele, Lea and Flood 2014): 64 bits of state, every seed as good as another.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// From this mean on a Poisson variable is drawn from the normal distribution with its mean and variance.
const LARGE_MEAN: f64 = 30.0;

impl Random {
    /// A generator whose numbers follow from the seed alone.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for one purpose, so that drawing more for one thing does not change another.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something with this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).map_or(1, |span| span + 1);
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// One of the choices, of which there must be at least one.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let last = i64::try_from(choices.len()).unwrap_or(1) - 1;
        &choices[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    /// A Poisson count with this mean.
    pub fn count(&mut self, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean >= LARGE_MEAN {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        // Knuth's product of uniforms.
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    /// Standard normal, by the polar form of Box and Muller.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..4).map(|_| random.between(0, 1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn counts_have_their_mean_below_and_above_the_change_of_method() {
        let mut random = Random::new(1);
        for mean in [0.5, 8.0, 29.0, 31.0, 400.0] {
            let sum: f64 = (0..4000).map(|_| random.count(mean)).sum();
            let error = (sum / 4000.0 - mean).abs() / (mean / 4000.0).sqrt();
            assert!(error < 4.0, "mean {mean}: {error} standard errors off");
        }
    }
}
