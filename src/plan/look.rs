//! One look: what Prometheus said goes through the judge, and the evidence into the status.
//!
//! A look that shows nothing new changes nothing. A look that can't see is never a verdict: it stops the step's clock
//! and, when it lasts, leads to what `analysis.onNoData` says.

use std::time::Duration;

use super::{draft::Draft, facts::Facts, metrics::MetricPlan};
use crate::{
    api::{Analysis, ArmCounts, Blind, MetricEvidence, MetricState, OnTimeout, Step, Threshold},
    judge::{
        self, ArmSamples, Decision, ErrorRateEvidence, ErrorRateJudge, ErrorRateState, Limit, LimitLook, LimitState,
        Look, MetricLook, Reading, Sample, Samples, StepClock, StepWeight, Verdict,
    },
    measure::{self, ArmCounters, MetricOutcome, PerArm},
};

/// The least time before the next step where the step does not say.
const LEAST_HOLD: Duration = Duration::from_mins(2);
/// The longest time of a step where the step does not say.
const LONGEST_HOLD: Duration = Duration::from_mins(20);
/// How many intervals without a new request make a version invisible.
const QUIET_INTERVALS: u32 = 3;
/// What may be seen at the shortest, whatever the interval: Prometheus may scrape only every 30 s.
const QUIET_AT_LEAST: Duration = Duration::from_secs(90);

/// All the traffic, in percent.
pub(super) const ALL: u32 = 100;

/// Reasons of a gap that only tells that nothing has happened.
const QUIET: [&str; 4] = ["NoTraffic", "NoSeries", "FirstSight", "NotANumber"];

/// What one look saw.
pub(super) struct Sight {
    /// Whether Prometheus answered for every critical metric. Without that no weight is raised.
    pub(super) clear: bool,
    /// The canary's share of the requests that were new at this look.
    pub(super) share: Option<f64>,
    /// What the judge says; nothing where there is no analysis or nothing can be seen.
    pub(super) decision: Option<Decision>,
}

/// Why a metric says nothing.
struct Gap {
    reason: &'static str,
    message: String,
    /// Whether it is one at once, and not only when it lasts.
    at_once: bool,
}

/// What one metric gave at a look.
struct MetricReading {
    evidence: Evidence,
    fresh: bool,
    share: Option<f64>,
    gap: Option<Gap>,
}

enum Evidence {
    Errors(Box<ErrorRateJudge>),
    Limit(Limit, judge::LimitReading),
}

/// Takes the look that the snapshot holds.
pub(super) fn take(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step, reached: bool) -> Sight {
    let Some(analysis) = &facts.spec.analysis else { return Sight { clear: true, share: None, decision: None } };
    if let Some(problem) = &facts.unmeasurable {
        let gap = Gap { reason: problem.reason, message: problem.message.clone(), at_once: true };
        keep_time(draft, analysis, false, reached, Some(&gap));
    }
    let Some(measurement) = &facts.observed.measurement else {
        return Sight { clear: false, share: None, decision: None };
    };
    let mut readings = Vec::new();
    for plan in &facts.metrics {
        let outcome = measurement.metrics.iter().find(|(name, _)| *name == plan.name).map(|(_, outcome)| outcome);
        readings.push(read(draft, analysis, facts, plan, step, outcome));
    }
    let blind = blindness(draft, analysis, &facts.metrics, &readings)
        // With all the traffic on the canary there is nothing to compare it with, and no reason to wait for that.
        .filter(|gap| gap.at_once || step.weight < ALL);
    let fresh = readings.iter().any(|reading| reading.fresh) && blind.is_none();
    keep_time(draft, analysis, fresh, reached, blind.as_ref());
    let missing = blind.as_ref().map(|gap| gap.message.clone());
    let look = assemble(draft, analysis, &facts.metrics, &readings, step, missing.as_ref());
    let decision = judge::decide(&look);
    publish(draft, analysis, &facts.metrics, &readings, &decision);
    Sight {
        clear: readings
            .iter()
            .zip(&facts.metrics)
            .all(|(reading, plan)| !plan.metric.critical || !reading.gap.as_ref().is_some_and(|gap| gap.at_once)),
        share: readings.iter().find_map(|reading| reading.share),
        decision: blind.is_none().then_some(decision),
    }
}

/// The weights that the margin of a step depends on.
pub(super) fn step_weight(facts: &Facts<'_>, step: &Step) -> StepWeight {
    let last = facts.steps.last().map_or(step.weight, |last| last.weight);
    StepWeight { weight: f64::from(step.weight), final_weight: f64::from(last) }
}

