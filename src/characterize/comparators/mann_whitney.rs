//! The Mann-Whitney test of the ticks' values, repeated while the samples grow. The samples are kept in order: the whole
//! test ([`crate::judge::classical::mann_whitney`]) at each of hundreds of looks would compare millions of pairs.

/// All values so far of both arms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrowingRanks {
    canary: Vec<f64>,
    stable: Vec<f64>,
}

impl GrowingRanks {
    /// Takes one value of each arm and gives the statistic: how many standard deviations the canary's rank sum is above
    /// its expectation (normal approximation with corrections for ties and continuity). 0 while it isn't defined.
    pub fn look(&mut self, canary: f64, stable: f64) -> f64 {
        insert(&mut self.canary, canary);
        insert(&mut self.stable, stable);
        self.statistic()
    }

    fn statistic(&self) -> f64 {
        let (canary, stable) = (self.canary.len() as f64, self.stable.len() as f64);
        let (mut rank_sum, mut ties) = (0.0, 0.0);
        let (mut from_canary, mut from_stable, mut ranked) = (0, 0, 0.0);
        while from_canary < self.canary.len() || from_stable < self.stable.len() {
            let value = match (self.canary.get(from_canary), self.stable.get(from_stable)) {
                (Some(canary), Some(stable)) => canary.min(*stable),
                (Some(value), None) | (None, Some(value)) => *value,
                (None, None) => break,
            };
            let equal = |values: &[f64]| values.iter().take_while(|other| **other <= value).count();
            let (here, there) = (equal(&self.canary[from_canary..]), equal(&self.stable[from_stable..]));
            let group = (here + there) as f64;
            rank_sum += here as f64 * (ranked + f64::midpoint(group, 1.0));
            ties += group * group * group - group;
            ranked += group;
            (from_canary, from_stable) = (from_canary + here, from_stable + there);
        }
        let all = canary + stable;
        let variance = canary * stable / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        let above = rank_sum - canary * (canary + 1.0) / 2.0 - canary * stable / 2.0;
        let corrected = (above.abs() - 0.5).max(0.0).copysign(above);
        if variance > 0.0 { corrected / variance.sqrt() } else { 0.0 }
    }
}

/// Into a sorted list.
fn insert(values: &mut Vec<f64>, value: f64) {
    let place = values.partition_point(|other| *other <= value);
    values.insert(place, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::characterize::Stream;
    use crate::judge::classical::distribution::normal_quantile;
    use crate::judge::classical::{Alternative, mann_whitney::MannWhitney};

    #[test]
    fn at_each_look_the_statistic_is_that_of_the_test_on_all_values() {
        let mut stream = Stream::of(1, "ranks", 0);
        let (mut ranks, mut canary, mut stable) = (GrowingRanks::default(), Vec::new(), Vec::new());
        for look in 0..60 {
            // Few different values, so that there are ties.
            canary.push(stream.poisson(3.0));
            stable.push(stream.poisson(2.0));
            let statistic = ranks.look(canary[look], stable[look]);
            let whole = MannWhitney::new(&canary, &stable).unwrap().p_asymptotic(Alternative::Greater, true);
            if statistic > 0.0 {
                assert!((statistic + normal_quantile(whole)).abs() < 1e-8, "look {look}: {statistic} {whole}");
            }
        }
    }

    #[test]
    fn all_values_equal_say_nothing() {
        let mut ranks = GrowingRanks::default();
        assert!((0..5).all(|_| ranks.look(1.0, 1.0).abs() < 1e-12));
    }
}
