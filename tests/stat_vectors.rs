//! The judge's numbers against reference values that were computed with 50 digits by an independent program
//! (`tests/data/stat-vectors.json`). More files of the same format are read from `SISKIN_EXTRA_VECTORS`, separated
//! by `:`.

use serde_json::Value;
use siskin::judge::counters::difference;
use siskin::judge::interval::{VarianceFloor, asymptotic_radius};
use siskin::judge::ratio::BET_LOG_SIZES;
use siskin::judge::share::SHARE_BETS;
use siskin::judge::{
    Counts, DifferenceSums, Direction, Margin, RatioDesign, RatioProcess, RatioSequence, ShareProcess, Traffic, e_bh,
    growth, log_weighted_mean, median_seconds,
};

/// Parts of the files that the judge has nothing for yet.
const NOT_IMPLEMENTED: [&str; 19] = [
    "special",
    "mann_whitney",
    "welch_t",
    "two_proportions",
    "chi2_gof",
    "sum_poisson_conditional",
    "ks_two_sample",
    "beta_binomial",
    "prob_best",
    "sample_size_two_proportions",
    "bh_holm",
    "latency_mixture",
    "srm",
    "phi_history",
    "gauge_cs",
    "gauge_pod_term",
    "cuped",
    "histogram_quantile_classic",
    // All of the file on counts capped per pod.
    "cases",
];

#[test]
fn the_reference_values_are_met() {
    check(include_str!("data/stat-vectors.json"), "tests/data/stat-vectors.json");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn reference_values_from_elsewhere_are_met() {
    let paths = std::env::var("SISKIN_EXTRA_VECTORS").unwrap_or_default();
    for path in paths.split(':').filter(|path| !path.is_empty()) {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("SISKIN_EXTRA_VECTORS: {path}: {error}"));
        check(&text, path);
    }
}

fn check(text: &str, file: &str) {
    let vectors: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut values = Values::default();
    for (part, content) in vectors.as_object().unwrap_or_else(|| panic!("{file}: no object")) {
        values.place = format!("{file}: {part}");
        match part.as_str() {
            "meta" => {}
            "pbr" => pbr(content, &mut values),
            "weighted_mean_e" => each(content, &mut values, weighted_mean_of_e_values),
            "e_bh" => each(content, &mut values, e_bh_procedure),
            "planner" => each(content, &mut values, planner),
            "counter_delta" => each(content, &mut values, counter_differences),
            "asymptotic_cs" => each(content, &mut values, asymptotic_sequence),
            other => assert!(
                NOT_IMPLEMENTED.contains(&other),
                "{file}: part {other:?} is neither tested nor in the list of what is left out"
            ),
        }
    }
    values.report(file);
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

/// Two-sided only; the one-sided form belongs to gauges.
fn asymptotic_sequence(case: &Value, values: &mut Values) {
    let radius = asymptotic_radius(number(case, "n"), number(case, "sd"), number(case, "alpha"), number(case, "tstar"));
    values.same(number(case, "radius_two"), radius);
}

/// Compares, counts, and collects what differs, so that one run shows all of it.
#[derive(Default)]
struct Values {
    place: String,
    compared: usize,
    different: Vec<String>,
}

impl Values {
    fn same(&mut self, expected: f64, found: f64) {
        self.compared += 1;
        // Equal infinities have no difference.
        let close = expected.to_bits() == found.to_bits()
            || if expected.abs() < 1e-12 {
                (found - expected).abs() <= 1e-12
            } else {
                (found - expected).abs() <= 1e-9 * expected.abs()
            };
        if !close {
            self.different.push(format!("{}: expected {expected}, found {found}", self.place));
        }
    }

    fn same_all(&mut self, expected: &[f64], found: &[f64]) {
        assert_eq!(expected.len(), found.len(), "{}", self.place);
        for (expected, found) in expected.iter().zip(found) {
            self.same(*expected, *found);
        }
    }

    fn same_option(&mut self, expected: &Value, found: Option<f64>) {
        match (expected, found) {
            (Value::Null, None) => self.compared += 1,
            (Value::Null, Some(found)) => self.different.push(format!("{}: expected none, found {found}", self.place)),
            (expected, None) => self.different.push(format!("{}: expected {expected}, found none", self.place)),
            (expected, Some(found)) => self.same(as_number(expected), found),
        }
    }

    fn report(&self, file: &str) {
        println!("{file}: {} values compared", self.compared);
        assert!(
            self.different.is_empty(),
            "{} of {} differ:\n{}",
            self.different.len(),
            self.compared,
            self.different.join("\n")
        );
    }
}

fn each(cases: &Value, values: &mut Values, mut test: impl FnMut(&Value, &mut Values)) {
    for case in cases.as_array().into_iter().flatten() {
        test(case, values);
    }
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

fn without_series(case: &Value) -> String {
    let fields = case.as_object().expect("a case").iter().filter(|(_, value)| !value.is_array());
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{case}: no text {field:?}"))
}

fn number(case: &Value, field: &str) -> f64 {
    as_number(case.get(field).unwrap_or_else(|| panic!("{case}: no number {field:?}")))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}: no list")).iter().map(as_number).collect()
}

/// Infinities are texts in the file.
fn as_number(value: &Value) -> f64 {
    match value {
        Value::String(text) if text == "inf" => f64::INFINITY,
        Value::String(text) if text == "-inf" => f64::NEG_INFINITY,
        other => other.as_f64().unwrap_or_else(|| panic!("{other}: no number")),
    }
}
