//! A rollout by Siskin: steps of 5, 10, 25 and 50 %, errors and latency, each look decided by [`crate::judge::decide`].

use std::time::Duration;

use super::super::engine::Engine;
use super::super::latency_engine::LatencyEngine;
use super::super::stream::Stream;
use super::super::traffic::{Errors, PodErrors, Tick};
use super::{Arms, Ending, Release};
use crate::judge::latency::LatencySettings;
use crate::judge::{
    Look, MetricEvidence, MetricLook, OnTimeout, StepClock, StepWeight, TimeoutAction, Verdict, decide,
};

/// The steps, in percent.
const STEPS: [f64; 4] = [5.0, 10.0, 25.0, 50.0];
/// The shortest time of a step.
const MIN_STEP: Duration = Duration::from_mins(2);
/// Chance of a false rollback.
const LEVEL: f64 = 0.01;

/// How long steps may last, and how often they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time between two looks.
    pub tick: Duration,
    /// The longest time of a step.
    pub max_step: Duration,
    /// What to do after it.
    pub on_timeout: OnTimeout,
}

impl Limits {
    /// A look each 10 s; after 20 min a step waits for a person.
    pub const USUAL: Self =
        Self { tick: Duration::from_secs(10), max_step: Duration::from_mins(20), on_timeout: OnTimeout::Pause };
}

/// One rollout.
pub fn rollout(release: &Release, limits: Limits, stream: &mut Stream) -> Ending {
    let tick = limits.tick.as_secs_f64();
    let traffic = Errors {
        tick,
        requests_per_second: release.requests_per_second,
        stable_rate: release.stable_rate,
        ..Errors::USUAL
    };
    let step = |step: usize| StepWeight { weight: STEPS[step], final_weight: STEPS[STEPS.len() - 1] };
    let requests = release.requests_per_second * tick;
    let mut errors = Engine::learned(&traffic, step(0), stream);
    let latencies = release.latencies();
    let mut latency = LatencyEngine::learned(&latencies, LatencySettings::default(), requests, step(0), stream);
    let mut arms = Arms::default();
    let (mut current, mut elapsed, mut second) = (0, Duration::ZERO, 0.0);
    loop {
        let weight = STEPS[current] / 100.0;
        let counts = arms.draw(release, second, tick, weight, stream);
        second += tick;
        elapsed += limits.tick;
        errors.look(&Tick { end: second, seconds: tick, counts, pods: PodErrors::default() });
        latency.tick(requests * weight, requests * (1.0 - weight), 1.0, stream);
        let metric = |name: &str, evidence| MetricLook {
            name: name.into(),
            weight: 1.0,
            critical: true,
            evidence,
            missing: None,
        };
        let metrics = vec![
            metric("errors", MetricEvidence::Counts(errors.evidence(elapsed))),
            metric("latency", MetricEvidence::Latency(latency.evidence(elapsed))),
        ];
        let clock = StepClock { elapsed, min: MIN_STEP, max: limits.max_step };
        let look = Look { metrics, limits: Vec::new(), clock, on_timeout: limits.on_timeout, false_rollback: LEVEL };
        let advance = match decide(&look).verdict {
            Verdict::Rollback(_) | Verdict::TimedOut { action: TimeoutAction::Rollback, .. } => {
                return Ending::RolledBack { at: second, excess_errors: arms.excess_errors };
            }
            Verdict::TimedOut { action: TimeoutAction::Pause, .. } => return Ending::Undecided(second),
            Verdict::Advance { .. } | Verdict::TimedOut { action: TimeoutAction::Advance, .. } => true,
            Verdict::Continue(_) | Verdict::NoData { .. } => false,
        };
        if advance {
            current += 1;
            elapsed = Duration::ZERO;
            if current == STEPS.len() {
                return Ending::Promoted(second);
            }
            errors.new_step(step(current));
            latency.new_step(step(current));
        }
    }
}
