//! Replays of runs that were made by sessions as the planner leads them: kept between two looks as the status keeps it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::*;
use crate::{
    analysis::{LookResult, Settings, resolve},
    api::{AnalysisPhase, AnalysisRun, AnalysisRunStatus, AnalysisState, AnalysisTemplateSpec},
    judge::{StepWeight, Verdict},
    measure::{Counters, Labels, PerArm, Sample},
};

const ERRORS: &str = "{name: errors, errorRate: {requests: r, errors: e}}";
/// Looks before the first step's weight is reached.
const PREPARING: u32 = 4;
/// Requests of both versions at each look.
const REQUESTS: f64 = 4_000.0;

fn metrics() -> Vec<Metric> {
    let template: AnalysisTemplateSpec = serde_saphyr::from_str(&format!("{{metrics: [{ERRORS}]}}")).unwrap();
    resolve(&[("http".to_owned(), &template)], &[]).unwrap()
}

fn at(look: u32) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_123 + 15_003 * i64::from(look)).unwrap()
}

fn step(weight: f64) -> Step {
    Step {
        weight: StepWeight { weight, final_weight: 50.0 },
        planned: Some(weight),
        min: Duration::from_secs(75),
        max: Duration::from_hours(1),
    }
}

/// The counters of a look: those of the canary grow once it has traffic.
fn counters(look: u32, canary_share: f64, stable_share: f64) -> MetricOutcome {
    let arm = |requests: f64, share: f64| {
        let sample = |value: f64| vec![Sample::new(Labels::from([("pod".into(), "a".into())]), value, at(look))];
        Ok(Counters { requests: sample(requests), events: sample((requests * share).floor()) })
    };
    let canary = f64::from(look.saturating_sub(PREPARING)) * REQUESTS / 10.0;
    let stable = f64::from(look + 100) * REQUESTS;
    MetricOutcome::Counters(PerArm { canary: arm(canary, canary_share), stable: arm(stable, stable_share) })
}

fn measured(at: Timestamp, outcome: MetricOutcome) -> Measurement {
    Measurement { at, metrics: vec![("http/errors".to_owned(), outcome)], queries: Vec::new(), spared: 0 }
}

fn is_rollback(look: &LookResult) -> bool {
    matches!(look.decision.verdict, Verdict::Rollback(_))
}

/// A run of a Rollout with two steps, as it was then.
struct Live<'a> {
    metrics: &'a [Metric],
    clock: Clock,
    state: AnalysisState,
    step: usize,
    run: AnalysisRun,
    /// The look at which history is asked for again, and finds a wilder service.
    learns_at: Option<u32>,
}

const WEIGHTS: [f64; 2] = [10.0, 50.0];

impl<'a> Live<'a> {
    fn new(metrics: &'a [Metric]) -> Self {
        let run: AnalysisRun = serde_json::from_value(serde_json::json!({
            "apiVersion": "siskin.dev/v1alpha1", "kind": "AnalysisRun",
            "metadata": {"name": "web-1", "namespace": "shop"},
            "spec": {
                "templates": [{"name": "http"}],
                "arms": {"canary": {"revision": "new"}, "stable": {"revision": "old"}},
                "rollout": {"name": "web", "run": 1},
            },
        }))
        .unwrap();
        let clock = Clock { since: at(0), reached_at: None, seen_at: None, elapsed_ms: 0, blind: None };
        Self { metrics, clock, state: AnalysisState::default(), step: 0, run, learns_at: None }
    }

    /// One look, and what the planner makes of it. Says whether the run is over.
    fn look(&mut self, look: u32, outcome: MetricOutcome) -> bool {
        let step = step(WEIGHTS[self.step]);
        let settings = Settings { canary_is_new: true, ..Settings::from(&self.run.spec.analysis) };
        let mut session = Session::resume(self.metrics, settings, step.weight, self.clock.clone(), &self.state);
        if look == 0 {
            session.learn(&history(6.0), at(0));
        }
        if self.learns_at == Some(look) {
            session.learn(&history(40.0), at(look));
        }
        let result = session.look(&measured(at(look), outcome), &step);
        self.keep(&session);
        let waits = self.clock.reached_at.is_none();
        if waits && look > PREPARING && result.share.is_some() {
            let mut session = Session::resume(self.metrics, settings, step.weight, self.clock.clone(), &self.state);
            session.new_step(&step, at(look));
            self.state = session.state();
            self.clock.reached_at = Some(at(look));
            self.clock.elapsed_ms = 0;
        }
        let passes = !waits && matches!(result.decision.verdict, Verdict::Advance { .. });
        if passes && self.step + 1 < WEIGHTS.len() {
            self.step += 1;
            self.clock = Clock { since: at(look), reached_at: None, elapsed_ms: 0, ..self.clock.clone() };
            return false;
        }
        passes || is_rollback(&result)
    }

