//! What a team does to its Deployment while a run is on its way.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use crate::harness::{ANALYSIS, Mesh, STEPS, Shop, together};

/// More of a container's environment: pods that need their time to become ready.
const SLOW: &str = ", {name: READY_AFTER, value: 2s}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_template_takes_the_place_of_the_one_that_is_judged() {
    let _turn = together().await;
    let shop = Shop::open(Mesh::HttpRoute, "supersede").await;
    let traffic = shop.customers(100.0).await;
    shop.ship("v2", "").await;
    shop.weight(10).await;
    shop.ship("v3", "").await;
    let superseded = shop.until("the second run", |rollout| rollout["status"]["runs"] == 2).await;
    assert_eq!(superseded["status"]["outcomes"][0]["outcome"], "Superseded");
    let outcome = shop.outcome(2).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    traffic
        .wait_until("only v3 answers", |report| {
            report.records().iter().rev().take(200).all(|record| record.version.as_deref() == Some("v3"))
        })
        .await;
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
    assert_eq!(shop.leftovers().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_template_in_the_middle_of_the_promotion_finds_one_revision_at_full_size() {
    judged_after_the_others_have_gone("overtaken", "", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_template_in_the_middle_of_the_promotion_is_judged_where_no_policy_holds_it_too() {
    // Pods that have started before the hold can't be prevented. They are the first to go.
    judged_after_the_others_have_gone("overtaken-held", "  hold: Always\n", 50).await;
}

/// Pods take their time, so that `v3` comes when the Deployment has pods of `v1` and of `v2`. `most_early` is how many
/// requests `v3` may answer before its run, at a hundred a second.
async fn judged_after_the_others_have_gone(name: &str, more: &str, most_early: u64) {
    let _turn = together().await;
    let shop = Shop::open_with(Mesh::HttpRoute, name, STEPS, ANALYSIS, more).await;
    let traffic = shop.customers(100.0).await;
    shop.ship("v2", SLOW).await;
    shop.phase("Promoting").await;
    shop.namespace.wait_for::<Deployment>("web", "it has pods of two revisions", two_revisions).await;
    shop.ship("v3", SLOW).await;
    let second = shop.until("the second run", |rollout| rollout["status"]["runs"] == 2).await;
    assert_eq!(second["status"]["outcomes"][0]["outcome"], "Superseded", "{second}");
    let stable = second["status"]["stableRevision"].as_str().expect("a run has a stable revision");
    let set = shop.namespace.object("apps/v1", "ReplicaSet", &format!("web-{stable}")).await;
    assert_eq!((&set["spec"]["replicas"], &set["status"]["availableReplicas"]), (&json!(4), &json!(4)), "{set}");
    let judged = shop.weight(10).await;
    let from: Timestamp =
        judged["status"]["run"]["since"].as_str().and_then(|text| text.parse().ok()).expect("a run has a time");
    traffic.answered_by(&["v3"]).await;
    let before = traffic.report().between(Timestamp::MIN, from);
    let early = before.share_of("v3").hits;
    println!("v3 answered {early} requests before its run had traffic");
    assert!(
        early <= most_early,
        "v3 answered {early} requests before {from}, when its run got traffic, the first at {:?} and the last at {:?}",
        before.first_of("v3"),
        before.last_of("v3"),
    );
    let outcome = shop.outcome(2).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    let report = traffic.stop().await;
    println!("{} requests, {} failed, by version {:?}", report.total(), report.failures(), report.by_version());
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
    shop.phase("Idle").await;
    assert_eq!(shop.leftovers().await, Vec::<String>::new());
}

fn two_revisions(deployment: &Deployment) -> bool {
    let status = deployment.status.as_ref();
    let updated = status.and_then(|status| status.updated_replicas).unwrap_or(0);
    updated > 0 && status.and_then(|status| status.replicas).unwrap_or(0) > updated
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revert_in_mid_run_goes_back_without_blame() {
    let _turn = together().await;
    let shop = Shop::open(Mesh::HttpRoute, "revert").await;
    let before = shop.users_objects().await;
    let traffic = shop.customers(100.0).await;
    shop.ship("v2", "").await;
    shop.weight(10).await;
    shop.ship("v1", "").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Reverted", "{outcome}");
    shop.phase("Idle").await;
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
    assert_eq!(shop.users_objects().await, before);
    assert_eq!(shop.leftovers().await, Vec::<String>::new());
}
