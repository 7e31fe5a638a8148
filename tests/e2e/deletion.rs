//! A Rollout that is deleted leaves everything as it was, and releases nothing that was not judged.

use k8s_openapi::api::apps::v1::Deployment;

use crate::harness::{Mesh, Shop, together};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_deleted_in_mid_run_leaves_the_unjudged_version_paused_and_says_why() {
    let _turn = together().await;
    for mesh in [Mesh::HttpRoute, Mesh::VirtualServiceSubsets] {
        let shop = Shop::open(mesh, "deletion").await;
        let before = shop.users_objects().await;
        let traffic = shop.customers(100.0).await;
        shop.ship("v2", "").await;
        shop.weight(10).await;
        shop.namespace.kubectl(&["delete", "rollout", "web", "--wait=true", "--timeout=120s"]).await;

        let kept = shop.namespace.get::<Deployment>("web").await;
        assert_eq!(kept.spec.and_then(|spec| spec.paused), Some(true), "the unjudged version is not released");
        let annotations = kept.metadata.annotations.unwrap_or_default();
        let because = annotations.get("siskin.dev/held-because").cloned().unwrap_or_default();
        assert!(because.contains("kubectl rollout resume deployment/web"), "{because}");
        assert!(!kept.metadata.labels.unwrap_or_default().contains_key("siskin.dev/managed"));
        let events =
            shop.namespace.kubectl(&["get", "events.events.k8s.io", "-o", "jsonpath={.items[*].reason}"]).await;
        assert!(events.contains("WorkloadStaysPaused"), "{events}");

        let canaries = traffic.report().by_version().get("v2").copied();
        traffic
            .wait_until("v1 answered two hundred more", |report| {
                report.records().iter().rev().take(200).all(|record| record.version.as_deref() == Some("v1"))
            })
            .await;
        let report = traffic.stop().await;
        println!("{mesh:?}: {canaries:?} requests had reached the canary, {} failed", report.failures());
        assert_eq!(report.failures(), 0, "{:?}", report.failed());
        assert_eq!(shop.leftovers().await, Vec::<String>::new());
        for (was, is) in before.iter().zip(shop.users_objects().await) {
            if was.0 != "Deployment" {
                assert_eq!(*was, is);
            }
        }
        // A person goes on as the annotation says.
        shop.namespace.kubectl(&["rollout", "resume", "deployment/web"]).await;
        shop.namespace.deployment_ready("web").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_rollout_that_is_deleted_leaves_no_trace() {
    let _turn = together().await;
    let shop = Shop::open(Mesh::HttpRoute, "idle-deletion").await;
    let before = shop.users_objects().await;
    shop.namespace.kubectl(&["delete", "rollout", "web", "--wait=true", "--timeout=60s"]).await;
    assert_eq!(shop.users_objects().await, before);
    let left = shop.namespace.get::<Deployment>("web").await;
    assert!(!left.metadata.labels.unwrap_or_default().contains_key("siskin.dev/managed"));
}
