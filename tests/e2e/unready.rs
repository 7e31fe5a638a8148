//! A canary that does not start.

use crate::harness::{Mesh, Shop, together};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_never_gets_ready_has_no_traffic_and_is_rolled_back_with_its_own_reason() {
    let _turn = together().await;
    let shop = Shop::open_with(
        Mesh::HttpRoute,
        "unready",
        crate::harness::STEPS,
        crate::harness::ANALYSIS,
        "  progressDeadline: 15s\n",
    )
    .await;
    let traffic = shop.customers(50.0).await;
    shop.ship("v2", ", {name: START_FAILURE, value: 'CrashLoopBackOff: no database'}").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["reason"], "CanaryNotReady", "{outcome}");
    let message = outcome["message"].as_str().unwrap_or_default();
    assert!(message.contains("CrashLoopBackOff") && message.contains("no database"), "{message}");
    let report = traffic.stop().await;
    assert_eq!(report.by_version().get("v2"), None, "no request may reach a canary that is not ready");
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}