/// Safety is shown anew at every weight; evidence for harm stays, since alpha is for the whole run.
pub(super) fn start_step(draft: &mut Draft<'_>, facts: &Facts<'_>, step: &Step) {
    let Some(analysis) = &facts.spec.analysis else { return };
    let weight = step_weight(facts, step);
    for plan in facts.metrics.iter().filter(|plan| plan.metric.error_rate.is_some()) {
        let settings = plan.settings(analysis.false_rollback, analysis.missed_regression);
        if let Some(state) = errors_state(draft, &plan.name) {
            let mut judge = ErrorRateJudge::resume(settings, weight, state);
            judge.new_step(weight);
            remember(draft, &plan.name, &judge.state());
        }
    }
}

fn read(
    draft: &mut Draft<'_>,
    analysis: &Analysis,
    facts: &Facts<'_>,
    plan: &MetricPlan,
    step: &Step,
    outcome: Option<&MetricOutcome>,
) -> MetricReading {
    match &plan.metric.threshold {
        Some(threshold) => read_threshold(draft, plan, threshold, outcome),
        None => read_error_rate(draft, analysis, plan, step_weight(facts, step), outcome),
    }
}

fn read_threshold(
    draft: &mut Draft<'_>,
    plan: &MetricPlan,
    threshold: &Threshold,
    outcome: Option<&MetricOutcome>,
) -> MetricReading {
    let limit = Limit { min: threshold.min, max: threshold.max, consecutive: threshold.looks };
    let known = state_text(draft, &plan.name).and_then(|text| serde_json::from_str(text).ok());
    let mut state: LimitState = known.unwrap_or_default();
    let (value, gap) = match outcome {
        Some(MetricOutcome::Value(Ok(value))) => (Some(*value), None),
        other => (None, Some(gap_of(other))),
    };
    let reading = state.look(&limit, value);
    remember(draft, &plan.name, &state);
    MetricReading { evidence: Evidence::Limit(limit, reading), fresh: value.is_some(), share: None, gap }
}

fn read_error_rate(
    draft: &mut Draft<'_>,
    analysis: &Analysis,
    plan: &MetricPlan,
    weight: StepWeight,
    outcome: Option<&MetricOutcome>,
) -> MetricReading {
    let settings = plan.settings(analysis.false_rollback, analysis.missed_regression);
    let known = errors_state(draft, &plan.name);
    let first = known.is_none();
    let mut judge = match known {
        Some(state) => ErrorRateJudge::resume(settings, weight, state),
        None => ErrorRateJudge::start(settings, weight),
    };
    let samples = match outcome {
        Some(MetricOutcome::Counters(arms)) => samples(arms, first),
        _ => Samples { canary: None, stable: None },
    };
    let looked = judge.look(&samples);
    // The stable version's first counters are where the counting starts: a look without them is not the first.
    if !first || samples.stable.is_some() {
        remember(draft, &plan.name, &judge.state());
    }
    let (share, quiet) = match looked.reading {
        Reading::Counted(counts) => {
            (Some(counts.canary_requests / (counts.canary_requests + counts.stable_requests)), None)
        }
        Reading::NoCanaryTraffic => (None, Some(("NoTraffic", "the canary had no requests"))),
        Reading::NoStableTraffic => (None, Some(("NoTraffic", "the stable version had no requests"))),
        Reading::CanaryMissing => (None, Some(("NoSeries", "Prometheus has no series of the canary"))),
        Reading::StableMissing => (None, Some(("NoSeries", "Prometheus has no series of the stable version"))),
        Reading::BothMissing => (None, Some(("NoSeries", "Prometheus has no series of either version"))),
        Reading::FirstSight => (None, Some(("FirstSight", "the counters were seen for the first time"))),
    };
    let fresh = quiet.is_none();
    let urgent = Some(gap_of(outcome)).filter(|gap| gap.at_once);
    let quiet = quiet.map(|(reason, message)| Gap { reason, message: message.to_owned(), at_once: false });
    MetricReading { evidence: Evidence::Errors(Box::new(judge)), fresh, share, gap: urgent.or(quiet) }
}

/// Raw counters as the judge takes them. A series of the canary that was not there at the first look started at 0 after
/// it; one of the stable version may be an old pod that was not scraped then, so it counts from where it is first seen.
fn samples(arms: &PerArm<ArmCounters>, first: bool) -> Samples {
    let arm = |counters: &ArmCounters, started_in_run: bool| {
        let taken = |samples: &[measure::Sample]| {
            let sample = |sample: &measure::Sample| Sample {
                series: sample.series.clone(),
                value: sample.value,
                started_in_run,
            };
            samples.iter().map(sample).collect::<Vec<_>>()
        };
        let counters = counters.as_ref().ok()?;
        Some(ArmSamples { requests: taken(&counters.requests), errors: taken(&counters.errors) })
    };
    Samples { canary: arm(&arms.canary, !first), stable: arm(&arms.stable, false) }
}

