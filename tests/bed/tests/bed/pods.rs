//! What the node agent makes of pods.

use std::net::SocketAddr;

use siskin_bed::{Bed, Traffic};

use crate::manifests::{deployment, deployment_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_cannot_start_says_why_and_a_slow_one_becomes_ready_in_its_time() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    let failure = [("START_FAILURE", "ImagePullBackOff: no such tag")];
    namespace
        .apply(&deployment_with("broken", "v1", 1, &failure))
        .await;
    namespace
        .apply(&deployment_with("slow", "v1", 1, &[("READY_AFTER", "2")]))
        .await;
    let slow = namespace.deployment_ready("slow").await;
    assert_eq!(
        slow.status.and_then(|status| status.ready_replicas),
        Some(1)
    );
    let path = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.message}";
    let waiting = namespace
        .kubectl(&["get", "pods", "-l", "track=broken", "-o", path])
        .await;
    assert_eq!(waiting, "no such tag");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_deleted_by_force_breaks_its_connections_at_once() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    // Half a second for each answer: some are always in the middle.
    namespace
        .apply(&deployment_with("web", "v1", 1, &[("LATENCY_MS", "500")]))
        .await;
    namespace.deployment_ready("web").await;
    let path = "jsonpath={.items[0].status.podIP}";
    let address = namespace.kubectl(&["get", "pods", "-o", path]).await;
    let address: SocketAddr = format!("{address}:8080")
        .parse()
        .expect("the pod has an address");
    let traffic = Traffic::to(address).at(50).start();
    traffic
        .wait_until("it answers", |report| report.total() > 20)
        .await;
    namespace
        .kubectl(&["delete", "pods", "--all", "--force", "--grace-period=0"])
        .await;
    traffic
        .wait_until(
            "answers in the middle break and new connections are refused",
            |report| {
                let errors = report.by_error();
                let has = |text: &str| errors.keys().any(|error| error.contains(text));
                has("connection broke") && has("no connection")
            },
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_pods_without_servers_are_ready_within_the_usual_wait() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    let manifest = deployment("many", "v1", 300).replace("siskin.test/app:v1", "siskin.test/pause");
    namespace.apply(&manifest).await;
    namespace.deployment_ready("many").await;
}
