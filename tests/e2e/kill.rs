//! A controller that dies at any moment loses nothing and repeats nothing.

use std::{collections::BTreeSet, time::Duration};

use crate::harness::{Mesh, Random, Shop, elapse, together};

const KILLS: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_spread_over_a_run_change_neither_its_outcome_nor_its_weights() {
    let _turn = together().await;
    let steps = "[{weight: 10, hold: {min: 15s}}, {weight: 25, hold: {min: 15s}}, {weight: 50, hold: {min: 15s}}]";
    let mut shop = Shop::open_with(Mesh::HttpRoute, "kill", steps, crate::harness::ANALYSIS, "").await;
    let traffic = shop.customers(150.0).await;
    let weights = shop.watch_route_weights();
    let mut random = Random::new(20);
    shop.ship("v2", "").await;
    let mut counted = 0.0;
    for kill in 1..=KILLS {
        elapse(Duration::from_millis(random.between(200, 4000))).await;
        shop.controller.restart().await;
        let rollout = shop.rollout().await;
        let status = &rollout["status"];
        let requests = status["evidence"][0]["canary"]["requests"].as_f64().unwrap_or(counted);
        assert!(requests >= counted, "kill {kill}: evidence was lost: {requests} requests after {counted}");
        counted = requests;
        println!(
            "kill {kill}: {} step {}, {requests} canary requests counted",
            status["phase"], status["step"]["position"]
        );
    }
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    let rollout = shop.rollout().await;
    assert_eq!(rollout["status"]["runs"], 1, "a restart begins no run");
    let seen = weights.stop();
    assert!(seen.is_subset(&BTreeSet::from([0, 10, 25, 50])), "weights outside the plan: {seen:?}");
    let report = traffic.stop().await;
    println!("{} requests, {} failed, {KILLS} kills", report.total(), report.failures());
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}
