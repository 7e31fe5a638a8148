//! Latencies as they come: with and without a history, native and classic, whole and broken.

use std::time::Duration;

use super::*;
use crate::judge::histogram::{Histogram, NativeBucket};
use crate::judge::margin::StepWeight;

const STEP: StepWeight = StepWeight { weight: 10.0, final_weight: 50.0 };
const EDGES: [f64; 5] = [0.05, 0.1, 0.25, 0.5, 1.0];

/// Requests per look above each of [`EDGES`], per 1000 requests.
const USUAL: [f64; 5] = [600.0, 200.0, 40.0, 10.0, 1.0];
const SLOW: [f64; 5] = [800.0, 400.0, 120.0, 40.0, 8.0];

/// A classic histogram after `looks` looks of 1000 requests each.
fn after(looks: u32, above: [f64; 5]) -> Histogram {
    let total = 1000.0 * f64::from(looks);
    let mut cumulative: Vec<(f64, f64)> =
        EDGES.iter().zip(above).map(|(edge, above)| (*edge, total - above * f64::from(looks))).collect();
    cumulative.push((f64::INFINITY, total));
    Histogram::classic(&cumulative, None).unwrap()
}

fn series(name: &str, histogram: Histogram) -> SeriesHistogram {
    SeriesHistogram { series: name.into(), stratum: String::new(), histogram, started_in_run: false, warming_up: false }
}

fn both(canary: Histogram, stable: Histogram) -> HistogramSamples {
    HistogramSamples { canary: Some(vec![series("c", canary)]), stable: Some(vec![series("s", stable)]) }
}

fn judge_after(looks: u32, canary: [f64; 5]) -> LatencyJudge {
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    for look in 1..=looks {
        judge.look(&both(after(look, canary), after(look, USUAL)));
    }
    judge
}

#[test]
fn without_a_history_edges_are_chosen_from_what_the_stable_pods_have_counted() {
    let judge = judge_after(1, USUAL);
    let baseline = judge.baseline().unwrap();
    assert_eq!(baseline.source, BaselineSource::FirstLook);
    assert_eq!(baseline.edges.iter().map(|edge| edge.edge).collect::<Vec<_>>(), EDGES);
    assert!((baseline.safe_edge().unwrap().edge - 0.5).abs() < 1e-12, "{baseline:?}");
    assert!(baseline.guarded, "{baseline:?}");
}

#[test]
fn the_look_by_which_edges_were_chosen_is_not_bet_on() {
    let mut samples = both(after(1, SLOW), after(1, USUAL));
    for arm in [&mut samples.canary, &mut samples.stable] {
        arm.as_mut().unwrap()[0].started_in_run = true;
    }
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    assert_eq!(judge.look(&samples).reading, LatencyReading::FirstSight);
    assert!(judge.evidence(Duration::ZERO).log_harm.abs() < 1e-12);
}

#[test]
fn with_too_few_requests_no_edge_is_chosen() {
    let few = Histogram::classic(&[(0.1, 40.0), (f64::INFINITY, 50.0)], None).unwrap();
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    let outcome = judge.look(&both(few.clone(), few));
    assert_eq!(outcome.reading, LatencyReading::TooFewRequests);
    assert!(outcome.reading.lack().is_some());
}

