//! East-west: a client's sidecar calls Services by their names.

use siskin_bed::{Bed, Traffic};

use crate::manifests::{deployment, service, service_route, template_hash};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_pinned_to_the_stable_hash_keeps_the_canary_out_until_it_is_unpinned() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace
        .apply(&(deployment("stable", "v1", 1) + &deployment("canary", "v2", 1)))
        .await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    let hash = template_hash(&namespace, "stable").await;
    namespace
        .apply(&service(
            "web",
            &format!("app: web, pod-template-hash: \"{hash}\""),
        ))
        .await;

    let host = namespace.service_host("web");
    let traffic = Traffic::to(bed.mesh_client()).host(&host).at(100).start();
    let from = traffic.answered_by(&["v1"]).await;
    let report = traffic
        .wait_until("500 requests are done", |report| {
            report.since(from).total() >= 500
        })
        .await
        .since(from);
    assert_eq!(report.share_of("v1").hits, report.total(), "{report}");

    // Forced server-side apply by the same owner takes the hash out of the selector.
    namespace.apply(&service("web", "app: web")).await;
    traffic
        .wait_until("v2 answers too", |report| report.first_of("v2").is_some())
        .await;
    let report = traffic.stop().await.since(from);
    assert_eq!(report.failures(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_whose_parent_is_the_service_splits_the_traffic_of_its_callers() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace
        .apply(&(deployment("stable", "v1", 1) + &deployment("canary", "v2", 1)))
        .await;
    namespace
        .apply(&(service("web", "track: stable") + &service("web-canary", "track: canary")))
        .await;
    namespace
        .apply(&service_route(&[("web", 70), ("web-canary", 30)]))
        .await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    namespace.route_accepted("web").await;

    let host = namespace.service_host("web");
    let traffic = Traffic::to(bed.mesh_client()).host(&host).at(200).start();
    let from = traffic.answered_by(&["v1", "v2"]).await;
    traffic
        .wait_until("1000 requests are done", |report| {
            report.since(from).total() >= 1_000
        })
        .await;
    let report = traffic.stop().await.since(from);
    let share = report.share_of("v2");
    assert!(
        share.is_within(0.3, 4.0),
        "v2 has {share:?} of the requests; {report}"
    );
    assert_eq!(report.failures(), 0, "{report}");
}
