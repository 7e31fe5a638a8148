//! Betting on counts, its reports, its combination over metrics, and the planner.

use std::time::Duration;

use serde_json::Value;
use siskin::judge::counters::difference;
use siskin::judge::dispersion::dispersion_by_block;
use siskin::judge::interval::{VarianceFloor, asymptotic_radius, asymptotic_radius_one_sided, asymptotic_tuning};
use siskin::judge::ratio::BET_LOG_SIZES;
use siskin::judge::share::SHARE_BETS;
use siskin::judge::{
    CountHistory, Counts, DifferenceSums, Direction, ErrorRateJudge, ErrorRateSettings, Margin, PodCounts, RatioDesign,
    RatioProcess, RatioSequence, ShareProcess, StepWeight, Tick, TickTotals, Traffic, dispersion, e_bh, growth,
    log_weighted_mean, median_seconds,
};

use crate::values::{Values, as_number, each, number, numbers, text, without_series};

/// Compares a part of a file if it is one of these.
pub(crate) fn part(name: &str, content: &Value, values: &mut Values) -> bool {
    match name {
        "pbr" => pbr(content, values),
        "weighted_mean_e" => each(content, values, weighted_mean_of_e_values),
        "e_bh" => each(content, values, e_bh_procedure),
        "planner" => each(content, values, planner),
        "counter_delta" => each(content, values, counter_differences),
        "asymptotic_cs" => each(content, values, asymptotic_sequence),
        "phi_history" => each(content, values, dispersion_of_history),
        "cases" => each(content, values, capped_counts),
        _ => return false,
    }
    true
}

fn pbr(content: &Value, values: &mut Values) {
    if let Some(sizes) = content.get("bet_log_sizes_g") {
        values.same_all(&numbers(sizes), &BET_LOG_SIZES);
    }
    if let Some(bets) = content.get("share_lambdas") {
        values.same_all(&numbers(bets), &SHARE_BETS);
    }
    for stream in content["streams"].as_array().into_iter().flatten() {
        let intervals = stream_of(stream);
        let name = text(stream, "name");
        for (part, direction) in [("harm", Direction::Harm), ("safe", Direction::Safe)] {
            each(&stream[part], values, |case, values| {
                values.place = format!("{name}, {part} {}", without_series(case));
                let design = RatioDesign {
                    direction,
                    margin: margin(case),
                    dispersion: number(case, "phi"),
                    start_share: case.get("eta").map_or(1.0, as_number),
                };
                values.same_all(&numbers(&case["log_e"]), &log_evidence(design, &intervals));
            });
        }
        each(&stream["share"], values, |case, values| {
            values.place = format!("{name}, share {}", without_series(case));
            let block = case["block"].as_u64().and_then(|block| u32::try_from(block).ok()).expect("a block length");
            let mut process = ShareProcess::new(number(case, "rho"), block);
            let log_e: Vec<f64> = intervals
                .iter()
                .map(|counts| {
                    process.update(counts);
                    process.log_evidence()
                })
                .collect();
            values.same_all(&numbers(&case["log_e"]), &log_e);
        });
        each(&stream["ratio_cs"], values, |case, values| {
            values.place = format!("{name}, ratio interval {case}");
            let mut sequence = RatioSequence::new();
            for counts in &intervals {
                sequence.update(counts);
            }
            let level = number(case, "alpha");
            let (log_interval, interval) = (sequence.log_interval(level), sequence.interval(level));
            values.same(number(case, "log_mixture"), sequence.log_evidence());
            values.same(number(case, "log_r_lo"), log_interval.low);
            values.same(number(case, "log_r_hi"), log_interval.high);
            values.same(number(case, "r_lo"), interval.low);
            values.same(number(case, "r_hi"), interval.high);
            values.same(number(case, "grid_mle_log_r"), log_interval.estimate);
        });
        each(&stream["mh_cs"], values, |case, values| {
            values.place = format!("{name}, difference {}", without_series(case));
            difference_sequence(case, &intervals, values);
        });
    }
    if let Some(late) = content.get("late_onset") {
        let intervals = stream_of(late);
        for (part, start_share) in [("eta1_log_e", 1.0), ("eta05_log_e", 0.5)] {
            values.place = format!("late onset, {part}");
            let margin = Margin { ratio: 1.0, absolute: 0.0 };
            let design = RatioDesign { start_share, ..RatioDesign::harm(margin, 1.0) };
            values.same_all(&numbers(&late[part]), &log_evidence(design, &intervals));
        }
    }
}

