//! A version that fails users is taken away from them.

use crate::harness::{Mesh, Shop, alone};

const FAULTY: &str = ", {name: ERROR_RATE, value: '0.2'}";
const RUNS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_percent_errors_are_taken_away_within_seconds_and_the_deployment_stays_held() {
    let _turn = alone().await;
    let steps = "[{weight: 10, hold: {min: 60s}}, {weight: 50, hold: {min: 60s}}]";
    let shop = Shop::open_with(Mesh::HttpRoute, "rollback", steps, "{templates: [{name: http}]}", "").await;
    let traffic = shop.customers(100.0).await;
    let mark = shop.namespace.bed().audit_mark();
    let mut exposures = Vec::new();
    for run in 1..=RUNS {
        let version = format!("bad{run}");
        shop.ship(&version, FAULTY).await;
        let outcome = shop.outcome(run).await;
        assert_eq!(outcome["outcome"], "RolledBack", "{outcome}");
        assert_eq!(outcome["reason"], "Regression", "{outcome}");
        let report = traffic.report();
        let (first, last) =
            (report.first_of(&version).expect("it had traffic"), report.last_of(&version).expect("it had traffic"));
        let failed = report.failed().iter().filter(|record| record.version.as_deref() == Some(&version)).count();
        exposures.push((last.duration_since(first).as_secs_f64(), failed));
    }
    println!("exposure in seconds and failed requests, {RUNS} runs: {exposures:?}");
    exposures.sort_by(|one, other| one.0.total_cmp(&other.0));
    let median = exposures[exposures.len() / 2].0;
    println!("median exposure {median:.1} s");
    assert!(median <= 10.0, "the median exposure is {median:.1} s: {exposures:?}");

    let patches = shop.patches_of_routes(mark);
    assert_eq!(patches as u64, 2 * RUNS, "a raise is one patch a route, and so is an abort");

    shop.phase("RolledBack").await;
    let held = shop.namespace.object("apps/v1", "Deployment", "web").await;
    assert_eq!(held["spec"]["paused"], true, "a rolled back Deployment stays held");

    shop.ship("v1", "").await;
    shop.phase("Idle").await;
    let free = shop.namespace.object("apps/v1", "Deployment", "web").await;
    assert_eq!(free["spec"].get("paused"), None, "a revert ends the hold");

    shop.ship("v3", "").await;
    let started = shop.until("a new run for the fixed template", |rollout| rollout["status"]["runs"] == RUNS + 1).await;
    assert_ne!(started["status"]["phase"], "RolledBack");
    traffic.stop().await;
}