    fn keep(&mut self, session: &Session<'_>) {
        self.clock = session.clock().clone();
        // As the server keeps it.
        let text = serde_json::to_string(&session.state()).unwrap();
        self.state = serde_json::from_str(&text).unwrap();
    }

    fn end(mut self, phase: AnalysisPhase) -> AnalysisRun {
        self.run.status = Some(AnalysisRunStatus {
            phase,
            message: Some("so it was".into()),
            started_at: Some(MicroTime(at(0))),
            state: self.state,
            ..AnalysisRunStatus::default()
        });
        self.run
    }
}

/// Half an hour of the stable version, burstier than chance.
fn history(burst: f64) -> Vec<Measurement> {
    let tick = |tick: u32| {
        let events = f64::from(tick) * 20.0 + f64::from(tick % 2) * burst;
        let sample = |value: f64| vec![Sample::new(Labels::from([("pod".into(), "a".into())]), value, at(tick))];
        let stable = Ok(Counters { requests: sample(f64::from(tick) * REQUESTS), events: sample(events) });
        measured(at(tick), MetricOutcome::Counters(PerArm { canary: stable.clone(), stable }))
    };
    (0..120).map(tick).collect()
}

fn replay(metrics: &[Metric], run: &AnalysisRun, answer: impl Fn(Timestamp) -> MetricOutcome) -> Replayed {
    let run = RecordedRun::of(run).unwrap();
    let times = run.times();
    let mut replay = Replay::start(metrics, run, "here".to_owned());
    for time in times {
        replay.take(&measured(time, answer(time)));
    }
    replay.finish(Vec::new())
}

fn look_of(time: Timestamp) -> u32 {
    u32::try_from((time.as_millisecond() - at(0).as_millisecond()) / 15_003).unwrap()
}

/// A run that goes on until it is over.
fn live<'a>(metrics: &'a [Metric], phase: AnalysisPhase, outcome: impl Fn(u32) -> MetricOutcome) -> AnalysisRun {
    let mut live: Live<'a> = Live::new(metrics);
    assert!((0..400).any(|look| live.look(look, outcome(look))), "the run ends");
    live.end(phase)
}

fn bad(look: u32) -> MetricOutcome {
    counters(look, 0.02, 0.005)
}

#[test]
fn a_regression_is_found_again_at_the_same_look_with_the_same_evidence() {
    let metrics = metrics();
    let run = live(&metrics, AnalysisPhase::Failed, bad);
    let Replayed { record, whole } = replay(&metrics, &run, |time| bad(look_of(time)));
    let replay = record.replay.unwrap();
    assert_eq!(record.outcome, Outcome::Rollback, "{}", record.message);
    assert_eq!((replay.replayed.look, replay.replayed.at), (replay.recorded.look, replay.recorded.at));
    assert!(replay.agrees && replay.exact, "{replay:?}");
    assert_eq!(whole.map(|whole| whole.looks.len()), Some(record.looks.len()), "the decision was the end");
}

#[test]
fn every_step_passes_again_at_its_last_look() {
    let metrics = metrics();
    let good = |look: u32| counters(look, 0.005, 0.005);
    let run = live(&metrics, AnalysisPhase::Successful, good);
    let Replayed { record, .. } = replay(&metrics, &run, |time| good(look_of(time)));
    let replay = record.replay.unwrap();
    assert_eq!(record.outcome, Outcome::Promote, "{}", record.message);
    assert!(replay.agrees && replay.exact, "{replay:?}");
    assert_eq!(replay.steps.iter().map(|step| step.weight).collect::<Vec<_>>(), WEIGHTS);
    assert!(replay.steps.iter().all(|step| step.passed_at_look == Some(step.last_look)), "{:?}", replay.steps);
    assert_eq!(record.looks.last().map(|look| look.step), Some(1));
}

