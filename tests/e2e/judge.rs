//! What the judge promises, on real traffic: subtle regressions are found in about the time foretold, an incident that
//! hits both versions is nobody's fault, and one bad pod is called by its name.

use std::time::Duration;

use serde_json::Value;
use siskin::judge::{Margin, RatioDesign, Traffic, growth, median_seconds};
use siskin_bed::RunningTraffic;

use crate::harness::{Mesh, Shop, alone, elapse, rollout, together};

/// Errors and latency of the applications themselves, by the margins that nobody has to think about.
const BOTH: &str = r#"apiVersion: siskin.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: both}
spec:
  metrics:
  - name: errors
    errorRate:
      requests: sum by (pod) (http_requests_total{namespace="{{ namespace }}", pod_template_hash="{{ revision }}"})
      errors: sum by (pod) (http_requests_total{namespace="{{ namespace }}", pod_template_hash="{{ revision }}", code=~"5.."})
  - name: latency
    latency:
      histogram: sum by (pod, le) (http_request_duration_seconds_bucket{namespace="{{ namespace }}", pod_template_hash="{{ revision }}"})
"#;

/// As a service that has been there for a while: some errors, and answers that take their time.
const USUAL: &str =
    ", {name: ERROR_RATE, value: '0.005'}, {name: LATENCY_MS, value: '20'}, {name: LATENCY_SIGMA, value: '0.6'}";
const MORE_ERRORS: &str =
    ", {name: ERROR_RATE, value: '0.02'}, {name: LATENCY_MS, value: '20'}, {name: LATENCY_SIGMA, value: '0.6'}";
const SLOWER: &str =
    ", {name: ERROR_RATE, value: '0.005'}, {name: LATENCY_MS, value: '30'}, {name: LATENCY_SIGMA, value: '0.6'}";
/// Long steps: the evidence ends them, one way or the other.
const PATIENT: &str = "[{weight: 10, hold: {min: 10m, max: 20m}}, {weight: 50}]";
const RATE: f64 = 200.0;
/// Seconds of traffic before a version is shipped, from which the judge learns what is usual.
const LEARNING: f64 = 40.0;

/// A shop at its usual, with a history, and its customers.
async fn shop(name: &str, template: &str, steps: &str) -> (Shop, RunningTraffic) {
    let manifest = rollout(Mesh::HttpRoute, steps, "{templates: [{name: both}], interval: 2s}", "");
    let shop = Box::pin(Shop::open_serving(Mesh::HttpRoute, name, &manifest, USUAL, &[template])).await;
    let traffic = shop.customers(RATE).await;
    traffic.wait_until("there is a history", |report| report.total() as f64 > RATE * LEARNING).await;
    (shop, traffic)
}

/// Ships a version that is worse, and gives the seconds for which customers met it and what ended that. The run is
/// replayed from what Prometheus keeps, and comes to the same decision at the same look.
async fn found(name: &str, environment: &str) -> (f64, Value) {
    let (shop, traffic) = Box::pin(shop(name, BOTH, PATIENT)).await;
    shop.ship("v2", environment).await;
    shop.weight(10).await;
    let outcome = shop.outcome_within(1, Duration::from_mins(5)).await;
    assert_eq!((&outcome["outcome"], &outcome["reason"]), (&"RolledBack".into(), &"Regression".into()), "{outcome}");
    let report = traffic.stop().await;
    let replay = shop.replays("web-1", 1).await;
    assert_eq!(replay["recorded"]["look"], replay["replayed"]["look"], "{replay:#}");
    let seen = report.first_of("v2").zip(report.last_of("v2")).expect("v2 had traffic");
    (seen.1.duration_since(seen.0).as_secs_f64(), outcome)
}

