//! Histograms, gauges and the split of the traffic.

use serde_json::Value;
use siskin::judge::gauge::batches::BatchMeans;
use siskin::judge::gauge::pods::PodSpread;
use siskin::judge::latency::{EdgeDesign, EdgeMixture};
use siskin::judge::sample_ratio::log_mismatch;
use siskin::judge::{Counts, Histogram, Margin, RatioDesign};

use crate::values::{Values, each, number, numbers};

pub(crate) fn part(name: &str, content: &Value, values: &mut Values) -> bool {
    match name {
        "srm" => each(content, values, sample_ratio),
        "gauge_cs" => each(content, values, gauge),
        "gauge_pod_term" => each(content, values, pod_term),
        "latency_mixture" => latency_mixture(content, values),
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

fn latency_mixture(content: &Value, values: &mut Values) {
    let looks: Vec<Vec<[Counts; 1]>> = content["intervals"]
        .as_array()
        .expect("intervals")
        .iter()
        .map(|interval| {
            let edges = numbers(&interval["xc"]).into_iter().zip(numbers(&interval["xb"]));
            let counts = edges.map(|(canary_errors, stable_errors)| Counts {
                canary_requests: number(interval, "nc"),
                stable_requests: number(interval, "nb"),
                canary_errors,
                stable_errors,
            });
            counts.map(|counts| [counts]).collect()
        })
        .collect();
    each(&content["cases"], values, |case, values| {
        values.place = format!("latency_mixture, rho = {}", case["rho"]);
        let margin = Margin { ratio: number(case, "rho"), absolute: number(case, "delta") };
        let designs: Vec<EdgeDesign> = numbers(&case["phi"])
            .into_iter()
            .map(|dispersion| EdgeDesign { ratio: RatioDesign::harm(margin, dispersion), guarded: false })
            .collect();
        let mut mixture = EdgeMixture::new(&designs);
        let mut by_edge = vec![Vec::new(); designs.len()];
        let mut means = Vec::new();
        for look in &looks {
            mixture.update(look.iter().map(<[Counts; 1]>::as_slice));
            for (edge, log) in by_edge.iter_mut().zip(mixture.by_edge()) {
                edge.push(log);
            }
            means.push(mixture.log_evidence());
        }
        values.same_all(&numbers(&case["log_mean_e"]), &means);
        for (expected, found) in case["per_boundary_log_e"].as_array().expect("edges").iter().zip(&by_edge) {
            values.same_all(&numbers(expected), found);
        }
    });
}

fn gauge(case: &Value, values: &mut Values) {
    let series = numbers(&case["D"]);
    assert!((number(case, "tstar") - 180.0).abs() < 1e-9, "{}: the judge is tightest at 180 looks", case["tstar"]);
    for expected in case["n_mean_lrvar_radius"].as_array().expect("looks") {
        let [count, mean, variance, radius] = numbers(expected)[..] else { panic!("{expected}: four numbers") };
        let mut means = BatchMeans::default();
        for (index, value) in series.iter().enumerate() {
            if (index as f64) < count {
                means.push(*value);
            }
        }
        let found = means.series_mean().expect("enough values");
        values.place = format!("gauge_cs, {count} values");
        values.same_all(
            &[mean, variance, radius],
            &[found.mean, found.variance, found.radius(number(case, "alpha_one_sided"))],
        );
    }
}

fn pod_term(case: &Value, values: &mut Values) {
    let logs = |part: &str| numbers(&case[part]).into_iter().map(f64::ln).collect::<Vec<f64>>();
    let spread = PodSpread::of(&logs("pod_means_canary"), &logs("pod_means_baseline"));
    values.same(number(case, "nu"), spread.degrees());
    values.same(number(case, "pooled_var_log"), spread.variance);
    values.same_option(&case["term"], spread.term(number(case, "alpha_one_sided")));
}
