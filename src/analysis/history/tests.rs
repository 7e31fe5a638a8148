//! What histories teach, tick by tick.

use futures::FutureExt;

use super::*;
use crate::{
    analysis::{
        Clock, Session, resolve,
        tests::{STEP, settings},
    },
    api::AnalysisTemplateSpec,
    measure::{Gap, Labels, Variant},
};

fn metrics() -> Vec<Metric> {
    let template: AnalysisTemplateSpec = serde_saphyr::from_str(
        "{metrics: [{name: errors, errorRate: {requests: 'r{hash=\"{{ revision }}\"}', errors: 'e{hash=\"{{ revision }}\"}'}},
          {name: memory, gauge: {query: g}}, {name: free, threshold: {query: t, min: 1}}]}",
    )
    .unwrap();
    resolve(&[("http".to_owned(), &template)], &[]).unwrap()
}

fn at(tick: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + 15 * tick).unwrap()
}

fn sample(pod: &str, value: f64, tick: i64) -> Sample {
    Sample::new(Labels::from([("pod".to_owned(), pod.to_owned())]), value, at(tick))
}

/// A tick with the counters of two pods; nothing where Prometheus has a gap.
fn tick(tick: i64, counters: Option<[(f64, f64); 2]>) -> Measurement {
    let stable = counters.map_or(Err(Gap::NoSeries("r".into())), |counters| {
        let of = |pick: fn((f64, f64)) -> f64| {
            counters.iter().zip(["a", "b"]).map(|(both, pod)| sample(pod, pick(*both), tick)).collect()
        };
        Ok(Counters { requests: of(|both| both.0), events: of(|both| both.1) })
    });
    let outcome = MetricOutcome::Counters(PerArm { canary: Err(Gap::NoSeries("r".into())), stable });
    Measurement { at: at(tick), metrics: vec![("http/errors".into(), outcome)], queries: Vec::new(), spared: 0 }
}

fn steady(ticks: i64) -> Vec<Measurement> {
    let counters = |ticks: i64| {
        let so_far = ticks as f64;
        Some([(1_000.0 + 750.0 * so_far, 3.0 * so_far), (750.0 * so_far, 3.0 * so_far)])
    };
    (0..ticks).map(|index| tick(index, counters(index))).collect()
}

/// What is asked of a stable version of which nobody says how old it is.
fn of_unknown_age() -> HistoryRequest {
    let arm = |variant, revision: &str| Arm {
        namespace: "shop".into(),
        service: "web".into(),
        variant,
        workload: "web".into(),
        revision: revision.into(),
        backend: String::new(),
        host: String::new(),
        subset: String::new(),
    };
    let arms = PerArm { stable: arm(Variant::Stable, "old"), canary: arm(Variant::Canary, "new") };
    history(&metrics(), &arms, None, at(0), Duration::from_secs(5)).unwrap()
}

