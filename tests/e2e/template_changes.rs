//! What a team does to its Deployment while a run is on its way.

use crate::harness::{Mesh, Shop, together};

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
