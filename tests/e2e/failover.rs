//! Two replicas: one leads, the other goes on where it stopped.

use std::time::Duration;

use crate::harness::{Controller, Mesh, Shop, together};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_dies_in_mid_run_the_other_replica_finishes_it() {
    let _turn = together().await;
    let steps = "[{weight: 10, hold: {min: 10s}}, {weight: 50, hold: {min: 5s}}]";
    let shop = Shop::open_with(Mesh::HttpRoute, "failover", steps, crate::harness::ANALYSIS, "").await;
    let traffic = shop.customers(100.0).await;
    let bed = shop.namespace.bed();
    let second = Controller::start(bed, shop.namespace.name(), "two").await;
    shop.ship("v2", "").await;
    shop.weight(10).await;
    assert_eq!(Controller::leader(bed, shop.namespace.name()).await, "one");
    let mark = bed.audit_mark();
    shop.controller.kill();
    let taken = Controller::await_leader(bed, shop.namespace.name(), "two", Duration::from_secs(30)).await;
    println!("the second replica led after {:.1} s", taken.as_secs_f64());

    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    let deleted = bed
        .audit_since(mark)
        .into_iter()
        .filter(|event| {
            event.verb == "delete" && event.namespace == shop.namespace.name() && event.user.contains("siskin")
        })
        .count();
    assert_eq!(deleted, 2, "the canary's Deployment and Service are deleted once each");
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
    drop(second);
}
