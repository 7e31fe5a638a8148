//! What a rule did in one run, and what it did in all runs of a row.

use serde::{Deserialize, Serialize};

/// What happened in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The rule was not run, because it costs too much for every run.
    Skipped,
    /// It did not happen.
    Never,
    /// It happened, at this second of the run (or with this value, where the column is no time).
    At(f64),
}

impl Outcome {
    /// `At` what is given, else `Never`.
    pub fn of(at: Option<f64>) -> Self {
        at.map_or(Self::Never, Self::At)
    }

    /// Notes the first time that something happens; later ones change nothing.
    pub fn note(&mut self, happened: bool, second: f64) {
        if happened && *self == Self::Never {
            *self = Self::At(second);
        }
    }
}

/// Points in time of a row's horizon at which [`Cell::by_time`] counts.
pub const SLICES: usize = 48;

/// The runs of one row under one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// Runs in which the rule was run.
    pub runs: u32,
    /// Runs in which it happened.
    pub happened: u32,
    /// Median over all runs, a run in which it never happened being later than any; none when it is one of those.
    pub median: Option<f64>,
    /// Where the median may lie, by three binomial standard errors of the share of runs below it.
    pub median_low: Option<f64>,
    /// The upper end of it.
    pub median_high: Option<f64>,
    /// The time within which it happened in nine of ten runs.
    pub ninetieth: Option<f64>,
    /// Mean over the runs in which it happened.
    pub mean: Option<f64>,
    /// In how many runs it had happened after each of [`SLICES`] equal parts of the row's horizon.
    pub by_time: Vec<u32>,
}

impl Cell {
    /// Sums the runs up. `horizon` is how long a run lasts, in seconds.
    pub fn of(outcomes: impl Iterator<Item = Outcome>, horizon: f64) -> Self {
        let mut runs = 0;
        let mut times = Vec::new();
        for outcome in outcomes {
            match outcome {
                Outcome::Skipped => continue,
                Outcome::Never => {}
                Outcome::At(time) => times.push(time),
            }
            runs += 1;
        }
        times.sort_unstable_by(f64::total_cmp);
        let half_width = if runs == 0 { 0.0 } else { 1.5 / f64::from(runs).sqrt() };
        let by_time = (1..=SLICES)
            .map(|slice| count(&times[..times.partition_point(|time| *time <= horizon * slice as f64 / SLICES as f64)]))
            .collect();
        Self {
            runs,
            happened: count(&times),
            median: quantile(&times, runs, 0.5),
            median_low: quantile(&times, runs, 0.5 - half_width),
            median_high: quantile(&times, runs, 0.5 + half_width),
            ninetieth: quantile(&times, runs, 0.9),
            mean: (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64),
            by_time,
        }
    }

    /// The share of runs in which it happened.
    pub fn share(&self) -> f64 {
        f64::from(self.happened) / f64::from(self.runs.max(1))
    }

    /// Monte Carlo standard error of the share. With two successes and two failures added (Agresti and Coull 1998), so
    /// that none in 4 000 runs isn't taken for certainty.
    pub fn standard_error(&self) -> f64 {
        let runs = f64::from(self.runs) + 4.0;
        let share = (f64::from(self.happened) + 2.0) / runs;
        (share * (1.0 - share) / runs).sqrt()
    }
}

fn count(times: &[f64]) -> u32 {
    u32::try_from(times.len()).unwrap_or(u32::MAX)
}

/// The smallest time within which a share of all runs have happened; none when fewer ever do.
fn quantile(times: &[f64], runs: u32, share: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank from 1 to the number of runs")]
    let needed = (f64::from(runs) * share).ceil().max(1.0) as usize;
    times.get(needed - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(outcomes: &[Outcome]) -> Cell {
        Cell::of(outcomes.iter().copied(), 48.0)
    }

    #[test]
    fn runs_in_which_it_never_happened_are_later_than_any_and_skipped_ones_do_not_count() {
        let found = cell(&[Outcome::At(3.0), Outcome::Never, Outcome::Skipped, Outcome::At(1.0), Outcome::At(2.0)]);
        assert_eq!((found.runs, found.happened, found.median), (4, 3, Some(2.0)));
        assert_eq!(found.ninetieth, None);
        assert_eq!(found.by_time[..4], [1, 2, 3, 3]);
        let mostly_not = cell(&[Outcome::At(3.0), Outcome::Never, Outcome::Never]);
        assert_eq!(mostly_not.median, None);
    }

    #[test]
    fn none_in_many_runs_has_an_error_of_its_own() {
        let none = cell(&[Outcome::Never; 400]);
        assert!(none.share().abs() < 1e-12 && none.standard_error() > 0.002, "{}", none.standard_error());
    }

    #[test]
    fn the_first_time_counts() {
        let mut outcome = Outcome::Never;
        outcome.note(false, 1.0);
        outcome.note(true, 2.0);
        outcome.note(true, 3.0);
        assert_eq!(outcome, Outcome::At(2.0));
    }
}
