//! One plain sentence for each verdict, with the numbers that led to it.

use std::time::Duration;

use super::interval::ArmReport;
use super::limit::Limit;
use super::metric::ErrorRateEvidence;
use super::verdict::{LimitLook, MetricLook, RollbackCause, TimeoutAction, Verdict, Waiting};

impl Verdict {
    /// The verdict as one sentence without a full stop: value, count, limit, evidence against threshold, action.
    pub fn explain(&self) -> String {
        match self {
            Self::Rollback(cause) => format!("{}; rolling back", rollback(cause)),
            Self::Advance { metrics, elapsed } => advance(metrics, *elapsed),
            Self::TimedOut { action, waiting, max } => {
                let action = match action {
                    TimeoutAction::Pause => "pausing for a person",
                    TimeoutAction::Rollback => "rolling back",
                    TimeoutAction::Advance => "advancing undecided, nothing looks wrong",
                };
                format!("no decision within {}: {}; {action}", time(*max), state_of(waiting))
            }
            Self::Continue(waiting) => format!("{}; {}", state_of(waiting), outlook(waiting)),
            Self::NoData { name, reason } => format!("no data for {name}: {reason}; holding"),
        }
    }
}

fn rollback(cause: &RollbackCause) -> String {
    match cause {
        RollbackCause::Regression { metric, log_evidence, log_threshold } => format!(
            "{}: evidence {} against {}",
            comparison(&metric.name, &metric.evidence),
            number(log_evidence.exp()),
            number(log_threshold.exp()),
        ),
        RollbackCause::LimitBroken(limit) => {
            let looks = limit.reading.breaches;
            format!("{} over {looks} {} in a row", breach(limit), if looks == 1 { "look" } else { "looks" })
        }
    }
}

fn advance(metrics: &[MetricLook], elapsed: Duration) -> String {
    let shown: Vec<String> = metrics
        .iter()
        .map(|metric| {
            let evidence = &metric.evidence;
            format!(
                "{}: evidence of safety {} against {}",
                comparison(&metric.name, evidence),
                number(evidence.log_safe.exp()),
                number(evidence.log_safe_threshold.exp()),
            )
        })
        .collect();
    if shown.is_empty() {
        return format!("nothing speaks against it after {}; advancing", time(elapsed));
    }
    format!("{}, after {}; advancing", shown.join(", "), time(elapsed))
}

fn state_of(waiting: &Waiting) -> String {
    match waiting {
        Waiting::MinimumTime { elapsed, min } => {
            format!("nothing is left to be shown after {}, but the step lasts at least {}", time(*elapsed), time(*min))
        }
        Waiting::Evidence { metric, .. } => format!(
            "{}: evidence of safety {} against {}",
            comparison(&metric.name, &metric.evidence),
            number(metric.evidence.log_safe.exp()),
            number(metric.evidence.log_safe_threshold.exp()),
        ),
        Waiting::Limit(limit) => {
            let needed = limit.limit.consecutive.max(1);
            format!("{} in {} of {needed} looks in a row", breach(limit), limit.reading.breaches)
        }
    }
}

fn outlook(waiting: &Waiting) -> String {
    let Waiting::Evidence { metric, time_left } = waiting else {
        return "holding".into();
    };
    match metric.evidence.seconds_until_safe {
        Some(seconds) if !waiting.will_be_late() => format!("safe in about {}", time(Duration::from_secs_f64(seconds))),
        Some(seconds) => {
            let expected = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            format!("would be safe in about {}, but the step ends in {}", time(expected), time(*time_left))
        }
        None => format!("not coming closer to safe, the step ends in {}", time(*time_left)),
    }
}

impl ErrorRateEvidence {
    /// The two versions side by side: `errors 2.1 % (42 of 2000) is above the stable 0.5 % (45 of 9000)`.
    pub fn explain(&self, name: &str) -> String {
        comparison(name, self)
    }
}

impl LimitLook {
    /// Where the value stands to its limit.
    pub fn explain(&self) -> String {
        match self.reading.value {
            Some(value) if self.limit.allows(value) => format!("{} {} is within its limit", self.name, plain(value)),
            _ => breach(self),
        }
    }
}

/// Says "above" or "below" only where the plain rates say so, too: evidence compares interval by interval, and pooled
/// rates may mislead when weights change during an incident.
fn comparison(name: &str, evidence: &ErrorRateEvidence) -> String {
    let rate = |arm: &ArmReport| arm.rate.map(|rate| rate.estimate);
    let word = match (rate(&evidence.canary), rate(&evidence.stable)) {
        (Some(canary), Some(stable)) if canary > stable => "is above the stable",
        (Some(canary), Some(stable)) if canary < stable => "is below the stable",
        (Some(_), Some(_)) => "equals the stable",
        _ => "against the stable",
    };
    format!("{name} {} {word} {}", arm(&evidence.canary), arm(&evidence.stable))
}

fn arm(report: &ArmReport) -> String {
    let rate = report.rate.map_or_else(|| "unknown".into(), |rate| percent(rate.estimate));
    format!("{rate} ({:.0} of {:.0})", report.errors, report.requests)
}

fn breach(look: &LimitLook) -> String {
    let LimitLook { name, limit: Limit { min, max, .. }, reading, .. } = look;
    match (reading.value, min, max) {
        (Some(value), _, Some(max)) if value > *max => format!("{name} {} is above {}", plain(value), plain(*max)),
        (Some(value), Some(min), _) if value < *min => format!("{name} {} is below {}", plain(value), plain(*min)),
        _ => format!("{name} was outside its limit"),
    }
}

/// A share as percent with two or three figures: `2.1 %`, `0.012 %`, `35 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent {
        _ if percent >= 1.0 => 1,
        _ if percent >= 0.1 => 2,
        _ if percent >= 0.01 => 3,
        _ => 4,
    };
    format!("{} %", without_trailing_zeros(&format!("{percent:.decimals$}")))
}

/// An e-value: `312`, `3.2`, `0.04`, `1.2e9`.
fn number(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{value:.1e}"),
        _ if value >= 9.95 => format!("{value:.0}"),
        _ if value >= 0.095 => format!("{value:.1}"),
        _ if value >= 0.005 => format!("{value:.2}"),
        _ => "0".into(),
    }
}

fn plain(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.2e}")
    } else {
        without_trailing_zeros(&format!("{value:.4}")).to_owned()
    }
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil();
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shown_with_the_figures_that_matter() {
        let shown = [0.0, 0.000_123, 0.0045, 0.021, 0.2, 1.0].map(percent);
        assert_eq!(shown, ["0 %", "0.012 %", "0.45 %", "2.1 %", "20 %", "100 %"]);
    }

    #[test]
    fn evidence_is_shown_shortly_however_large_it_is() {
        let shown = [0.001, 0.04, 3.21, 312.4, 1.234e9].map(number);
        assert_eq!(shown, ["0", "0.04", "3.2", "312", "1.2e9"]);
    }

    #[test]
    fn times_are_shown_in_the_unit_that_people_think_in() {
        let shown = [0.2, 119.0, 240.0, 9000.0].map(|seconds| time(Duration::from_secs_f64(seconds)));
        assert_eq!(shown, ["1 s", "119 s", "4 min", "2.5 h"]);
    }
}
