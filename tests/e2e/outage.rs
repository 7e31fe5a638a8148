//! What cannot be seen is not decided.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Mesh, Shop, alone, elapse, together};

/// No traffic is said after 90 s at the soonest, since Prometheus may scrape only now and then; `after` counts from there.
const SILENCE: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_is_done_within_a_second_while_prometheus_hangs() {
    let _turn = alone().await;
    let steps = "[{weight: 10, hold: {min: 10m, max: 20m}}, {weight: 50}]";
    let shop =
        Shop::open_with(Mesh::HttpRoute, "hanging", steps, "{templates: [{name: http}], interval: 1s}", "").await;
    let traffic = shop.customers(50.0).await;
    shop.ship("v2", "").await;
    shop.weight(10).await;

    let bed = shop.namespace.bed();
    bed.stop_prometheus().await;
    let address = bed.prometheus_url().trim_start_matches("http://").trim_end_matches('/');
    let hanging = TcpListener::bind(address).await.expect("the port of Prometheus is free");
    let mut asked: Vec<TcpStream> = Vec::new();
    // Whoever is accepted waits for an answer that never comes.
    asked.push(hanging.accept().await.expect("the controller asks").0);
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = hanging.accept().await {
            asked.push(stream);
        }
    });
    shop.says(&["abort", "rollout/web"], "back on the stable version").await;
    let outcome = shop.outcome(1).await;
    let request = shop.rollout().await["status"]["lastVerb"]["request"].clone();
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok()).expect("a time");
    let took = time(&outcome["at"]).duration_since(time(&request["at"]));
    accepting.abort();
    let _ = accepting.await;
    bed.start_prometheus().await;
    assert_eq!(outcome["reason"], "Aborted", "{outcome}");
    assert!(took < SignedDuration::from_secs(1), "from the request to the decision: {took:#}");
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_prometheus_holds_the_step_and_then_the_run_goes_on() {
    let _turn = alone().await;
    let steps = "[{weight: 10, hold: {min: 20s}}, {weight: 50, hold: {min: 5s}}]";
    let shop = Shop::open_with(Mesh::HttpRoute, "outage", steps, "{templates: [{name: http}], interval: 2s}", "").await;
    let traffic = shop.customers(100.0).await;
    shop.ship("v2", "").await;
    shop.weight(10).await;

    let bed = shop.namespace.bed();
    bed.stop_prometheus().await;
    let blind = shop
        .until("the reason of the hold", |rollout| rollout["status"]["run"]["blind"]["reason"] == "PrometheusDown")
        .await;
    let message = blind["status"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("holding"), "{message}");
    elapse(Duration::from_mins(1)).await;
    let during = shop.rollout().await;
    assert_eq!(during["status"]["phase"], "Progressing");
    assert_eq!(during["status"]["weight"]["applied"], 10, "an outage moves no weight");
    assert_eq!(during["status"]["step"]["index"], 0);
    bed.start_prometheus().await;

    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_traffic_nothing_is_decided_until_on_no_data_says_pause() {
    let _turn = together().await;
    let analysis = "{templates: [{name: http}], interval: 1s, onNoData: {after: 15s, action: Pause}}";
    let shop = Shop::open_with(Mesh::HttpRoute, "silence", crate::harness::STEPS, analysis, "").await;
    shop.ship("v2", "").await;
    let paused = shop.phase_within("Paused", SILENCE).await;
    assert_eq!(paused["status"]["run"]["pause"]["reason"], "NoData");
    assert_eq!(paused["status"]["step"]["index"], 0);
    assert_eq!(paused["status"].get("outcomes"), None, "nothing was decided");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_traffic_on_no_data_may_roll_back() {
    let _turn = together().await;
    let analysis = "{templates: [{name: http}], interval: 1s, onNoData: {after: 15s, action: Rollback}}";
    let shop = Shop::open_with(Mesh::HttpRoute, "silence", crate::harness::STEPS, analysis, "").await;
    shop.ship("v2", "").await;
    let outcome = shop.outcome_within(1, SILENCE).await;
    assert_eq!(outcome["reason"], "NoData", "{outcome}");
}
