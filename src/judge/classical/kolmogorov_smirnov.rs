//! The Kolmogorov-Smirnov test of two samples: exact by counting lattice paths, and asymptotic.

use super::Alternative;
use super::kolmogorov::{limit_upper, one_sample_upper};

/// Two samples, compared by their distribution functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    first: usize,
    second: usize,
    /// Largest lead of the first sample's distribution function over the second's, and the reverse.
    first_leads: f64,
    second_leads: f64,
}

impl KolmogorovSmirnov {
    /// Compares two samples; none if one is empty or holds something that is not a number.
    pub fn new(first: &[f64], second: &[f64]) -> Option<Self> {
        let undefined = |sample: &[f64]| sample.is_empty() || sample.iter().any(|value| value.is_nan());
        if undefined(first) || undefined(second) {
            return None;
        }
        let sorted = |sample: &[f64]| {
            let mut sorted = sample.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (first, second) = (sorted(first), sorted(second));
        let part =
            |sample: &[f64], value: f64| sample.partition_point(|other| *other <= value) as f64 / sample.len() as f64;
        let leads = first.iter().chain(&second).map(|value| part(&first, *value) - part(&second, *value));
        let (first_leads, second_leads) =
            leads.fold((0f64, 0f64), |(most, least), lead| (most.max(lead), least.max(-lead)));
        Some(Self { first: first.len(), second: second.len(), first_leads, second_leads })
    }

    /// The largest distance. [`Alternative::Greater`] is the lead of the first sample's distribution function: its
    /// values are the smaller ones.
    pub fn distance(&self, alternative: Alternative) -> f64 {
        match alternative {
            Alternative::TwoSided => self.first_leads.max(self.second_leads),
            Alternative::Greater => self.first_leads,
            Alternative::Less => self.second_leads,
        }
    }

    /// The exact p-value (for ties a conservative one): the chance that a random order of all values has a distance at
    /// least as large. Time grows with the product of the sample sizes.
    pub fn p_exact(&self, alternative: Alternative) -> f64 {
        let (rows, columns) = (self.first as f64, self.second as f64);
        // Distances are whole multiples of 1 / (rows columns).
        let reached = (self.distance(alternative) * rows * columns).round();
        if reached <= 0.0 {
            return 1.0;
        }
        let outside = |i: usize, j: usize| {
            let lead = i as f64 * columns - j as f64 * rows;
            match alternative {
                Alternative::TwoSided => lead.abs() >= reached,
                Alternative::Greater => lead >= reached,
                Alternative::Less => -lead >= reached,
            }
        };
        // `inside[j]`: the chance that the path is at (i, j) and was never outside. What leaves is summed: all terms
        // are positive, so that small p-values keep their digits.
        let mut inside = vec![0.0; self.second + 1];
        let mut left = 0.0;
        for i in 0..=self.first {
            for j in 0..=self.second {
                let rest = (self.first + self.second + 1 - i - j) as f64;
                let from_row = if i > 0 { inside[j] * (self.first + 1 - i) as f64 / rest } else { 0.0 };
                let from_column = if j > 0 { inside[j - 1] * (self.second + 1 - j) as f64 / rest } else { 0.0 };
                let here = if i + j == 0 { 1.0 } else { from_row + from_column };
                let leaves = outside(i, j);
                left += if leaves { here } else { 0.0 };
                inside[j] = if leaves { 0.0 } else { here };
            }
        }
        left
    }

    /// The two-sided p-value by the distribution of one sample of the harmonic size, rounded.
    pub fn p_asymptotic(&self) -> f64 {
        let size = self.harmonic_size().round().max(1.0);
        one_sample_upper(self.distance(Alternative::TwoSided), size)
    }

    /// The two-sided p-value by Kolmogorov's limit.
    pub fn p_limit(&self) -> f64 {
        limit_upper(self.harmonic_size().sqrt() * self.distance(Alternative::TwoSided))
    }

    fn harmonic_size(&self) -> f64 {
        let (first, second) = (self.first as f64, self.second as f64);
        first * second / (first + second)
    }
}