fn gap_of(outcome: Option<&MetricOutcome>) -> Gap {
    match outcome.map(MetricOutcome::gap) {
        Some(Some(gap)) => Gap {
            reason: gap.reason(),
            message: gap.to_string(),
            at_once: !matches!(
                gap,
                measure::Gap::NoSeries(_) | measure::Gap::NoTraffic(_) | measure::Gap::NotFinite(_)
            ),
        },
        _ => Gap { reason: "NotAsked", message: "the metric was not part of this look".to_owned(), at_once: false },
    }
}

/// Why nothing can be seen: the first critical metric with a gap that counts.
fn blindness(draft: &Draft<'_>, analysis: &Analysis, plans: &[MetricPlan], readings: &[MetricReading]) -> Option<Gap> {
    let run = draft.status.run.as_ref()?;
    let last = [run.seen_at.as_ref(), run.reached_at.as_ref(), Some(&run.since)]
        .into_iter()
        .flatten()
        .map(|time| time.0)
        .max()?;
    let patience = (std::time::Duration::from(analysis.interval) * QUIET_INTERVALS).min(QUIET_AT_LEAST);
    let lasting = draft.now.duration_since(last) > jiff::SignedDuration::try_from(patience).unwrap_or_default();
    let already = run.blind.is_some();
    plans.iter().zip(readings).filter(|(plan, _)| plan.metric.critical).find_map(|(plan, reading)| {
        let gap = reading.gap.as_ref()?;
        (gap.at_once || lasting || already).then(|| Gap {
            reason: gap.reason,
            message: format!("{}: {}", plan.name, gap.message),
            at_once: gap.at_once,
        })
    })
}

/// The step's clock counts only time in which evidence could be seen.
fn keep_time(draft: &mut Draft<'_>, analysis: &Analysis, fresh: bool, reached: bool, blind: Option<&Gap>) {
    let now = draft.time();
    let Some(run) = &mut draft.status.run else { return };
    match blind {
        // The same reason keeps its first words: which of two quiet versions is named changes with every scrape.
        Some(gap) if run.blind.as_ref().is_some_and(|blind| blind.reason == gap.reason) => {}
        Some(gap) => {
            let since = run.blind.as_ref().map_or(now, |blind| blind.since.clone());
            run.blind = Some(Blind { since, reason: gap.reason.to_owned(), message: gap.message.clone() });
        }
        None if fresh => {
            let last = run.seen_at.as_ref().into_iter().chain(run.reached_at.as_ref()).map(|time| time.0).max();
            // What comes after a quiet time tells of that time as well; what comes after an outage does not count for it.
            let seen = run.blind.as_ref().is_none_or(|blind| QUIET.contains(&blind.reason.as_str()));
            if let Some(last) = last.filter(|_| seen && reached) {
                let cap = (std::time::Duration::from(analysis.interval) * QUIET_INTERVALS).max(QUIET_AT_LEAST);
                let passed = std::time::Duration::try_from(now.0.duration_since(last)).unwrap_or_default().min(cap);
                run.elapsed_ms += u64::try_from(passed.as_millis()).unwrap_or(0);
            }
            run.blind = None;
            run.seen_at = Some(now);
        }
        None => {}
    }
}

fn assemble(
    draft: &Draft<'_>,
    analysis: &Analysis,
    plans: &[MetricPlan],
    readings: &[MetricReading],
    step: &Step,
    missing: Option<&String>,
) -> Look {
    let elapsed = seen_time(draft);
    let mut metrics = Vec::new();
    let mut limits = Vec::new();
    for (plan, reading) in plans.iter().zip(readings) {
        let missing = missing.filter(|_| reading.gap.is_some()).cloned();
        let (name, critical) = (plan.name.clone(), plan.metric.critical);
        match &reading.evidence {
            Evidence::Errors(judge) => {
                let evidence = judge.evidence(elapsed);
                metrics.push(MetricLook { name, weight: plan.metric.weight, critical, evidence, missing });
            }
            Evidence::Limit(limit, reading) => limits.push(limit_look(plan, *limit, *reading, missing)),
        }
    }
    let (min, max) = hold_of(step);
    let on_timeout = match analysis.on_timeout {
        OnTimeout::Pause => judge::OnTimeout::Pause,
        OnTimeout::Rollback => judge::OnTimeout::Rollback,
        OnTimeout::Promote => judge::OnTimeout::Promote,
    };
    Look {
        metrics,
        limits,
        clock: StepClock { elapsed, min, max },
        on_timeout,
        false_rollback: analysis.false_rollback,
    }
}

