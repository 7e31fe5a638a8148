//! One plain sentence for each verdict, with the numbers that led to it.

use std::time::Duration;

use super::format::{plain, points, time};
use super::interval::{ArmReport, Interval};
use super::limit::Limit;
use super::metric::ErrorRateEvidence;
use super::pods::PodReport;
use super::rate_limit::RateLimitEvidence;
use super::verdict::{LimitLook, MetricLook, RollbackCause, TimeoutAction, Verdict, Waiting};
use crate::model::words::{evidence, percent};

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
            metric.evidence.explain(&metric.name),
            evidence(*log_evidence),
            evidence(*log_threshold),
        ),
        RollbackCause::OutOfBounds { metric } => metric.evidence.explain_harm(&metric.name),
        RollbackCause::LimitBroken(limit) => {
            let looks = limit.reading.breaches;
            format!("{} over {looks} {} in a row", breach(limit), if looks == 1 { "look" } else { "looks" })
        }
    }
}

fn advance(metrics: &[MetricLook], elapsed: Duration) -> String {
    let shown: Vec<String> = metrics.iter().map(|metric| metric.evidence.explain_safety(&metric.name)).collect();
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
        Waiting::Evidence { metric, .. } => metric.evidence.explain_safety(&metric.name),
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
    let expected = |seconds: f64| time(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    let (safe, harm) = (metric.evidence.seconds_until_safe(), metric.evidence.seconds_until_harm());
    let left = time_left.as_secs_f64();
    match (safe, harm) {
        (Some(safe), harm) if safe <= left && harm.is_none_or(|harm| safe <= harm) => {
            format!("safe in about {} at this rate", expected(safe))
        }
        (_, Some(harm)) if harm <= left => format!("rolled back in about {} at this rate", expected(harm)),
        (Some(safe), _) => {
            format!("would be safe in about {} at this rate, but the step ends in {}", expected(safe), time(*time_left))
        }
        (None, _) => format!("not coming closer to safe, the step ends in {}", time(*time_left)),
    }
}

impl ErrorRateEvidence {
    /// The two versions side by side: `errors 2.1 % (42 of 2000) is above the stable 0.5 % (45 of 9000)`.
    pub fn explain(&self, name: &str) -> String {
        let mut text = comparison(name, self);
        if let Some(Interval { estimate, low, high }) = self.difference {
            let (estimate, low, high) = (points(estimate), points(low), points(high));
            text = format!("{text}, difference {estimate} points ({low} to {high})");
        }
        for pod in self.pods_out_of_line() {
            let share = percent(pod.events / pod.requests);
            let others = pod.others_rate.map_or_else(|| "unknown".into(), percent);
            let PodReport { pod, requests, events, .. } = pod;
            let of = format!("({events:.0} of {requests:.0})");
            text = format!("{text}; pod {pod} has {share} {of}, the canary's other pods {others}");
        }
        text
    }

    /// The two versions side by side, and how much speaks for safety.
    pub fn explain_safety(&self, name: &str) -> String {
        let (found, needed) = (evidence(self.log_safe), evidence(self.log_safe_threshold));
        format!("{}: evidence of safety {found} against {needed}", self.explain(name))
    }

    /// The two versions side by side, and how much speaks for harm by this metric alone.
    pub fn explain_harm(&self, name: &str) -> String {
        let needed = self.log_harm_threshold;
        let (found, what) = match self.limit.filter(|limit| limit.is_broken(needed)) {
            Some(RateLimitEvidence { bound, is_max, log_beyond, .. }) => {
                let side = if is_max { "above" } else { "below" };
                (log_beyond, format!(" of being {side} its limit of {}", percent(bound)))
            }
            None => (self.log_harm, String::new()),
        };
        format!("{}: evidence{what} {} against {}", self.explain(name), evidence(found), evidence(needed))
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