#[test]
fn what_is_learned_in_the_run_only_raises_the_dispersion_of_edges_that_are_bet_on() {
    let calm = |dispersion: f64| {
        let mut baseline = judge_after(1, USUAL).baseline().unwrap().clone();
        baseline.guarded = false;
        baseline.edges.iter_mut().for_each(|edge| edge.dispersion = dispersion);
        baseline
    };
    let settings = LatencySettings { baseline: Some(calm(1.5)), ..LatencySettings::default() };
    let mut judge = LatencyJudge::start(settings, STEP);
    assert!(!judge.learn(&calm(4.0)), "what is not bet on yet is not raised");
    for look in 1..=30 {
        judge.look(&both(after(look, USUAL), after(look, USUAL)));
    }
    let before = judge.clone();
    assert!(!judge.learn(&calm(1.2)));
    assert_eq!(judge, before);
    let mut wilder = calm(4.0);
    wilder.edges.remove(0);
    assert!(judge.learn(&wilder));
    let dispersions: Vec<f64> = judge.baseline().unwrap().edges.iter().map(|edge| edge.dispersion).collect();
    assert_eq!(dispersions, [1.5, 4.0, 4.0, 4.0, 4.0]);
    assert!(judge.baseline().unwrap().guarded, "so much is not taken for harm without a second opinion");
    let logs = |judge: &LatencyJudge| judge.evidence(Duration::from_mins(5)).log_safe;
    assert!((logs(&judge) - logs(&before)).abs() < 1e-12, "what has been shown stays shown");
}

#[test]
fn a_slow_canary_is_found_and_a_usual_one_is_safe() {
    // With half of the traffic share betting, which nothing but a history can spare, gains little at once.
    let slow = judge_after(120, SLOW).evidence(Duration::from_mins(20));
    assert!(slow.is_harmful(0.01) && !slow.is_safe() && !slow.inside_margin, "{slow:?}");
    let usual = judge_after(60, USUAL).evidence(Duration::from_mins(10));
    assert!(!usual.is_harmful(0.5) && usual.is_safe() && usual.inside_margin, "{usual:?}");
}

#[test]
fn the_sentences_say_what_an_operator_would_say() {
    let settings =
        LatencySettings { unit: LatencyUnit::of_name("request_duration_seconds_bucket"), ..Default::default() };
    let mut judge = LatencyJudge::start(settings, STEP);
    for look in 1..=3 {
        judge.look(&both(after(look, SLOW), after(look, USUAL)));
    }
    let evidence = judge.evidence(Duration::from_secs(30));
    assert_eq!(
        evidence.explain("latency"),
        "latency p99 969 ms against the stable 500 ms, 4 % of requests above 500 ms against 1 % (2000 and 2000 requests)"
    );
    assert!(evidence.explain_safety("latency").ends_with(": evidence of safety 0.4 against 20"), "{evidence:?}");
    assert_eq!(LatencyUnit::of_name("istio_request_duration_milliseconds_bucket").show(1250.0), "1.25 s");
    assert_eq!(LatencyUnit::Unknown.show(0.25), "0.25");
}

#[test]
fn a_new_step_asks_for_safety_anew_and_remembers_harm() {
    let mut judge = judge_after(20, SLOW);
    let harm = judge.evidence(Duration::ZERO).log_harm;
    judge.new_step(StepWeight { weight: 25.0, final_weight: 50.0 });
    let evidence = judge.evidence(Duration::ZERO);
    assert_eq!(evidence.log_harm.to_bits(), harm.to_bits());
    assert!(evidence.log_safe.abs() < 1e-12 && evidence.lack().is_some(), "{evidence:?}");
}

#[test]
fn a_judge_that_is_stored_after_each_look_stays_the_same_to_the_bit() {
    let mut stored = LatencyJudge::start(LatencySettings::default(), STEP);
    for look in 1..=20 {
        stored.look(&both(after(look, SLOW), after(look, USUAL)));
        let text = serde_json::to_string(&stored.state()).unwrap();
        stored = LatencyJudge::resume(LatencySettings::default(), STEP, serde_json::from_str(&text).unwrap());
    }
    assert_eq!(stored, judge_after(20, SLOW));
    let text = serde_json::to_string(&stored.state()).unwrap();
    assert!(text.len() < 3500, "{} bytes", text.len());
}

#[test]
fn what_a_pod_counts_while_it_warms_up_is_never_compared() {
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    for look in 1..=20 {
        let mut samples = both(after(look, SLOW), after(look, USUAL));
        samples.canary.as_mut().unwrap()[0].warming_up = true;
        let outcome = judge.look(&samples);
        assert_ne!(outcome.reading, LatencyReading::Counted);
        assert_eq!(outcome.notes.warming_up, 1);
    }
    assert!(judge.evidence(Duration::ZERO).log_harm.abs() < 1e-12);
}

