//! What a report shows of an error rate: both arms' rates and the difference, with intervals that are valid at every
//! look. An interval that holds only for a look planned beforehand (Wilson, Wald) would exclude the truth sooner or
//! later when it is shown on a live screen. None of this decides anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

use super::combine::log_threshold;
use super::counts::Counts;
use super::state::{self, StateError, StateKind};

/// The level of the intervals in reports: at any number of looks the truth is outside with at most this probability.
pub const REPORT_LEVEL: f64 = 0.05;
/// Intervals and errors per arm before the difference is shown: its interval is a large-sample one.
const START_INTERVALS: f64 = 20.0;
const START_ERRORS: f64 = 20.0;
/// The number of intervals at which the interval of the difference is tightest.
const TIGHTEST_AT: f64 = 100.0;
const STATE_NUMBERS: usize = 13;

/// An estimate and the bounds that the data allow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// Best estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// What one arm has shown so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmReport {
    /// Requests.
    pub requests: f64,
    /// Errors among them.
    pub errors: f64,
    /// Error rate, as a share of requests; none before the first request.
    pub rate: Option<Interval>,
}

/// Sums from which the rates of both arms and their difference can be told, of constant size. As JSON one string.
///
/// The difference is the Mantel-Haenszel one: rates are compared within each interval, so that neither an incident
/// that hits both arms nor a change of the weights biases it (comparing pooled rates would be wrong in both cases).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DifferenceSums {
    totals: Counts,
    intervals: f64,
    /// Sum of `h = n_c n_b / (n_c + n_b)`, the weight of an interval.
    weight: f64,
    /// Sum of `x_c n_b / (n_c + n_b)`: weighted canary errors.
    canary: f64,
    /// Sum of `x_b n_c / (n_c + n_b)`: weighted stable errors.
    stable: f64,
    /// With `z` the difference of these two in an interval: sums of `z^2`, `z h`, `h^2`.
    difference_squared: f64,
    difference_weight: f64,
    weight_squared: f64,
    /// Sums of `h^2 / n_c` and `h^2 / n_b`.
    canary_variance_weight: f64,
    stable_variance_weight: f64,
}

/// Whether the variance has a floor from the rates themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarianceFloor {
    /// A request is an error or none, so its variance is at least `p (1 - p)`: keeps the first intervals honest.
    Binomial,
    /// Only what was seen between intervals, for sums that aren't counts.
    None,
}

impl DifferenceSums {
    /// Takes the counts of one interval. An interval in which one arm had no requests changes nothing; errors beyond
    /// the requests (skewed scrapes) are cut off.
    pub fn update(&mut self, counts: &Counts) {
        let mut counts = counts.bounded();
        if !counts.is_informative() {
            return;
        }
        counts.canary_errors = counts.canary_errors.min(counts.canary_requests);
        counts.stable_errors = counts.stable_errors.min(counts.stable_requests);
        let requests = counts.canary_requests + counts.stable_requests;
        let canary_share = counts.canary_requests / requests;
        let stable_share = counts.stable_requests / requests;
        let weight = counts.canary_requests * stable_share;
        let canary = counts.canary_errors * stable_share;
        let stable = counts.stable_errors * canary_share;
        let difference = canary - stable;
        self.totals += counts;
        self.intervals += 1.0;
        self.weight += weight;
        self.canary += canary;
        self.stable += stable;
        self.difference_squared += difference * difference;
        self.difference_weight += difference * weight;
        self.weight_squared += weight * weight;
        self.canary_variance_weight += weight * stable_share;
        self.stable_variance_weight += weight * canary_share;
    }

    /// Requests and errors of both arms, over the intervals in which both had requests.
    pub fn totals(&self) -> &Counts {
        &self.totals
    }