fn limit_look(plan: &MetricPlan, limit: Limit, reading: judge::LimitReading, missing: Option<String>) -> LimitLook {
    LimitLook { name: plan.name.clone(), critical: plan.metric.critical, limit, reading, missing }
}

/// The least and the longest time of a step.
pub(super) fn hold_of(step: &Step) -> (Duration, Duration) {
    let hold = step.hold.as_ref();
    let min = hold.and_then(|hold| hold.min).map_or(LEAST_HOLD, Duration::from);
    let max = hold.and_then(|hold| hold.max).map_or(LONGEST_HOLD, Duration::from);
    // A least time above the default longest one moves the latter.
    (min, max.max(min))
}

fn publish(
    draft: &mut Draft<'_>,
    analysis: &Analysis,
    plans: &[MetricPlan],
    readings: &[MetricReading],
    decision: &Decision,
) {
    draft.status.verdict = Some(word(&decision.verdict).to_owned());
    let elapsed = seen_time(draft);
    draft.status.evidence =
        plans.iter().zip(readings).map(|(plan, reading)| evidence(plan, analysis, reading, elapsed)).collect();
}

/// How long the step has been seen.
fn seen_time(draft: &Draft<'_>) -> Duration {
    Duration::from_millis(draft.status.run.as_ref().map_or(0, |run| run.elapsed_ms))
}

/// A verdict in one word, for the printed column.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Rollback(_) => "Regression",
        Verdict::Advance { .. } => "Safe",
        Verdict::TimedOut { .. } => "TimedOut",
        Verdict::Continue(_) => "Undecided",
        Verdict::NoData { .. } => "NoData",
    }
}

/// What one metric says by itself, in one word.
fn standing(evidence: &ErrorRateEvidence) -> &'static str {
    if evidence.log_harm >= evidence.log_harm_threshold {
        "Regressed"
    } else if evidence.log_safe >= evidence.log_safe_threshold {
        "Safe"
    } else {
        "Undecided"
    }
}

fn evidence(plan: &MetricPlan, analysis: &Analysis, reading: &MetricReading, elapsed: Duration) -> MetricEvidence {
    let gap = reading.gap.as_ref();
    match &reading.evidence {
        Evidence::Errors(judge) => {
            let errors = judge.evidence(elapsed);
            let arm = |report: &judge::ArmReport| Some(ArmCounts { requests: report.requests, errors: report.errors });
            MetricEvidence {
                name: plan.name.clone(),
                kind: "errorRate".to_owned(),
                verdict: standing(&errors).to_owned(),
                message: gap
                    .filter(|gap| gap.at_once)
                    .map_or_else(|| errors.explain(&plan.metric.name), |gap| gap.message.clone()),
                canary: arm(&errors.canary),
                stable: arm(&errors.stable),
                estimate: errors.difference.as_ref().map(|difference| difference.estimate),
                interval: errors.difference.as_ref().map(|difference| [difference.low, difference.high]),
                harm: Some(errors.log_harm),
                harm_threshold: Some(errors.log_harm_threshold),
                safe: Some(errors.log_safe),
                safe_threshold: Some(judge::log_threshold(analysis.missed_regression)),
            }
        }
        Evidence::Limit(limit, looked) => MetricEvidence {
            name: plan.name.clone(),
            kind: "threshold".to_owned(),
            verdict: if looked.breached { "Breached" } else { "Within" }.to_owned(),
            message: gap.map_or_else(|| limit_look(plan, *limit, *looked, None).explain(), |gap| gap.message.clone()),
            estimate: looked.value,
            ..MetricEvidence::default()
        },
    }
}

fn state_text<'a>(draft: &'a Draft<'_>, name: &str) -> Option<&'a str> {
    let run = draft.status.run.as_ref()?;
    run.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.state.as_str())
}

fn errors_state(draft: &Draft<'_>, name: &str) -> Option<ErrorRateState> {
    serde_json::from_str(state_text(draft, name)?).ok()
}

fn remember(draft: &mut Draft<'_>, name: &str, state: &impl serde::Serialize) {
    let Some(run) = &mut draft.status.run else { return };
    let state = serde_json::to_string(state).expect("a judge's state is plain numbers, strings and maps");
    match run.metrics.iter_mut().find(|metric| metric.name == name) {
        Some(metric) => metric.state = state,
        None => run.metrics.push(MetricState { name: name.to_owned(), state }),
    }
}
