//! North-south: through the shared gateway.

use siskin_bed::{Bed, Sample, Traffic};

use crate::manifests::{deployment, gateway_route, service, template_hash};

/// Whether the only series of an answer has this count.
fn is_count(samples: &[Sample], expected: u64) -> bool {
    samples.len() == 1 && (samples[0].value - expected as f64).abs() < 0.5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_of_90_to_10_splits_the_traffic_so_and_prometheus_counts_it_by_template() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace
        .apply(&(deployment("stable", "v1", 2) + &deployment("canary", "v2", 1)))
        .await;
    namespace
        .apply(&(service("web", "track: stable") + &service("web-canary", "track: canary")))
        .await;
    namespace
        .apply(&gateway_route(
            &namespace.host(),
            &[("web", 90), ("web-canary", 10)],
        ))
        .await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    namespace.route_accepted("web").await;

    let traffic = Traffic::to(bed.gateway_api())
        .host(&namespace.host())
        .at(200)
        .start();
    let from = traffic.answered_by(&["v1", "v2"]).await;
    traffic
        .wait_until("2000 requests are done", |report| {
            report.since(from).total() >= 2_000
        })
        .await;
    let report = traffic.stop().await;

    let share = report.since(from).share_of("v2");
    assert!(
        share.is_within(0.1, 4.0),
        "v2 has {share:?} of the requests; {report}"
    );
    assert_eq!(report.since(from).failures(), 0, "{report}");

    let seen = report.by_version();
    for (deployment, version) in [("stable", "v1"), ("canary", "v2")] {
        let hash = template_hash(&namespace, deployment).await;
        let query = format!(
            "sum(http_requests_total{{namespace=\"{}\", pod_template_hash=\"{hash}\", code=\"200\"}})",
            namespace.name()
        );
        let what = "Prometheus has counted what the client saw";
        bed.wait_for_query(&query, what, |samples| is_count(samples, seen[version]))
            .await;
    }
    let query = format!(
        "istio_requests_total{{destination_workload=\"web-canary\", destination_workload_namespace=\"{0}\", \
         destination_service_name=\"web-canary\", destination_service_namespace=\"{0}\", \
         destination_canonical_revision=\"canary\", response_code=\"200\", reporter=\"source\"}}",
        namespace.name()
    );
    let what = "the gateway's counters carry Istio's names";
    bed.wait_for_query(&query, what, |samples| is_count(samples, seen["v2"]))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subsets_of_a_virtual_service_split_the_traffic_and_are_told_apart_in_the_metrics() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace
        .apply(&(deployment("stable", "v1", 1) + &deployment("canary", "v2", 1)))
        .await;
    namespace.apply(&service("web", "app: web")).await;
    namespace.deployment_ready("stable").await;
    namespace.deployment_ready("canary").await;
    let subsets = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  subsets: [{name: siskin-stable, labels: {track: stable}}, {name: siskin-canary, labels: {track: canary}}]
";
    namespace.apply(subsets).await;
    let host = namespace.host();
    let route = format!(
        "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web}}
spec:
  hosts: [\"{host}\"]
  gateways: [gateway/shared]
  http:
  - route:
    - {{destination: {{host: web, subset: siskin-stable}}, weight: 80}}
    - {{destination: {{host: web, subset: siskin-canary}}, weight: 20}}
"
    );
    namespace.apply(&route).await;
    let traffic = Traffic::to(bed.istio_gateway()).host(&host).at(200).start();
    let from = traffic.answered_by(&["v1", "v2"]).await;
    traffic
        .wait_until("1000 requests are done", |report| {
            report.since(from).total() >= 1_000
        })
        .await;
    let report = traffic.stop().await;
    let share = report.since(from).share_of("v2");
    assert!(
        share.is_within(0.2, 4.0),
        "v2 has {share:?} of the requests; {report}"
    );

    let seen = report.by_version();
    for (workload, version) in [("web", "v1"), ("web-canary", "v2")] {
        let query = format!(
            "istio_requests_total{{destination_workload=\"{workload}\", destination_service_name=\"web\", \
             destination_service_namespace=\"{}\", response_code=\"200\"}}",
            namespace.name()
        );
        let what = "the subset's counter is the workload's";
        bed.wait_for_query(&query, what, |samples| is_count(samples, seen[version]))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_native_rolling_update_with_graceful_ends_fails_no_request() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    namespace
        .apply(&(deployment("web", "v1", 4) + &service("web", "app: web")))
        .await;
    namespace
        .apply(&gateway_route(&namespace.host(), &[("web", 1)]))
        .await;
    namespace.deployment_ready("web").await;
    namespace.route_accepted("web").await;
    let traffic = Traffic::to(bed.gateway_api())
        .host(&namespace.host())
        .at(200)
        .start();
    let from = traffic.answered_by(&["v1"]).await;

    namespace.apply(&deployment("web", "v2", 4)).await;
    namespace.deployment_ready("web").await;
    // Longer than the drain of the last old pod.
    traffic
        .wait_until("1000 requests in a row are answered by v2", |report| {
            let tail = report.total().saturating_sub(1_000);
            report
                .records()
                .iter()
                .skip(usize::try_from(tail).unwrap_or(0))
                .all(|record| record.version.as_deref() == Some("v2"))
        })
        .await;
    let report = traffic.stop().await.since(from);
    assert_eq!(report.failures(), 0, "{report}");
}