    /// Canary rate minus stable rate; none before the first interval.
    pub fn difference(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| (self.canary - self.stable) / self.weight)
    }

    /// The difference with its interval at `level`, once there are enough data for a large-sample statement.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let enough = self.intervals >= START_INTERVALS
            && self.totals.canary_errors.min(self.totals.stable_errors) >= START_ERRORS;
        if !enough {
            return None;
        }
        let estimate = self.difference()?;
        let radius = self.radius(level, VarianceFloor::Binomial)?;
        Some(Interval { estimate, low: (estimate - radius).max(-1.0), high: (estimate + radius).min(1.0) })
    }

    /// Half the length of the difference's asymptotic confidence sequence, whatever the amount of data; none before
    /// the first interval.
    pub fn radius(&self, level: f64, floor: VarianceFloor) -> Option<f64> {
        let difference = self.difference()?;
        let seen = self.difference_squared - 2.0 * difference * self.difference_weight
            + difference * difference * self.weight_squared;
        // The three terms cancel; what is left within their rounding is nothing.
        let seen = if seen > 8.0 * f64::EPSILON * self.difference_squared { seen } else { 0.0 };
        let variance = match floor {
            VarianceFloor::Binomial => seen.max(self.binomial_variance()),
            VarianceFloor::None => seen,
        };
        let deviation = (variance / self.intervals).sqrt() / (self.weight / self.intervals);
        Some(asymptotic_radius(self.intervals, deviation, level, TIGHTEST_AT))
    }

    /// Whether the point estimates keep to a margin (no statement of confidence).
    pub fn is_inside(&self, margin: super::Margin) -> bool {
        self.intervals > 0.0 && self.canary <= margin.ratio * self.stable + margin.absolute * self.weight
    }

    /// Whether the point estimates keep to a margin below the stable rate (no statement of confidence).
    pub fn is_above(&self, margin: super::Margin) -> bool {
        self.intervals > 0.0 && self.canary >= margin.ratio * self.stable + margin.absolute * self.weight
    }

    /// The canary's side of a report.
    pub fn canary_report(&self) -> ArmReport {
        arm_report(self.totals.canary_requests, self.totals.canary_errors)
    }

    /// The stable version's side of a report.
    pub fn stable_report(&self) -> ArmReport {
        arm_report(self.totals.stable_requests, self.totals.stable_errors)
    }

    fn binomial_variance(&self) -> f64 {
        let variance = |errors: f64, requests: f64| {
            let rate = (errors + 0.5) / (requests + 1.0);
            rate * (1.0 - rate)
        };
        variance(self.totals.canary_errors, self.totals.canary_requests) * self.canary_variance_weight
            + variance(self.totals.stable_errors, self.totals.stable_requests) * self.stable_variance_weight
    }
}

/// Half the length of the two-sided asymptotic confidence sequence of a mean (Waudby-Smith, Arbour, Sinha, Kennedy and
/// Ramdas 2024) after `count` observations with standard deviation `deviation`, tightest at `tightest_at`.
pub fn asymptotic_radius(count: f64, deviation: f64, level: f64, tightest_at: f64) -> f64 {
    let tuning = asymptotic_tuning(level, tightest_at);
    let spread = count * tuning + 1.0;
    deviation * (2.0 * spread / (count * count * tuning) * (spread.sqrt() / level).ln()).sqrt()
}

/// [`asymptotic_radius`] for a bound in one direction only; `level` in (0, 0.5).
pub fn asymptotic_radius_one_sided(count: f64, deviation: f64, level: f64, tightest_at: f64) -> f64 {
    let tuning = asymptotic_tuning(2.0 * level, tightest_at);
    let spread = count * tuning + 1.0;
    deviation * (2.0 * spread / (count * count * tuning) * (spread.sqrt() / (2.0 * level)).ln_1p()).sqrt()
}

/// The prior variance with which the mixture behind an asymptotic confidence sequence is tightest after `tightest_at`
/// observations.
pub fn asymptotic_tuning(level: f64, tightest_at: f64) -> f64 {
    let double_threshold = 2.0 * log_threshold(level);
    (double_threshold + double_threshold.ln_1p()) / tightest_at
}

/// An error rate with an interval that is valid at every look: a rate is outside once the mixture of all rates
/// (Jeffreys prior) explains the data `1 / level` times as well (Robbins 1970). Exact for independent requests of a
/// constant rate. `errors <= requests`, `requests > 0`.
pub fn rate_interval(errors: f64, requests: f64, level: f64) -> Interval {
    let estimate = errors / requests;
    let successes = requests - errors;
    let mixture = ln_beta(errors + 0.5, successes + 0.5) - ln_beta(0.5, 0.5);
    let log_power = |base: f64, exponent: f64| if exponent == 0.0 { 0.0 } else { exponent * base.ln() };
    let excluded = |rate: f64| {
        let likelihood = log_power(rate, errors) + log_power(1.0 - rate, successes);
        mixture - likelihood >= log_threshold(level)
    };
    let low = if errors == 0.0 { 0.0 } else { outermost_excluded(0.0, estimate, &excluded) };
    let high = if successes == 0.0 { 1.0 } else { outermost_excluded(1.0, estimate, &excluded) };
    Interval { estimate, low, high }
}