#[test]
fn history_is_what_was_learned_then() {
    let metrics = metrics();
    let mut run = live(&metrics, AnalysisPhase::Failed, bad);
    let learned = &run.status.as_ref().unwrap().state.baselines;
    assert_eq!(learned.len(), 1);
    run.status.as_mut().unwrap().state.baselines.clear();
    let without = replay(&metrics, &run, |time| bad(look_of(time))).record.replay.unwrap();
    assert!(!without.exact, "the baseline made no difference");
}

#[test]
fn what_was_learned_in_the_run_is_learned_again_at_the_same_look() {
    let metrics = metrics();
    let mut live = Live::new(&metrics);
    live.learns_at = Some(PREPARING + 4);
    assert!((0..400).any(|look| live.look(look, bad(look))));
    let mut run = live.end(AnalysisPhase::Failed);
    let once_more = replay(&metrics, &run, |time| bad(look_of(time))).record.replay.unwrap();
    assert!(once_more.agrees && once_more.exact, "{once_more:?}");
    let later = &mut run.status.as_mut().unwrap().state.learned_later;
    assert_eq!(later.len(), 1);
    later.clear();
    let without = replay(&metrics, &run, |time| bad(look_of(time))).record.replay.unwrap();
    assert!(!without.exact, "it made no difference");
}

#[test]
fn a_look_that_nobody_knows_any_more_decides_nothing() {
    let metrics = metrics();
    let run = live(&metrics, AnalysisPhase::Failed, bad);
    let forgotten = || {
        let none = || Err(Gap::NoSeries("r".into()));
        MetricOutcome::Counters(PerArm { canary: none(), stable: none() })
    };
    for known_from in [u32::MAX, PREPARING + 3, 1] {
        let answer = |time| if look_of(time) < known_from { forgotten() } else { bad(look_of(time)) };
        let Replayed { record, whole } = replay(&metrics, &run, answer);
        // The first look is where counting starts, and nothing is seen at it: the looks before the canary tell the same.
        if known_from == 1 {
            assert_eq!(record.outcome, Outcome::Rollback);
            continue;
        }
        let replay = record.replay.unwrap();
        assert_eq!(record.outcome, Outcome::Undecided, "{known_from}: {}", record.message);
        assert!(!replay.agrees && !replay.lost_looks.is_empty() && whole.is_none(), "{replay:?}");
        assert!(record.message.starts_with("Prometheus does not have any more what was seen at"), "{}", record.message);
    }
}

#[test]
fn what_prometheus_learned_late_is_not_counted_in_an_outage() {
    let metrics = metrics();
    let mut live = Live::new(&metrics);
    let away = |look: u32| (PREPARING + 3..PREPARING + 6).contains(&look);
    let down = || {
        MetricOutcome::Counters(PerArm {
            canary: Err(Gap::ProviderDown("connection refused".into())),
            stable: Err(Gap::ProviderDown("connection refused".into())),
        })
    };
    let good = |look: u32| counters(look, 0.005, 0.005);
    assert!((0..400).any(|look| live.look(look, if away(look) { down() } else { good(look) })));
    let run = live.end(AnalysisPhase::Successful);
    let replay = replay(&metrics, &run, |time| good(look_of(time))).record.replay.unwrap();
    assert!(replay.agrees, "{replay:?}");
    assert!(replay.steps.iter().all(|step| step.passed_at_look == Some(step.last_look)), "{:?}", replay.steps);
}

#[test]
fn other_numbers_come_to_another_decision_and_say_so() {
    let metrics = metrics();
    let run = live(&metrics, AnalysisPhase::Failed, bad);
    let replay = replay(&metrics, &run, |time| counters(look_of(time), 0.005, 0.005)).record.replay.unwrap();
    assert!(!replay.agrees && !replay.exact && replay.lost_looks.is_empty(), "{replay:?}");
}

#[test]
fn without_looks_or_with_damaged_ones_there_is_no_replay() {
    let metrics = metrics();
    let mut run = Live::new(&metrics).end(AnalysisPhase::Pending);
    let problem = RecordedRun::of(&run).unwrap_err().to_string();
    assert_eq!(problem, "AnalysisRun shop/web-1 has no looks (phase Pending): there is nothing to replay");
    run = live(&metrics, AnalysisPhase::Failed, bad);
    run.status.as_mut().unwrap().state.steps[0].looks.truncate(8);
    let problem = RecordedRun::of(&run).unwrap_err().to_string();
    assert!(problem.contains("looks of step 1 of AnalysisRun shop/web-1 only"), "{problem}");
}
