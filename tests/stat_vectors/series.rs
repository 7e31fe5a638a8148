//! Histograms, gauges and the split of the traffic.

use serde_json::Value;
use siskin::judge::Histogram;
use siskin::judge::sample_ratio::log_mismatch;

use crate::values::{Values, each, number, numbers};

pub(crate) fn part(name: &str, content: &Value, values: &mut Values) -> bool {
    match name {
        "srm" => each(content, values, sample_ratio),
        "histogram_quantile_classic" => each(content, values, quantile),
        _ => return false,
    }
    true
}

/// Counts are per interval; the evidence is that of all so far.
fn sample_ratio(case: &Value, values: &mut Values) {
    let shares = numbers(&case["w"]);
    let mut totals = vec![0.0; shares.len()];
    let found: Vec<f64> = case["counts"]
        .as_array()
        .expect("counts")
        .iter()
        .map(|counts| {
            for (total, count) in totals.iter_mut().zip(numbers(counts)) {
                *total += count;
            }
            log_mismatch(&totals, &shares, number(case, "k"))
        })
        .collect();
    values.same_all(&numbers(&case["log_bf"]), &found);
    // Another program's rounding: 12 digits.
    if let Some(other) = case.get("savvi_crosscheck_log_bf") {
        values.same_all(&numbers(other), &found);
    }
}

fn quantile(case: &Value, values: &mut Values) {
    let cumulative: Vec<(f64, f64)> = numbers(&case["le"]).into_iter().zip(numbers(&case["cumulative"])).collect();
    let histogram = Histogram::classic(&cumulative, None).expect("a histogram");
    values.same_option(&case["value"], histogram.quantile(number(case, "q")));
}