/// The median of the seconds that the evidence should take, were there nothing but the counts: `canary` and `stable` are
/// shares of the requests that count as bad, and the metric has half of the error probability.
fn foretold(dead_zone: Margin, canary: f64, stable: f64) -> f64 {
    let traffic = Traffic { requests_per_second: RATE, canary_share: 0.1, canary_rate: canary, stable_rate: stable };
    let growth = growth(&RatioDesign::harm(dead_zone, 1.0), &traffic).expect("the regression is outside the dead zone");
    median_seconds(growth.per_second, 0.01 / 2.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_times_the_errors_of_a_service_with_half_a_percent_are_rolled_back() {
    let _turn = alone().await;
    let (seconds, outcome) = found("errors", MORE_ERRORS).await;
    println!(
        "errors x4 at 0.5 %: in front of customers for {seconds:.0} s; foretold: half of the cases within {:.0} s",
        foretold(Margin::ERROR_RATE_DEAD_ZONE, 0.02, 0.005)
    );
    println!("{}", outcome["message"]);
    assert!(outcome["message"].as_str().is_some_and(|message| message.contains("errors")), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_take_half_as_long_again_are_rolled_back() {
    let _turn = alone().await;
    let (seconds, outcome) = found("slower", SLOWER).await;
    // Above 50 ms: 6.3 % of the usual answers, and 19.7 % of those whose median is 30 ms.
    println!(
        "latency +50 %: in front of customers for {seconds:.0} s; foretold: half of the cases within {:.0} s",
        foretold(Margin { ratio: 1.1, absolute: 1e-3 }, 0.197, 0.063)
    );
    println!("{}", outcome["message"]);
    assert!(outcome["message"].as_str().is_some_and(|message| message.contains("latency")), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_hits_both_versions_for_a_minute_is_not_held_against_the_canary() {
    let _turn = alone().await;
    // Margins that a short step can rule out; those for harm are the usual ones.
    let template = BOTH
        .replace("name: errors", "name: errors\n    margin: {exclude: {relative: 1.5, absolute: 0.03}}")
        .replace("name: latency", "name: latency\n    margin: {exclude: {relative: 2, absolute: 0.1}}");
    let steps = "[{weight: 10, hold: {min: 75s, max: 10m}}, {weight: 50, hold: {min: 10s, max: 10m}}]";
    let (shop, traffic) = Box::pin(shop("incident", &template, steps)).await;
    shop.ship("v2", USUAL).await;
    shop.weight(10).await;
    let pods = shop.namespace.pods("app=web").await;
    for pod in &pods {
        shop.namespace.change(pod, "error_rate=0.1&latency_ms=60").await;
    }
    elapse(Duration::from_mins(1)).await;
    for pod in &pods {
        shop.namespace.change(pod, "error_rate=0.005&latency_ms=20").await;
    }
    let failed = traffic.report().failures();
    let outcome = shop.outcome_within(1, Duration::from_mins(8)).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    println!(
        "an incident with {failed} failed requests on both versions, and the canary was promoted: {}",
        outcome["message"]
    );
    assert!(failed > 500, "the incident was none: {failed} failed requests");
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_pod_of_three_is_called_by_its_name() {
    let _turn = together().await;
    // Of four pods 60 % are three.
    let (shop, traffic) = Box::pin(shop("pod", BOTH, "[{weight: 60, hold: {min: 10m, max: 20m}}, {weight: 80}]")).await;
    shop.ship("v2", USUAL).await;
    shop.weight(60).await;
    let pods = shop.namespace.pods("siskin.dev/variant=canary").await;
    assert_eq!(pods.len(), 3, "canary pods");
    let bad = pods[0].metadata.name.clone().unwrap_or_default();
    shop.namespace.change(&pods[0], "error_rate=0.3").await;
    let outcome = shop.outcome_within(1, Duration::from_mins(5)).await;
    println!("{}", outcome["message"]);
    let message = outcome["message"].as_str().unwrap_or_default();
    assert!(message.contains(&bad), "{bad} is not named: {message}");
    traffic.stop().await;
}
