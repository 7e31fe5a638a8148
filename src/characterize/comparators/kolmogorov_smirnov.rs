//! The Kolmogorov-Smirnov test of two histograms, repeated while they grow.

/// The two-sided quantile of Kolmogorov's distribution at .05.
const CRITICAL: f64 = 1.358_098_639_322_551;

/// Requests so far by bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrowingHistograms {
    canary: Vec<f64>,
    stable: Vec<f64>,
}

impl GrowingHistograms {
    /// Takes the requests of one tick by bucket; whether the two differ at .05. Inside buckets nothing is known, so
    /// that the test is a little conservative.
    pub fn look(&mut self, canary: &[f64], stable: &[f64]) -> bool {
        add(&mut self.canary, canary);
        add(&mut self.stable, stable);
        let (canary, stable) = (self.canary.iter().sum::<f64>(), self.stable.iter().sum::<f64>());
        if canary <= 0.0 || stable <= 0.0 {
            return false;
        }
        let (mut below_canary, mut below_stable, mut distance) = (0.0, 0.0, 0f64);
        for (own, others) in self.canary.iter().zip(&self.stable) {
            below_canary += own / canary;
            below_stable += others / stable;
            distance = distance.max((below_canary - below_stable).abs());
        }
        distance * (canary * stable / (canary + stable)).sqrt() > CRITICAL
    }
}

fn add(sums: &mut Vec<f64>, counts: &[f64]) {
    sums.resize(counts.len(), 0.0);
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classical::kolmogorov_smirnov::KolmogorovSmirnov;

    #[test]
    fn it_is_significant_where_the_test_of_the_same_values_is() {
        let spread = |counts: &[u32]| -> Vec<f64> {
            counts.iter().enumerate().flat_map(|(value, count)| vec![value as f64; *count as usize]).collect()
        };
        for (canary, stable) in [([300, 300, 400], [330, 330, 340]), ([300, 300, 400], [310, 310, 380])] {
            let p = KolmogorovSmirnov::new(&spread(&canary), &spread(&stable)).unwrap().p_limit();
            let found = GrowingHistograms::default().look(&canary.map(f64::from), &stable.map(f64::from));
            assert_eq!(found, p < 0.05, "{p}");
        }
    }
}