fn log_evidence(design: RatioDesign, intervals: &[Counts]) -> Vec<f64> {
    let mut process = RatioProcess::new(design);
    intervals
        .iter()
        .map(|counts| {
            process.update(counts);
            process.log_evidence()
        })
        .collect()
}

fn difference_sequence(case: &Value, intervals: &[Counts], values: &mut Values) {
    assert!((number(case, "nstar") - 100.0).abs() < 1e-9, "{case}: the judge is tightest at 100 intervals");
    let floor =
        if case["model_variance_floor"] == Value::Bool(true) { VarianceFloor::Binomial } else { VarianceFloor::None };
    let expected = case["delta_rad"].as_array().expect("pairs of difference and radius");
    let mut sums = DifferenceSums::default();
    for (counts, pair) in intervals.iter().zip(expected) {
        sums.update(counts);
        values.same_option(&pair[0], sums.difference());
        values.same_option(&pair[1], sums.radius(number(case, "alpha"), floor));
    }
}

fn weighted_mean_of_e_values(case: &Value, values: &mut Values) {
    let pairs: Vec<(f64, f64)> = numbers(&case["log_e"]).into_iter().zip(numbers(&case["w"])).collect();
    values.same(number(case, "log_mean"), log_weighted_mean(&pairs));
}

fn e_bh_procedure(case: &Value, values: &mut Values) {
    let logs: Vec<f64> = numbers(&case["e"]).into_iter().map(f64::ln).collect();
    let called: Vec<f64> = e_bh(&logs, number(case, "alpha")).into_iter().map(|index| index as f64).collect();
    values.same_all(&numbers(&case["rejected"]), &called);
}

fn planner(case: &Value, values: &mut Values) {
    let traffic = Traffic {
        requests_per_second: number(case, "rps"),
        canary_share: number(case, "w"),
        canary_rate: number(case, "p_canary"),
        stable_rate: number(case, "p_base"),
    };
    let margin = margin(case);
    let design = RatioDesign::harm(margin, number(case, "phi"));
    let growth = growth(&design, &traffic);
    values.same(number(case, "growth_per_s"), growth.map_or(0.0, |growth| growth.per_second));
    values.same_option(&case["best_g"], growth.map(|growth| growth.bet));
    let median = growth.map(|growth| median_seconds(growth.per_second, number(case, "alpha")));
    values.same_option(&case["t_median_s"], median);
}

fn counter_differences(case: &Value, values: &mut Values) {
    let differences: Vec<f64> = numbers(&case["samples"]).windows(2).map(|pair| difference(pair[0], pair[1])).collect();
    values.same_all(&numbers(&case["deltas"]), &differences);
}

fn dispersion_of_history(case: &Value, values: &mut Values) {
    let ticks: Vec<TickTotals> = numbers(&case["n"])
        .into_iter()
        .zip(numbers(&case["x"]))
        .map(|(requests, events)| TickTotals { requests, events })
        .collect();
    let found: Vec<_> = dispersion_by_block(&ticks).collect();
    let expected = case["by_scale"].as_array().expect("a list of block lengths");
    assert_eq!(found.len(), expected.len(), "{}", values.place);
    for (expected, found) in expected.iter().zip(found) {
        values.same(number(expected, "B"), f64::from(found.block));
        values.same(number(expected, "pairs"), found.pairs as f64);
        values.same(number(expected, "phi"), found.factor);
    }
    values.same(number(case, "phi"), dispersion(&ticks).factor);
}

