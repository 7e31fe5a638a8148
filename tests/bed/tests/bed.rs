//! The bed holds what the other tests rely on: real splits, graceful ends, scrapes by template, pinned Services.

use siskin_bed::{Bed, Namespace, Traffic};

/// One version of the application `web`, as a Deployment called `name`.
fn deployment(name: &str, version: &str, replicas: u32) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web, track: {name}}}}}
  template:
    metadata: {{labels: {{app: web, track: {name}}}}}
    spec:
      containers:
      - {{name: app, image: \"siskin.test/app:{version}\", ports: [{{containerPort: 8080}}]}}
---
"
    )
}

fn service(name: &str, selector: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{{selector}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
"
    )
}

fn route(host: &str, backends: &[(&str, u32)]) -> String {
    let backends: Vec<String> =
        backends.iter().map(|(name, weight)| format!("{{name: {name}, port: 80, weight: {weight}}}")).collect();
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  parentRefs: [{{name: shared, namespace: gateway}}]
  hostnames: [\"{host}\"]
  rules: [{{name: main, backendRefs: [{}]}}]
",
        backends.join(", ")
    )
}

/// The hash of the pod template that a Deployment's newest `ReplicaSet` has.
async fn template_hash(namespace: &Namespace, application: &str) -> String {
    let path = "jsonpath={.items[0].metadata.labels.pod-template-hash}";
    namespace.kubectl(&["get", "pods", "-l", &format!("track={application}"), "-o", path]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_of_90_to_10_splits_the_traffic_so_and_prometheus_counts_it_by_template() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace.apply(&(deployment("stable", "v1", 2) + &deployment("canary", "v2", 1))).await;
    namespace.apply(&(service("web", "track: stable") + &service("web-canary", "track: canary"))).await;
    namespace.apply(&route(&namespace.host(), &[("web", 90), ("web-canary", 10)])).await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    namespace.route_accepted("web").await;

    let traffic = Traffic::to(bed.gateway_api()).host(&namespace.host()).at(200).start();
    let report = traffic.wait_until("both versions answer", |report| report.by_version().len() == 2).await;
    let from = report.first_of("v2").expect("v2 has answered");
    traffic.wait_until("2000 requests are done", |report| report.since(from).total() >= 2_000).await;
    let report = traffic.stop().await;

    let share = report.since(from).share_of("v2");
    assert!(share.is_within(0.1, 4.0), "v2 has {share:?} of the requests; {report}");
    assert_eq!(report.since(from).failures(), 0, "{report}");

    let seen = report.by_version();
    for (application, version) in [("stable", "v1"), ("canary", "v2")] {
        let hash = template_hash(&namespace, application).await;
        let query = format!(
            "sum(http_requests_total{{namespace=\"{}\", pod_template_hash=\"{hash}\", code=\"200\"}})",
            namespace.name()
        );
        let expected = seen[version] as f64;
        bed.wait_for_query(&query, "Prometheus has counted what the client saw", |samples| {
            samples.first().is_some_and(|sample| sample.value == expected)
        })
        .await;
    }
    let canary = format!(
        "istio_requests_total{{destination_workload=\"web-canary\", destination_workload_namespace=\"{0}\", \
         destination_service_name=\"web-canary\", destination_service_namespace=\"{0}\", response_code=\"200\", \
         destination_canonical_revision=\"canary\", reporter=\"source\"}}",
        namespace.name()
    );
    bed.wait_for_query(&canary, "the gateway's counters carry Istio's names", |samples| {
        samples.first().is_some_and(|sample| sample.value == seen["v2"] as f64)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_native_rolling_update_with_graceful_ends_fails_no_request() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace.apply(&(deployment("web", "v1", 4) + &service("web", "app: web"))).await;
    namespace.apply(&route(&namespace.host(), &[("web", 1)])).await;
    namespace.deployment_ready("web").await;
    namespace.route_accepted("web").await;
    let traffic = Traffic::to(bed.gateway_api()).host(&namespace.host()).at(200).start();
    let report = traffic.wait_until("v1 answers", |report| report.first_of("v1").is_some()).await;
    let from = report.first_of("v1").expect("v1 has answered");

    namespace.apply(&deployment("web", "v2", 4)).await;
    namespace.deployment_ready("web").await;
    traffic
        .wait_until("v1 has ended", |report| {
            let last = report.records().len().saturating_sub(1_000);
            report.total() > 1_000
                && report.records()[last..].iter().all(|record| record.version.as_deref() == Some("v2"))
        })
        .await;
    let report = traffic.stop().await.since(from);
    assert_eq!(report.failures(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_pinned_to_the_stable_hash_keeps_the_canary_out_until_it_is_unpinned() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace.apply(&(deployment("stable", "v1", 1) + &deployment("canary", "v2", 1))).await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    let hash = template_hash(&namespace, "stable").await;
    namespace.apply(&service("web", &format!("app: web, pod-template-hash: \"{hash}\""))).await;

    // East-west: the client's sidecar calls the Service by its name.
    let traffic = Traffic::to(bed.mesh_client()).host(&namespace.service_host("web")).at(100).start();
    let report = traffic.wait_until("v1 answers", |report| report.first_of("v1").is_some()).await;
    let from = report.first_of("v1").expect("v1 has answered");
    let report =
        traffic.wait_until("500 requests are done", |report| report.since(from).total() >= 500).await.since(from);
    assert_eq!(report.share_of("v1").share(), 1.0, "{report}");
    assert_eq!(report.failures(), 0, "{report}");

    namespace.apply(&service("web", "app: web")).await;
    traffic.wait_until("v2 answers too", |report| report.first_of("v2").is_some()).await;
    assert_eq!(traffic.stop().await.since(from).failures(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_tells_who_asked_what_and_a_service_account_has_only_its_own_rights() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    let mark = bed.audit_mark();
    namespace.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}").await;
    let kubeconfig = bed.kubeconfig_for(namespace.name(), "reader").await;
    let config = kubeconfig.to_str().expect("the path is UTF-8");
    let output = bed.try_kubectl(&["--kubeconfig", config, "get", "pods", "-n", namespace.name()], None).await;
    assert!(!output.success && output.stderr.contains("forbidden"), "{output:?}");

    let user = format!("system:serviceaccount:{}:reader", namespace.name());
    let events = bed.audit_since(mark);
    assert!(events.iter().any(|event| event.user == user && event.resource == "pods" && event.code == 403));
    assert!(
        events.iter().any(|event| event.is_write() && event.resource == "serviceaccounts" && event.name == "reader")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_cannot_start_says_why_and_a_slow_one_becomes_ready_in_its_time() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    let failing = deployment("broken", "v1", 1)
        .replace("ports:", "env: [{name: START_FAILURE, value: \"ImagePullBackOff: no such tag\"}], ports:");
    let slow = deployment("slow", "v1", 1).replace("ports:", "env: [{name: READY_AFTER, value: \"2\"}], ports:");
    namespace.apply(&(failing + &slow)).await;
    let slow = namespace.deployment_ready("slow").await;
    assert_eq!(slow.status.and_then(|status| status.ready_replicas), Some(1));
    let path = "jsonpath={.items[*].status.containerStatuses[*].state.waiting.message}";
    let waiting = namespace.kubectl(&["get", "pods", "-l", "track=broken", "-o", path]).await;
    assert_eq!(waiting, "no such tag");
}