/// Halves the way between an excluded and an included rate; gives the excluded end, which errs on the safe side.
fn outermost_excluded(mut outside: f64, mut inside: f64, excluded: &impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(outside, inside);
        if excluded(middle) {
            outside = middle;
        } else {
            inside = middle;
        }
    }
    outside
}

fn arm_report(requests: f64, errors: f64) -> ArmReport {
    let rate = (requests > 0.0).then(|| rate_interval(errors, requests, REPORT_LEVEL));
    ArmReport { requests, errors, rate }
}

impl From<DifferenceSums> for String {
    fn from(sums: DifferenceSums) -> Self {
        let numbers: [f64; STATE_NUMBERS] = [
            sums.totals.canary_requests,
            sums.totals.stable_requests,
            sums.totals.canary_errors,
            sums.totals.stable_errors,
            sums.intervals,
            sums.weight,
            sums.canary,
            sums.stable,
            sums.difference_squared,
            sums.difference_weight,
            sums.weight_squared,
            sums.canary_variance_weight,
            sums.stable_variance_weight,
        ];
        state::encode(StateKind::Difference, &numbers)
    }
}

impl TryFrom<String> for DifferenceSums {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers: [f64; STATE_NUMBERS] = state::decode(StateKind::Difference, &text)?;
        if let Some(position) = numbers.iter().position(|number| number.is_infinite()) {
            return Err(state::impossible(position, numbers[position]));
        }
        let [
            canary_requests,
            stable_requests,
            canary_errors,
            stable_errors,
            intervals,
            weight,
            canary,
            stable,
            rest @ ..,
        ] = numbers;
        let [difference_squared, difference_weight, weight_squared, canary_variance_weight, stable_variance_weight] =
            rest;
        Ok(Self {
            totals: Counts { canary_requests, stable_requests, canary_errors, stable_errors },
            intervals,
            weight,
            canary,
            stable,
            difference_squared,
            difference_weight,
            weight_squared,
            canary_variance_weight,
            stable_variance_weight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_clean_requests_leave_room_for_seven_in_a_thousand() {
        let interval = rate_interval(0.0, 1000.0, 0.05);
        assert_eq!(interval.low.to_bits(), 0f64.to_bits());
        assert!((0.006..0.008).contains(&interval.high), "{interval:?}");
    }

    #[test]
    fn the_interval_of_a_rate_surrounds_it_and_is_wider_than_one_for_a_single_look() {
        let interval = rate_interval(15.0, 1000.0, 0.05);
        assert!(interval.low > 0.0 && interval.low < 0.0091, "{interval:?}");
        assert!(interval.high > 0.0246 && interval.high < 0.04, "{interval:?}");
    }

    #[test]
    fn when_every_request_fails_the_interval_ends_at_one() {
        let interval = rate_interval(50.0, 50.0, 0.05);
        assert_eq!(interval.high.to_bits(), 1f64.to_bits());
        assert!(interval.low > 0.8, "{interval:?}");
    }

    #[test]
    fn the_difference_is_shown_only_with_enough_intervals_and_errors() {
        let counts = Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors: 1.0, stable_errors: 9.0 };
        let mut sums = DifferenceSums::default();
        for _ in 0..19 {
            sums.update(&counts);
        }
        assert_eq!(sums.interval(REPORT_LEVEL), None);
        sums.update(&counts);
        let interval = sums.interval(REPORT_LEVEL).unwrap();
        assert!(interval.low < 0.0 && interval.high > 0.0 && interval.estimate.abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn a_change_of_weights_during_an_incident_makes_no_difference() {
        // Pooled, the canary looks worse (2.5 % against 1.5 %): it had more of the traffic while both were ill.
        let mut sums = DifferenceSums::default();
        sums.update(&Counts { canary_requests: 100.0, stable_requests: 900.0, canary_errors: 1.0, stable_errors: 9.0 });
        sums.update(&Counts {
            canary_requests: 500.0,
            stable_requests: 500.0,
            canary_errors: 20.0,
            stable_errors: 20.0,
        });
        assert!(sums.difference().unwrap().abs() < 1e-12);
    }
}
