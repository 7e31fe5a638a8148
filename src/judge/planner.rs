//! How long it will take: the growth of evidence under given rates, and from it the time to a decision.

use std::time::Duration;

use super::combine::log_threshold;
use super::counts::Counts;
use super::ratio::{RatioDesign, RatioProcess, expected_gain};

/// What the mixture over bets costs in log evidence until it has found the right one, and half the spread of the time
/// (fitted to simulations: medians are met within 25 %, on the late side for small effects).
const MIXTURE_COST: f64 = 2.5;

/// The traffic and the rates for which a time is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Requests per second of both arms together.
    pub requests_per_second: f64,
    /// The canary's part of them, in (0, 1).
    pub canary_share: f64,
    /// The canary's error rate, as a share of requests.
    pub canary_rate: f64,
    /// The stable version's error rate, as a share of requests.
    pub stable_rate: f64,
}

/// How fast evidence grows on the best bet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Expected gain in log evidence per second, above 0.
    pub per_second: f64,
    /// The bet that gains it: distance from the boundary on the log scale.
    pub bet: f64,
}

impl Traffic {
    /// The traffic of a step so far; none before both versions had some.
    pub(super) fn seen(totals: &Counts, elapsed: Duration) -> Option<Self> {
        let requests = totals.canary_requests + totals.stable_requests;
        (totals.is_informative() && !elapsed.is_zero()).then(|| Self {
            requests_per_second: requests / elapsed.as_secs_f64(),
            canary_share: totals.canary_requests / requests,
            canary_rate: totals.canary_errors / totals.canary_requests,
            stable_rate: totals.stable_errors / totals.stable_requests,
        })
    }

    fn counts_per_second(&self) -> Counts {
        let canary_requests = self.requests_per_second * self.canary_share;
        let stable_requests = self.requests_per_second * (1.0 - self.canary_share);
        Counts {
            canary_requests,
            stable_requests,
            canary_errors: canary_requests * self.canary_rate,
            stable_errors: stable_requests * self.stable_rate,
        }
    }
}

/// The growth of a process's evidence; none when it doesn't grow: the rates are on the claim's side of the boundary,
/// or there is no traffic in one of the arms.
pub fn growth(design: &RatioDesign, traffic: &Traffic) -> Option<Growth> {
    let per_second = traffic.counts_per_second();
    if !per_second.is_informative() {
        return None;
    }
    design.bets().map(|bet| Growth { per_second: gain(design, &per_second, bet), bet: bet.abs() }).fold(
        None,
        |best: Option<Growth>, next| {
            (next.per_second > best.map_or(0.0, |best| best.per_second)).then_some(next).or(best)
        },
    )
}

/// Median seconds from a start at evidence 0 to a decision at `level`, for a growth per second above 0. In one of ten
/// cases it takes twice as long.
pub fn median_seconds(growth_per_second: f64, level: f64) -> f64 {
    (log_threshold(level) + MIXTURE_COST) / growth_per_second
}

/// Expected seconds until a running process reaches `threshold`, from where it stands; none when it won't.
pub fn seconds_until(process: &RatioProcess, threshold: f64, traffic: &Traffic) -> Option<f64> {
    if process.log_evidence() >= threshold {
        return Some(0.0);
    }
    let per_second = traffic.counts_per_second();
    if !per_second.is_informative() {
        return None;
    }
    let design = process.design();
    design
        .bets()
        .zip(process.log_capital())
        .map(|(bet, capital)| (threshold - capital, gain(design, &per_second, bet)))
        .filter(|(_, gain)| *gain > 0.0)
        .map(|(missing, gain)| missing / gain)
        .filter(|seconds| seconds.is_finite())
        .min_by(f64::total_cmp)
}

fn gain(design: &RatioDesign, per_second: &Counts, bet: f64) -> f64 {
    expected_gain(design.margin, per_second, bet) / design.dispersion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Margin;

    const QUIET: Traffic =
        Traffic { requests_per_second: 100.0, canary_share: 0.1, canary_rate: 0.0, stable_rate: 0.0 };

    #[test]
    fn without_any_errors_safety_is_shown_in_the_time_of_the_rule_of_three() {
        let process = RatioProcess::new(RatioDesign::safe(Margin::ERROR_RATE_LIMIT, 1.0));
        let seconds = seconds_until(&process, log_threshold(0.05), &QUIET).unwrap();
        assert!((450.0..700.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn harm_is_never_expected_without_errors_or_without_traffic() {
        let design = RatioDesign::harm(Margin::ERROR_RATE_DEAD_ZONE, 1.0);
        assert_eq!(growth(&design, &QUIET), None);
        let silent = Traffic { canary_share: 0.0, canary_rate: 0.5, ..QUIET };
        assert_eq!(growth(&design, &silent), None);
        assert_eq!(seconds_until(&RatioProcess::new(design), 4.6, &silent), None);
    }
}
