//! AnalysisRuns from their first look to their end, on counters that a test writes.

use serde_json::{Value, json};

use super::*;
use crate::{
    measure::{Counters, Gap, Measurement, MetricOutcome, Sample},
    observe::ObservedTemplate,
};

const TEMPLATE: &str = "{metrics: [{name: errors, errorRate: {requests: 'r{hash=\"{{ revision }}\"}', errors: 'e{hash=\"{{ revision }}\"}'}}]}";

/// An AnalysisRun with a Prometheus whose counters grow at given rates.
struct Bench {
    observed: ObservedAnalysisRun,
    now: Timestamp,
    /// Requests and errors so far: canary, stable.
    counters: [[f64; 2]; 2],
}

impl Bench {
    fn new(spec: &Value) -> Self {
        let mut run = json!({
            "apiVersion": "siskin.dev/v1alpha1", "kind": "AnalysisRun",
            "metadata": {"name": "check", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-02T00:00:00Z"},
            "spec": {"templates": [{"name": "http"}], "arms": {"canary": {"revision": "c"}, "stable": {"revision": "s"}}},
        });
        for (field, value) in spec.as_object().unwrap() {
            run["spec"][field] = value.clone();
        }
        let template = ObservedTemplate { name: "http".into(), spec: Some(serde_saphyr::from_str(TEMPLATE).unwrap()) };
        let observed = ObservedAnalysisRun {
            run: serde_json::from_value(run).unwrap(),
            templates: vec![template],
            refusals: Vec::new(),
            measurement: None,
            history: None,
        };
        Self { observed, now: "2026-01-02T00:00:01Z".parse().unwrap(), counters: [[1_000.0, 5.0], [9_000.0, 45.0]] }
    }

    /// One look, after which the status is as a server keeps it; nothing where Prometheus is down.
    fn look(&mut self, answers: bool) -> Plan {
        let request = needs(&self.observed, self.now).measurement;
        let now = self.now;
        let of_arm = |[requests, errors]: [f64; 2]| {
            let labels = std::collections::BTreeMap::from([("pod".to_owned(), "a".to_owned())]);
            let sample = |value| Sample::new(labels.clone(), value, now);
            if answers {
                Ok(Counters { requests: vec![sample(requests)], events: vec![sample(errors)] })
            } else {
                Err(Gap::ProviderDown("connection refused".into()))
            }
        };
        self.observed.measurement = request.map(|request| {
            assert_eq!(request.metrics.len(), 1);
            let [canary, stable] = self.counters.map(of_arm);
            let outcome = MetricOutcome::Counters(PerArm { stable, canary });
            Measurement {
                at: request.at,
                metrics: vec![("http/errors".into(), outcome)],
                queries: Vec::new(),
                spared: 0,
            }
        });
        let plan = decide(&self.observed, self.now);
        if let Some(Effect::AnalysisStatus { status, .. }) = plan.effects.first() {
            let kept = serde_json::to_string(status).unwrap();
            self.observed.run.status = Some(serde_json::from_str(&kept).unwrap());
        }
        plan
    }

    /// Looks until it ends, with this canary error rate beside a stable one of 0.5 % at 100 requests a second.
    fn run(&mut self, canary_rate: f64) -> AnalysisRunStatus {
        for _ in 0..1_000 {
            let plan = self.look(true);
            if self.status().phase.ended() {
                break;
            }
            let seconds = plan.again.as_secs_f64();
            self.now = self.now.checked_add(SignedDuration::try_from(plan.again).unwrap()).unwrap();
            for (arm, rate, requests) in [(0, canary_rate, 10.0), (1, 0.005, 90.0)] {
                self.counters[arm][0] += requests * seconds;
                self.counters[arm][1] += requests * seconds * rate;
            }
        }
        self.status()
    }

    fn status(&self) -> AnalysisRunStatus {
        self.observed.run.status.clone().unwrap_or_default()
    }
}

#[test]
fn an_equal_version_is_successful_and_a_worse_one_fails() {
    let good = Bench::new(&json!({})).run(0.005);
    assert_eq!((good.phase, good.verdict.as_deref()), (AnalysisPhase::Successful, Some("Safe")), "{good:?}");
    let bad = Bench::new(&json!({})).run(0.05);
    assert_eq!((bad.phase, bad.verdict.as_deref()), (AnalysisPhase::Failed, Some("Regression")), "{bad:?}");
    let message = bad.message.unwrap();
    assert!(message.starts_with("http/errors 5 % (") && message.contains("evidence"), "{message}");
    assert!(bad.finished_at.is_some() && bad.looks >= 2);
}

#[test]
fn an_analysis_without_a_decision_is_inconclusive_unless_its_author_lets_it_pass() {
    for (choice, phase) in [
        ("Pause", AnalysisPhase::Inconclusive),
        ("Rollback", AnalysisPhase::Inconclusive),
        ("Promote", AnalysisPhase::Successful),
    ] {
        let status = Bench::new(&json!({"maxDuration": "2m", "onTimeout": choice})).run(0.005);
        assert_eq!((status.phase, status.verdict.as_deref()), (phase, Some("TimedOut")), "{choice}: {status:?}");
        let message = status.message.unwrap();
        assert_eq!(message.ends_with("; a Rollout would roll back"), choice == "Rollback", "{message}");
    }
}

#[test]
fn an_outage_is_no_verdict_and_ends_inconclusively_only_when_it_lasts() {
    for action in ["Pause", "Rollback"] {
        outage(action);
    }
}

fn outage(action: &str) {
    let mut bench = Bench::new(&json!({"onNoData": {"after": "1m", "action": action}}));
    bench.look(true);
    for minute in 0..2 {
        bench.now = bench.now.checked_add(SignedDuration::from_secs(58 * minute + 1)).unwrap();
        bench.look(false);
        assert_eq!(bench.status().phase, AnalysisPhase::Running, "{:?}", bench.status());
    }
    bench.now = bench.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    bench.look(false);
    let status = bench.status();
    assert_eq!(status.phase, AnalysisPhase::Inconclusive);
    assert!(status.message.unwrap().starts_with("nothing could be seen for 1m: http/errors"));
}

#[test]
fn a_template_that_never_comes_is_an_error_and_one_that_comes_late_is_waited_for() {
    let mut bench = Bench::new(&json!({}));
    let template = std::mem::take(&mut bench.observed.templates[0].spec);
    bench.look(true);
    assert_eq!(bench.status().phase, AnalysisPhase::Pending);
    assert!(bench.status().message.unwrap().contains("there is no AnalysisTemplate http"));
    let mut late = Bench::new(&json!({}));
    late.observed.run.status = bench.observed.run.status.clone();
    late.observed.templates[0].spec = template;
    assert_eq!(late.run(0.005).phase, AnalysisPhase::Successful);
    bench.now = bench.now.checked_add(SignedDuration::from_mins(10)).unwrap();
    bench.look(true);
    assert_eq!(bench.status().phase, AnalysisPhase::Error);
}

#[test]
fn what_has_ended_is_asked_nothing_more_and_goes_when_its_time_is_over() {
    let mut bench = Bench::new(&json!({"ttl": "1h"}));
    let status = bench.run(0.05);
    let waiting = bench.look(true);
    assert!(waiting.effects.is_empty() && waiting.again == Duration::from_hours(1), "{waiting:?}");
    assert_eq!(bench.observed.measurement, None);
    bench.now = status.finished_at.unwrap().0.checked_add(SignedDuration::from_hours(1)).unwrap();
    let plan = bench.look(true);
    assert!(matches!(&plan.effects[..], [Effect::Delete { uid, .. }] if uid == "u"), "{plan:?}");
}

#[test]
fn what_a_rollout_made_is_left_to_it() {
    let mut bench = Bench::new(&json!({"rollout": {"name": "web", "run": 3}}));
    let plan = bench.look(true);
    assert!(plan.effects.is_empty() && bench.observed.measurement.is_none(), "{plan:?}");
}

#[test]
fn the_times_of_the_looks_are_kept_and_say_when_it_was_decided() {
    let mut bench = Bench::new(&json!({"weight": 10}));
    let status = bench.run(0.05);
    let [step] = &status.state.steps[..] else { panic!("{:?}", status.state.steps) };
    let times = step.times();
    assert_eq!(u32::try_from(times.len()).unwrap(), status.looks);
    assert_eq!(times.last().unwrap().at, status.finished_at.unwrap().0);
    let clock: u64 = times.iter().map(|look| look.clock_ms).sum();
    assert_eq!(clock, status.clock.unwrap().elapsed_ms);
}

#[test]
fn requests_that_do_not_come_in_the_planned_share_are_said_once_it_is_sure() {
    let warned = |weight: u32| {
        let status = Bench::new(&json!({"weight": weight})).run(0.005);
        status.message.unwrap().contains("its routing is not honoured")
    };
    assert!(warned(40) && !warned(10));
}
