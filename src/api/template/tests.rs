//! What a template says where it says nothing.

use super::*;

fn metric(text: &str) -> Metric {
    serde_saphyr::from_str(text).unwrap()
}

const ERRORS: &str = "{name: a, errorRate: {requests: r, errors: e}}";
const LATENCY: &str = "{name: a, latency: {histogram: h}}";
const MEMORY: &str = "{name: a, gauge: {query: q}}";
const ORDERS: &str = "{name: a, rate: {requests: r, events: e, worse: Lower}}";
const FREE: &str = "{name: a, threshold: {query: q, min: 1}}";

#[test]
fn every_metric_decides_but_a_gauge_which_warns() {
    for (text, critical) in [(ERRORS, true), (LATENCY, true), (MEMORY, false), (ORDERS, true), (FREE, true)] {
        assert_eq!(metric(text).is_critical(), critical, "{text}");
    }
    assert!(metric("{name: a, critical: true, gauge: {query: q}}").is_critical());
    assert!(!metric("{name: a, critical: false, latency: {histogram: h}}").is_critical());
}

#[test]
fn the_kind_is_the_one_that_is_given() {
    let kinds = [ERRORS, LATENCY, MEMORY, ORDERS, FREE].map(|text| metric(text).kind().unwrap().to_string());
    assert_eq!(kinds, ["errorRate", "latency", "gauge", "rate", "threshold"]);
    let worse = [ERRORS, LATENCY, MEMORY, ORDERS, FREE].map(|text| metric(text).kind().unwrap().worse());
    let higher = Some(Worse::Higher);
    assert_eq!(worse, [higher, higher, higher, Some(Worse::Lower), None]);
}

#[test]
fn margins_are_those_of_the_kind_until_they_are_given() {
    let defaults = |text: &str| {
        let metric = metric(text);
        [metric.ignore(), metric.exclude()].map(|margin| (margin.relative, margin.absolute))
    };
    assert_eq!(defaults(ERRORS), [(1.05, 1e-4), (1.5, 1e-3)]);
    assert_eq!(defaults(LATENCY), [(1.1, 1e-3), (1.5, 5e-3)]);
    assert_eq!(defaults(MEMORY), [(1.1, 0.0), (1.1, 0.0)]);
    assert_eq!(defaults(ORDERS), [(0.95, 1e-4), (0.8, 1e-3)]);
    let given = "{name: a, margin: {exclude: {relative: 2, absolute: 0.1}}, errorRate: {requests: r, errors: e}}";
    assert_eq!(defaults(given), [(1.05, 1e-4), (2.0, 0.1)]);
}