/// A service's history, then a run of both arms, all pod by pod: what is learned, and the evidence at some ticks.
fn capped_counts(case: &Value, values: &mut Values) {
    let expected = &case["expect"];
    let mut history = CountHistory::default();
    for pods in pods_of(&case["history"], "stable") {
        history.push(&pods);
    }
    let settings = ErrorRateSettings::default();
    let baseline = history.baseline(settings.margin).expect("enough ticks");
    let capping = baseline.capping.expect("a history of pods");
    values.same(number(expected, "m"), capping.events);
    values.same(number(expected, "cap"), capping.harm.cap);
    values.same(number(expected, "kappa"), capping.harm.kappa);
    values.same(number(expected, "phi_raw"), baseline.dispersion_raw);
    values.same(number(expected, "phi_capped"), capping.harm.dispersion);

    let last_step = StepWeight { weight: 50.0, final_weight: 50.0 };
    let mut judge = ErrorRateJudge::start(ErrorRateSettings { baseline: Some(baseline), ..settings }, last_step);
    let ticks = pods_of(&case["canary"], "canary").into_iter().zip(pods_of(&case["stable"], "stable"));
    let found: Vec<(f64, f64)> = ticks
        .map(|(canary, stable)| {
            judge.update_pods(&Tick { canary, stable, seconds: None });
            let evidence = judge.evidence(Duration::ZERO);
            (evidence.log_harm, evidence.log_safe)
        })
        .collect();
    let at: Vec<u64> = expected["at_tick"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let at = |pick: fn(&(f64, f64)) -> f64| -> Vec<f64> {
        at.iter().map(|tick| pick(&found[usize::try_from(*tick).expect("a small number") - 1])).collect()
    };
    values.same_all(&numbers(&expected["log_e_harm"]), &at(|(harm, _)| *harm));
    values.same_all(&numbers(&expected["log_e_safe"]), &at(|(_, safe)| *safe));
}

fn pods_of(arm: &Value, name: &str) -> Vec<Vec<PodCounts>> {
    let ticks = |field: &str| arm[field].as_array().expect("a list of ticks").iter().map(numbers).collect::<Vec<_>>();
    let (requests, errors) = (ticks("requests"), ticks("errors"));
    let pods = |(requests, errors): (Vec<f64>, Vec<f64>)| {
        let counts = requests.into_iter().zip(errors).enumerate();
        counts
            .map(|(pod, (requests, events))| PodCounts {
                pod: format!("{name}-{pod}"),
                stratum: String::new(),
                requests,
                events,
            })
            .collect()
    };
    requests.into_iter().zip(errors).map(pods).collect()
}

/// Two-sided only; the one-sided form belongs to gauges.
fn asymptotic_sequence(case: &Value, values: &mut Values) {
    let [count, deviation, level, tightest_at] = ["n", "sd", "alpha", "tstar"].map(|field| number(case, field));
    values.same(number(case, "rho2_two"), asymptotic_tuning(level, tightest_at));
    values.same(number(case, "radius_two"), asymptotic_radius(count, deviation, level, tightest_at));
    values.same(number(case, "rho2_one"), asymptotic_tuning(2.0 * level, tightest_at));
    values.same(number(case, "radius_one"), asymptotic_radius_one_sided(count, deviation, level, tightest_at));
}

fn stream_of(value: &Value) -> Vec<Counts> {
    let intervals = value["stream_nc_nb_xc_xb"].as_array().expect("a stream of intervals");
    intervals
        .iter()
        .map(|interval| match numbers(interval).as_slice() {
            &[canary_requests, stable_requests, canary_errors, stable_errors] => {
                Counts { canary_requests, stable_requests, canary_errors, stable_errors }
            }
            other => panic!("an interval of four counts, not {other:?}"),
        })
        .collect()
}

fn margin(case: &Value) -> Margin {
    Margin { ratio: number(case, "rho"), absolute: number(case, "delta") }
}