#[test]
fn while_one_arm_cannot_be_read_the_others_counts_wait() {
    let mut judge = judge_after(2, USUAL);
    let mut samples = both(after(3, USUAL), after(3, USUAL));
    samples.stable = None;
    assert_eq!(judge.look(&samples).reading, LatencyReading::StableMissing);
    judge.look(&both(after(4, USUAL), after(4, USUAL)));
    let mut whole = judge_after(2, USUAL);
    whole.look(&both(after(4, USUAL), after(4, USUAL)));
    assert_eq!(judge.evidence(Duration::ZERO), whole.evidence(Duration::ZERO));
}

#[test]
fn a_layout_that_changes_in_mid_run_is_left_out_and_said() {
    let mut judge = judge_after(3, USUAL);
    let other = Histogram::classic(&[(0.2, 2000.0), (f64::INFINITY, 4000.0)], None).unwrap();
    let outcome = judge.look(&both(other, after(4, USUAL)));
    assert_eq!((outcome.reading, outcome.notes.changed_layout), (LatencyReading::FirstSight, 1));
    assert_eq!(outcome.notes.explain().unwrap(), "1 series left out because their bucket edges changed");
}

#[test]
fn counts_that_fall_by_more_than_one_percent_are_left_out_and_said() {
    let mut judge = judge_after(3, USUAL);
    let fallen = Histogram::classic(
        &[(0.05, 3000.0), (0.1, 2000.0), (0.25, 3800.0), (0.5, 3900.0), (1.0, 3990.0), (f64::INFINITY, 4000.0)],
        None,
    );
    let outcome = judge.look(&both(fallen.unwrap(), after(4, USUAL)));
    assert_eq!(outcome.notes.broken, 1);
    assert_ne!(outcome.reading, LatencyReading::Counted);
}

#[test]
fn a_restarted_pod_counts_from_nothing() {
    let mut judge = judge_after(5, USUAL);
    let outcome = judge.look(&both(after(1, USUAL), after(6, USUAL)));
    let canary = outcome.edges[0].1.canary_requests;
    assert!((canary - 1000.0).abs() < 1e-9, "{outcome:?}");
}

#[test]
fn arms_with_other_edges_are_compared_on_those_in_common() {
    let other = |looks: u32| {
        let total = 1000.0 * f64::from(looks);
        let above = |part: f64| total - part * f64::from(looks);
        Histogram::classic(&[(0.1, above(200.0)), (0.3, above(30.0)), (0.5, above(10.0)), (f64::INFINITY, total)], None)
    };
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    judge.look(&both(other(1).unwrap(), after(1, USUAL)));
    let edges: Vec<f64> = judge.baseline().unwrap().edges.iter().map(|edge| edge.edge).collect();
    assert_eq!(edges, [0.1, 0.5]);
    assert_eq!(judge.look(&both(other(2).unwrap(), after(2, USUAL))).reading, LatencyReading::Counted);
}

#[test]
fn arms_without_a_common_edge_are_never_compared() {
    let other = Histogram::classic(&[(0.3, 900.0), (f64::INFINITY, 1000.0)], None).unwrap();
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    assert_eq!(judge.look(&both(other, after(1, USUAL))).reading, LatencyReading::NoCommonEdge);
}

