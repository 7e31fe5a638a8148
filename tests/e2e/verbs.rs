//! What people say by the command line: done once where it makes sense, answered with a sentence where it does not.

use crate::harness::{Mesh, Shop, together};

const PATIENT: &str = "[{weight: 10, hold: {min: 10m, max: 20m}}, {weight: 50, hold: {min: 10m, max: 20m}}]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verbs_work_where_they_make_sense_and_are_answered_where_they_do_not() {
    let _turn = together().await;
    let shop = Shop::open_with(Mesh::HttpRoute, "verbs", PATIENT, crate::harness::ANALYSIS, "").await;
    let traffic = shop.customers(50.0).await;
    for verb in ["pause", "resume", "promote", "abort", "retry", "skip"] {
        let (code, said) = shop.siskin(&[verb, "rollout/web"]).await;
        assert_eq!(code, 1, "{verb} at rest: {said}");
        assert!(said.contains("idle"), "{verb} at rest: {said}");
    }

    shop.ship("v2", "").await;
    shop.weight(10).await;
    shop.says(&["pause", "rollout/web"], "paused").await;
    shop.phase("Paused").await;
    shop.refuses(&["pause", "rollout/web"], "already").await;
    shop.says(&["resume", "rollout/web"], "resumed").await;
    shop.phase("Progressing").await;
    shop.refuses(&["resume", "rollout/web"], "only a paused run").await;
    shop.refuses(&["retry", "rollout/web"], "only a rolled back version").await;
    shop.says(&["promote", "rollout/web"], "step 1").await;
    shop.weight(50).await;
    shop.says(&["abort", "rollout/web"], "back on the stable version").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["reason"], "Aborted", "{outcome}");
    let rollout = shop.phase("RolledBack").await;
    let last = &rollout["status"]["lastVerb"]["request"];
    assert!(
        last["by"].as_str().is_some_and(|by| !by.is_empty()) && last["at"].is_string(),
        "who asked when is kept: {last}"
    );

    shop.refuses(&["promote", "rollout/web"], "rolled back").await;
    shop.says(&["retry", "rollout/web"], "starts again").await;
    shop.weight(10).await;
    shop.says(&["promote", "rollout/web", "--full"], "rolls out").await;
    let outcome = shop.outcome(2).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");

    shop.ship("v3", "").await;
    shop.weight(10).await;
    shop.says(&["skip", "rollout/web"], "without being judged").await;
    let outcome = shop.outcome(3).await;
    assert_eq!(outcome["reason"], "Skipped", "{outcome}");
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}