#[test]
fn only_metrics_that_learn_from_it_are_asked_about_and_only_of_the_stable_version() {
    let request = of_unknown_age();
    let names: Vec<&str> = request.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["http/errors"]);
    assert_eq!(request.metrics[0].queries.of_canary(), [r#"r{hash="old"}"#, r#"e{hash="old"}"#]);
    assert_eq!(request.window.ticks().count(), 1_440, "six hours of quarters of a minute");
}

#[test]
fn a_young_version_is_asked_about_in_finer_ticks() {
    let ticks = |age: i64, interval: u64| {
        let since = at(0).checked_sub(SignedDuration::from_secs(age)).unwrap();
        let window = window(Some(since), at(0), Duration::from_secs(interval)).unwrap();
        let ticks: Vec<Timestamp> = window.ticks().collect();
        (ticks.len(), ticks[1].duration_since(ticks[0]).as_secs())
    };
    assert_eq!(ticks(86_400, 1), (1_440, 15), "no further back than six hours");
    assert_eq!(ticks(86_400, 60), (360, 60), "no finer than looks are");
    assert_eq!(ticks(600, 1), (40, 15));
    assert_eq!(ticks(240, 15), (34, 7));
    assert_eq!(ticks(30, 1), (16, 2), "too few to learn from: differences are one less");
}

/// What is asked when the stable version began so long ago, each time with the seconds between two ticks; and the answer.
fn asked_of_a_version_that_began_ago(seconds: i64) -> (Vec<u64>, Vec<Measurement>) {
    let began = at(0).checked_sub(SignedDuration::from_secs(seconds)).unwrap();
    let steps = std::cell::RefCell::new(Vec::new());
    let ask = |request: HistoryRequest| {
        steps.borrow_mut().push(request.window.step().as_secs());
        let look = |at: Timestamp| {
            let age = at.duration_since(began).as_secs_f64();
            Measurement { at, ..tick(0, (age >= 0.0).then_some([(100.0 * age, 0.4 * age), (0.0, 0.0)])) }
        };
        std::future::ready(request.window.ticks().map(look).collect::<Vec<_>>())
    };
    let told = of_unknown_age().told(ask).now_or_never().unwrap();
    (steps.into_inner(), told)
}

#[test]
fn a_version_whose_series_began_lately_is_asked_about_again_in_finer_ticks() {
    let (steps, told) = asked_of_a_version_that_began_ago(100);
    assert_eq!(steps, [15, 3]);
    let usual = usual(&metrics()[0], &told).unwrap();
    assert!((usual.requests_per_second - 100.0).abs() < 1e-9, "{usual:?}");
    let (steps, told) = asked_of_a_version_that_began_ago(86_400);
    assert_eq!((steps, told.len()), (vec![15], 1_440));
    assert_eq!(asked_of_a_version_that_began_ago(-1).0, [15], "nothing is known: there is nothing to ask again");
}

#[test]
fn ticks_between_two_scrapes_are_one_tick() {
    let scraped_now_and_then: Vec<Measurement> = (0..240)
        .map(|index| tick(index, Some([(400.0 * (index / 4) as f64, (index / 4) as f64), (0.0, 0.0)])))
        .collect();
    let learned = learn(&metrics()[0], &scraped_now_and_then).unwrap();
    let Usual { requests_per_second, rate, .. } = learned.usual(&metrics()[0]).unwrap();
    assert!((requests_per_second - 400.0 / 60.0).abs() < 1e-9 && (rate - 0.0025).abs() < 1e-12);
    assert_eq!(learned.counts.unwrap().ticks, 59);
    assert!(learn(&metrics()[0], &scraped_now_and_then[..64]).is_none(), "sixteen scrapes, however many ticks");
}

#[test]
fn a_steady_history_teaches_what_is_usual() {
    let learned = learn(&metrics()[0], &steady(240)).unwrap();
    let Usual { requests_per_second, rate, .. } = learned.usual(&metrics()[0]).unwrap();
    assert!((requests_per_second - 100.0).abs() < 1e-9 && (rate - 0.004).abs() < 1e-12, "{requests_per_second} {rate}");
    let counts = learned.counts.unwrap();
    assert_eq!((counts.ticks, counts.dispersion_raw.to_bits()), (239, 1f64.to_bits()));
    assert!(counts.capping.is_some(), "pods are told apart");
}

#[test]
fn a_gap_is_not_taken_for_a_burst() {
    let mut history = steady(240);
    for missing in [60, 61, 62, 120, 180, 181] {
        history[missing] = tick(i64::try_from(missing).unwrap(), None);
    }
    let counts = learn(&metrics()[0], &history).unwrap().counts.unwrap();
    assert_eq!((counts.ticks, counts.dispersion_raw.to_bits()), (239 - 6 - 3, 1f64.to_bits()));
}

#[test]
fn a_short_history_teaches_nothing() {
    assert!(learn(&metrics()[0], &steady(16)).is_none());
    assert!(learn(&metrics()[0], &[]).is_none());
}

#[test]
fn counters_of_errors_that_come_to_be_count_from_nothing() {
    let mut history = steady(240);
    for (index, measurement) in history.iter_mut().enumerate() {
        let MetricOutcome::Counters(arms) = &mut measurement.metrics[0].1 else { panic!() };
        let stable = arms.stable.as_mut().unwrap();
        if index < 100 {
            stable.events.clear();
        }
    }
    let learned = learn(&metrics()[0], &history).unwrap();
    let rate = learned.usual(&metrics()[0]).unwrap().rate;
    assert!((rate - 0.004).abs() < 1e-12, "the errors of the first hundred ticks are seen at once: {rate}");
}

#[test]
fn what_is_learned_every_hour_can_only_make_the_judge_more_careful() {
    let wild: Vec<Measurement> = (0..240)
        .map(|index| {
            let bursts = 300.0 * (index / 20) as f64;
            tick(
                index,
                Some([(750.0 * index as f64, 3.0 * index as f64 + bursts), (750.0 * index as f64, 3.0 * index as f64)]),
            )
        })
        .collect();
    let metrics = metrics();
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(240)));
    assert!(due(&session.state(), at(240)));
    session.learn(&steady(240), at(240));
    assert!(!due(&session.state(), at(479)) && due(&session.state(), at(480)), "240 quarters of a minute are an hour");
    for index in 241..244 {
        let mut look = tick(index, Some([(750.0 * index as f64, 3.0 * index as f64); 2]));
        let MetricOutcome::Counters(arms) = &mut look.metrics[0].1 else { panic!() };
        arms.canary = arms.stable.clone();
        session.look(&look, &STEP);
    }
    let judges = |session: &Session<'_>| session.state().metrics;
    let calm = judges(&session);
    session.learn(&wild, at(480));
    let careful = judges(&session);
    assert_ne!(careful, calm);
    session.learn(&steady(240), at(720));
    assert_eq!(judges(&session), careful);
    let later = session.state().learned_later;
    assert_eq!(later.iter().map(|later| later.at.0).collect::<Vec<_>>(), [at(480)], "only what changed something");
}

#[test]
fn an_outage_is_no_answer_before_the_first_counts() {
    let metrics = metrics();
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(240)));
    let away: Vec<Measurement> = (0..240).map(|index| tick(index, None)).collect();
    assert!(session.learn(&away, at(240)).is_none() && session.learn(&[], at(240)).is_none());
    assert!(due(&session.state(), at(241)), "it is asked again at the next look");
    assert!(session.learn(&steady(240), at(241)).is_some());
    assert!(!due(&session.state(), at(242)));
    assert_eq!(session.state().baselines.len(), 1);
}
