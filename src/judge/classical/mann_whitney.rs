//! The Mann-Whitney U test (1947) and the shift between two samples by Hodges and Lehmann (1963).

use super::distribution::{normal_cdf, normal_quantile};
use super::{Alternative, Bounds, whole};

/// Two samples, compared rank by rank.
#[derive(Clone, Debug, PartialEq)]
pub struct MannWhitney {
    first: f64,
    second: f64,
    u: f64,
    /// Sum of `t^3 - t` over groups of `t` equal values.
    ties: f64,
    /// All differences "first minus second", ascending.
    differences: Vec<f64>,
}

/// How the interval of the shift finds the ranks of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankBound {
    /// By the exact distribution of U (as if there were no ties).
    Exact,
    /// By its normal approximation (as if there were no ties).
    Asymptotic,
}

/// The interval of the shift, from the order of all differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Rank of the bounds among the differences, from below and from above.
    pub rank: usize,
    /// The bounds.
    pub bounds: Bounds,
}

impl MannWhitney {
    /// Compares two samples; none if one is empty or holds something that is not a number.
    pub fn new(first: &[f64], second: &[f64]) -> Option<Self> {
        let undefined = |sample: &[f64]| sample.is_empty() || sample.iter().any(|value| value.is_nan());
        if undefined(first) || undefined(second) {
            return None;
        }
        let mut differences: Vec<f64> = first.iter().flat_map(|a| second.iter().map(move |b| a - b)).collect();
        differences.sort_by(f64::total_cmp);
        let wins = |(a, b): (f64, f64)| match a.partial_cmp(&b) {
            Some(std::cmp::Ordering::Greater) => 1.0,
            Some(std::cmp::Ordering::Equal) => 0.5,
            _ => 0.0,
        };
        let u = first.iter().flat_map(|a| second.iter().map(|b| wins((*a, *b)))).sum();
        let mut all: Vec<f64> = first.iter().chain(second).copied().collect();
        all.sort_by(f64::total_cmp);
        let equal = all.chunk_by(|a, b| a >= b).map(|group| group.len() as f64);
        let ties = equal.map(|count| count.powi(3) - count).sum();
        Some(Self { first: first.len() as f64, second: second.len() as f64, u, ties, differences })
    }

    /// U of the first sample: pairs in which its value is larger, and half of those in which both are equal.
    pub fn u(&self) -> f64 {
        self.u
    }

    /// P-value by the normal approximation, corrected for ties; `continuity` also for the steps of U. Not a number
    /// when all values are equal.
    pub fn p_asymptotic(&self, alternative: Alternative, continuity: bool) -> f64 {
        let distance = self.u - self.pairs() / 2.0;
        let correction = if continuity { 0.5 } else { 0.0 };
        let deviation = self.deviation(self.ties);
        match alternative {
            Alternative::TwoSided => (2.0 * normal_cdf((correction - distance.abs()) / deviation)).min(1.0),
            Alternative::Greater => normal_cdf((correction - distance) / deviation),
            Alternative::Less => normal_cdf((distance + correction) / deviation),
        }
    }

    /// The exact p-value; none if there are ties. Time and memory grow with the product of the sample sizes times
    /// their smaller one.
    pub fn p_exact(&self, alternative: Alternative) -> Option<f64> {
        if self.ties > 0.0 {
            return None;
        }
        let chances = u_distribution(self.first, self.second);
        // The distribution is symmetric: summing from the small end keeps all digits.
        let at_most = |u: f64| -> f64 {
            let counted = chances.iter().enumerate().filter(|(value, _)| *value as f64 <= u);
            counted.map(|(_, chance)| chance).sum()
        };
        let greater = at_most(self.pairs() - self.u);
        let less = at_most(self.u);
        Some(match alternative {
            Alternative::TwoSided => (2.0 * greater.min(less)).min(1.0),
            Alternative::Greater => greater,
            Alternative::Less => less,
        })
    }

    /// The Hodges-Lehmann estimate of the shift: the median of all differences "first minus second".
    pub fn shift(&self) -> f64 {
        let middle = self.differences.len() / 2;
        if self.differences.len() % 2 == 1 {
            self.differences[middle]
        } else {
            f64::midpoint(self.differences[middle - 1], self.differences[middle])
        }
    }

    /// The interval of the shift at `confidence` in (0, 1).
    pub fn shift_interval(&self, confidence: f64, bound: RankBound) -> Shift {
        let tail = 0.5 * (1.0 - confidence);
        let rank = match bound {
            RankBound::Exact => {
                let mut below = 0.0;
                let chances = u_distribution(self.first, self.second);
                let reaches = |chance: &f64| {
                    below += chance;
                    below >= tail
                };
                chances.iter().position(reaches).unwrap_or(0)
            }
            RankBound::Asymptotic => {
                let rank = self.pairs() / 2.0 - normal_quantile(1.0 - tail) * self.deviation(0.0);
                whole(rank)
            }
        };
        let rank = rank.clamp(1, self.differences.len());
        Shift { rank, bounds: (self.differences[rank - 1], self.differences[self.differences.len() - rank]) }
    }

    fn pairs(&self) -> f64 {
        self.first * self.second
    }

    fn deviation(&self, ties: f64) -> f64 {
        let all = self.first + self.second;
        (self.pairs() / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).sqrt()
    }
}

/// The chance of each value of U from 0 to `first * second`, without ties. The number of orders with a given U obeys
/// `c(m, n, u) = c(m - 1, n, u - n) + c(m, n - 1, u)` (Mann and Whitney 1947); here for chances, so that nothing
/// overflows.
fn u_distribution(first: f64, second: f64) -> Vec<f64> {
    let (rows, columns) = (whole(first), whole(second));
    // `of[m]` is the distribution for `m` and the current `n`.
    let mut of: Vec<Vec<f64>> = vec![vec![1.0]; rows + 1];
    for n in 1..=columns {
        for m in 1..=rows {
            let (m_part, n_part) = (m as f64 / (m + n) as f64, n as f64 / (m + n) as f64);
            let mut chances = vec![0.0; m * n + 1];
            for (u, chance) in of[m].iter().enumerate() {
                chances[u] += n_part * chance;
            }
            for (u, chance) in of[m - 1].iter().enumerate() {
                chances[u + n] += m_part * chance;
            }
            of[m] = chances;
        }
    }
    of.pop().unwrap_or_default()
}
