//! What becomes of a bad version: how far it gets through the steps before it is found.

use serde::Serialize;

use super::{NINETIETH, PlannedStep, Question, Regression, Times};
use crate::judge::median_seconds;

/// The expected way of one bad version.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// How bad it is.
    pub regression: Regression,
    /// How it ends.
    pub ending: Ending,
    /// The step in which it ends, from 0.
    pub step: usize,
    /// The time until it ends; the 90 % is that of finding it.
    pub times: Times,
    /// Requests that the bad version answers until then (median).
    pub requests: f64,
    /// Events among them beyond those that the stable version would have had; below 0 where lower is worse.
    pub extra_events: f64,
}

/// How the way of a bad version ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// It is rolled back.
    Found,
    /// A step's longest time passes without a decision.
    TimedOut,
    /// It passes all steps: it is inside what the steps promise to rule out.
    Passed,
}

/// Follows a version with this rate. Evidence for harm is kept from step to step; a step lasts until safety is shown,
/// which for a version outside the margin is until its longest time.
pub(super) fn follow(question: &Question, steps: &[PlannedStep], rate: f64) -> Course {
    let last_weight = steps.last().map_or(100.0, |step| step.weight);
    // In units of what has to be gained until the median.
    let (mut gained, mut seconds, mut requests) = (0.0, 0.0, 0.0);
    let mut found = None;
    let mut ninety = None;
    let mut ending = (Ending::Passed, steps.len().saturating_sub(1));
    for (index, step) in steps.iter().enumerate() {
        let safe = question.safe(step.weight, last_weight, rate).map(|times| times.median_seconds);
        let in_time = safe.filter(|safe| *safe <= step.max.as_secs_f64());
        let lasts = in_time.map_or(step.max, |safe| step.min.max(std::time::Duration::from_secs_f64(safe)));
        let lasts = lasts.as_secs_f64();
        let gain = question
            .harm_growth(step.weight, rate)
            .map_or(0.0, |growth| 1.0 / median_seconds(growth, question.false_rollback));
        let per_second = question.requests_per_second * step.weight / 100.0;
        let reach = |target: f64| (target - gained) / gain;
        if found.is_none() && gained + gain * lasts >= 1.0 {
            found = Some((seconds + reach(1.0), requests + per_second * reach(1.0)));
            ending = (Ending::Found, index);
        }
        if ninety.is_none() && gained + gain * lasts >= NINETIETH {
            ninety = Some(seconds + reach(NINETIETH));
        }
        gained += gain * lasts;
        seconds += lasts;
        requests += per_second * lasts;
        if in_time.is_none() {
            if found.is_none() {
                ending = (Ending::TimedOut, index);
            }
            break;
        }
    }
    let (median_seconds, requests) = found.unwrap_or((seconds, requests));
    let regression = question.regression(rate);
    Course {
        regression,
        ending: ending.0,
        step: ending.1,
        times: Times { median_seconds, ninety_percent_seconds: ninety.unwrap_or(seconds).max(median_seconds) },
        requests,
        extra_events: requests * regression.added,
    }
}
