//! The templates that ship, on real traffic, and hard limits.

use serde_json::Value;

use crate::harness::{Mesh, Shop, together};

const PATIENT: &str = "[{weight: 50, hold: {min: 10m, max: 20m}}]";
const SHIPPED: &str =
    "{templates: [{name: http-server}, {name: http-server-latency}, {name: istio}, {name: envoy}], interval: 1s}";
/// Errors and latency, each counted by the application, by Istio's metrics and by Envoy.
const METRICS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_templates_that_ship_count_the_requests_of_both_versions() {
    let _turn = together().await;
    for mesh in [Mesh::HttpRoute, Mesh::VirtualServiceSubsets] {
        let shop = Shop::open_with(mesh, "templates", PATIENT, SHIPPED, "").await;
        let traffic = shop.customers(100.0).await;
        shop.ship("v2", "").await;
        let rollout = shop.until("two hundred requests of each version by each metric", |rollout| {
            let evidence = rollout["status"]["evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
            evidence.len() == METRICS
                && evidence
                    .iter()
                    .all(|metric| counts(metric).is_some_and(|(canary, stable)| canary.min(stable) > 200.0))
        });
        for metric in rollout.await["status"]["evidence"].as_array().expect("evidence") {
            let (canary, stable) = counts(metric).expect("counts");
            println!("{mesh:?}: {}: {canary} and {stable} requests", metric["name"]);
            let share = canary / (canary + stable);
            // Half of the requests, but for the seconds in which one counter was read and the other was not yet.
            assert!((0.3..0.7).contains(&share), "{}: {share}", metric["name"]);
        }
        traffic.stop().await;
    }
}

fn counts(metric: &Value) -> Option<(f64, f64)> {
    // A latency has quantiles where an error rate has counts; both say of how many requests.
    let requests =
        |arm: &str| [&metric[arm], &metric[format!("{arm}Quantiles")]].iter().find_map(|arm| arm["requests"].as_f64());
    Some((requests("canary")?, requests("stable")?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_limit_that_is_broken_at_every_look_rolls_back() {
    let _turn = together().await;
    let shop =
        Shop::open_with(Mesh::HttpRoute, "limit", PATIENT, "{templates: [{name: limit}], interval: 1s}", "").await;
    shop.ship("v2", "").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["reason"], "LimitBroken", "{outcome}");
    assert!(
        outcome["message"].as_str().is_some_and(|message| message.contains("temperature 5 is above 3")),
        "{outcome}"
    );
}
