//! What other rules would have decided: Kayenta's judge, and thresholds on the error rate as Flagger and Argo Rollouts
//! use them.

use crate::{
    analysis::{
        Record,
        kayenta::{KayentaRun, second_verdict},
        record::{MetricKind, Outcome, SecondVerdict},
    },
    characterize::comparators::{FailedChecks, Window},
    cli::Failure,
    judge::Counts,
    model::words::percent,
};

/// Both tools check once a minute in their examples.
const CHECK_SECONDS: f64 = 60.0;

/// A number of failed checks that ends a rollout.
struct Rule {
    name: &'static str,
    failures: u32,
}

/// Flagger rolls back at `threshold` failed checks, 5 in its examples; Argo Rollouts when there are more than
/// `failureLimit`, 3 in its examples.
const RULES: [Rule; 2] = [Rule { name: "like Flagger", failures: 5 }, Rule { name: "like Argo Rollouts", failures: 4 }];

/// Kayenta's verdict on the recording.
pub(super) fn kayenta(record: &Record) -> Result<Option<SecondVerdict>, Failure> {
    second_verdict(record, &KayentaRun::default())
        .map_err(|error| Failure::refused(format!("Kayenta's judge: {error}")))
}

/// The verdicts of thresholds, for recordings with an error rate.
pub(super) fn thresholds(record: &Record, limit: f64) -> Vec<SecondVerdict> {
    if !record.metrics.iter().any(|metric| metric.kind == MetricKind::ErrorRate) {
        return Vec::new();
    }
    RULES.iter().map(|rule| threshold(record, rule, limit)).collect()
}

fn threshold(record: &Record, rule: &Rule, limit: f64) -> SecondVerdict {
    let first = record.looks.first().map(|look| look.at);
    let name = format!("{}: error rate above {} in a minute, {} times", rule.name, percent(limit), rule.failures);
    let mut windows: Vec<Window> = record.metrics.iter().map(|_| Window::new(CHECK_SECONDS)).collect();
    let mut failed = FailedChecks::default();
    let mut checks = 0;
    let mut failures = 0;
    for look in &record.looks {
        let seconds = first.map_or(0.0, |first| look.at.duration_since(first).as_secs_f64());
        for ((metric, window), seen) in record.metrics.iter().zip(&mut windows).zip(&look.metrics) {
            if metric.kind != MetricKind::ErrorRate {
                continue;
            }
            let counts = seen.canary.map_or_else(Counts::default, |canary| Counts {
                canary_requests: canary.new_requests,
                canary_errors: canary.new_events,
                ..Counts::default()
            });
            let Some(counts) = window.add(seconds, &counts) else { continue };
            if counts.canary_requests <= 0.0 {
                continue;
            }
            let rate = counts.canary_errors / counts.canary_requests;
            checks += 1;
            failures = failed.check(rate > limit);
            if failures >= rule.failures {
                let message = format!("{} was {} in the minute of failure {failures}", metric.name, percent(rate));
                return SecondVerdict { rule: name, outcome: Outcome::Rollback, at: Some(look.at), message };
            }
        }
    }
    let message = format!("{failures} of {checks} checks failed");
    let outcome = if checks == 0 { Outcome::Undecided } else { Outcome::Promote };
    SecondVerdict { rule: name, outcome, at: None, message }
}