#[test]
fn a_history_gives_edges_and_their_dispersion() {
    let mut history = LatencyHistory::default();
    let mut total = 0;
    for tick in 0..240u32 {
        total += if tick % 60 < 3 { 20 } else { 1 };
        let base = f64::from(tick + 1);
        // Slow spells: three ticks in sixty have twenty times the requests above half a second.
        let slow = 10.0 * f64::from(total);
        let requests = 10_000.0 * base;
        let cumulative = [(0.1, requests - 2000.0 * base - slow), (0.5, requests - slow), (f64::INFINITY, requests)];
        history.push(&[series("s", Histogram::classic(&cumulative, None).unwrap())]);
    }
    let baseline = history.baseline().unwrap();
    assert_eq!(baseline.source, BaselineSource::History);
    let [fast, slow] = baseline.edges.as_slice() else { panic!("two edges, not {baseline:?}") };
    assert!(slow.dispersion > 10.0 && baseline.guarded, "{baseline:?}");
    assert!(fast.dispersion < slow.dispersion, "{baseline:?}");
}

#[test]
fn native_histograms_are_looked_at_on_few_coarse_edges() {
    let root = 2f64.powf(1.0 / 8.0);
    let at = |looks: u32| {
        let buckets: Vec<NativeBucket> = (0..64)
            .map(|index| {
                let left = 0.01 * root.powi(index);
                let count = f64::from(looks) * (200.0 * (-f64::from(index - 20).powi(2) / 200.0).exp()).round();
                // On the grid of schema 3.
                let left = 2f64.powf((left.log2() * 8.0).round() / 8.0);
                NativeBucket { left, right: left * root, count }
            })
            .collect();
        Histogram::native(&buckets, None).unwrap()
    };
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    judge.look(&both(at(1), at(1)));
    assert_eq!(judge.look(&both(at(2), at(2))).reading, LatencyReading::Counted);
    let baseline = judge.baseline().unwrap();
    assert!((4..=12).contains(&baseline.edges.len()) && baseline.exponential, "{baseline:?}");
}

#[test]
fn strata_are_compared_within_themselves() {
    // The canary gets more of the slow route; within each route both arms are equal.
    let at = |looks: u32, requests: f64, slow: f64| {
        let total = requests * f64::from(looks);
        Histogram::classic(&[(0.1, total * (1.0 - slow)), (f64::INFINITY, total)], None).unwrap()
    };
    let arm = |looks: u32, fast: f64, slow: f64| {
        let mut list = vec![series("fast", at(looks, fast, 0.01)), series("slow", at(looks, slow, 0.5))];
        for sample in &mut list {
            sample.stratum.clone_from(&sample.series);
        }
        Some(list)
    };
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    for look in 1..=100 {
        judge.look(&HistogramSamples { canary: arm(look, 100.0, 900.0), stable: arm(look, 900.0, 100.0) });
    }
    assert!(!judge.evidence(Duration::ZERO).is_harmful(0.5));
}

#[test]
fn quantiles_lie_between_the_edges_that_bound_them() {
    let report = judge_after(50, USUAL).report();
    let p99 = report.quantiles.last().unwrap().stable.unwrap();
    assert!(p99.low < 0.5 && p99.high.is_some_and(|high| high >= 0.5), "{p99:?}");
    assert!((p99.estimate - 0.5).abs() < 1e-9, "{p99:?}");
    assert_eq!(report.edges.len(), 5);
}

#[test]
fn the_ratio_at_an_edge_is_not_misled_by_an_incident_during_a_change_of_weights() {
    // Pooled, the canary has 25 % slow requests against 15 %: it had more of the traffic while both were slow.
    let at = |requests: f64, slow: f64| {
        Histogram::classic(&[(0.1, requests - slow), (f64::INFINITY, requests)], None).unwrap()
    };
    let mut judge = LatencyJudge::start(LatencySettings::default(), STEP);
    judge.look(&both(at(0.0, 0.0), at(1000.0, 100.0)));
    judge.look(&both(at(1000.0, 100.0), at(10_000.0, 1000.0)));
    judge.look(&both(at(11_000.0, 3100.0), at(20_000.0, 4000.0)));
    let ratio = judge.report().edges[0].ratio.unwrap();
    assert!(ratio.low < 1.0 && ratio.high.is_some_and(|high| high > 1.0), "{ratio:?}");
    assert!((ratio.estimate - 1.0).abs() < 0.011, "{ratio:?}");
}
