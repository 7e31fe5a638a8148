//! Prometheus, which finds its targets through the API server and looks at them every second.

use std::process::Command;

use serde_json::{Value, json};

use super::api_server;
use crate::envoy::ADMIN_PORT;
use crate::node::{APPLICATION_IMAGE, ENVOY_IMAGE};
use crate::process::Server;
use crate::run_directory::RunDirectory;
use crate::tools::Tools;

/// Where it answers.
pub(crate) const URL: &str = "http://127.0.0.1:19090";

/// Writes the configuration and starts it; data of an earlier start in the same run is kept.
pub(crate) async fn start(
    tools: &Tools,
    run: &RunDirectory,
    http: &reqwest::Client,
) -> anyhow::Result<Server> {
    let rules = run.write("prometheus-rules.yaml", recording_rules().to_string())?;
    let configuration = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [rules],
        "scrape_configs": [pods(), envoys()],
    });
    let configuration = run.write("prometheus.yaml", configuration.to_string())?;
    let mut command = Command::new(tools.path("prometheus"));
    command
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            run.file("prometheus").display()
        ))
        .arg(format!(
            "--web.listen-address={}",
            URL.trim_start_matches("http://")
        ))
        .args([
            "--web.enable-remote-write-receiver",
            "--storage.tsdb.retention.time=1d",
            "--log.level=warn",
        ]);
    let server = Server::start("prometheus", command, &run.logs())?;
    let readiness = format!("{URL}/-/ready");
    server
        .ready(super::START_LIMIT, || super::answers(http, &readiness))
        .await?;
    Ok(server)
}

/// The applications' own counters, by pod and by the hash of the template that the pod comes from.
fn pods() -> Value {
    json!({
        "job_name": "pods",
        "kubernetes_sd_configs": [discovery()],
        "relabel_configs": [
            keep("__meta_kubernetes_pod_container_image", &format!("{}.*", APPLICATION_IMAGE.replace('.', "\\."))),
            keep("__meta_kubernetes_pod_phase", "Running"),
            copy("__meta_kubernetes_namespace", "namespace"),
            copy("__meta_kubernetes_pod_name", "pod"),
            copy("__meta_kubernetes_pod_label_pod_template_hash", "pod_template_hash"),
        ],
    })
}

/// What the gateway's and the client's Envoy count for each cluster.
fn envoys() -> Value {
    json!({
        "job_name": "envoy",
        "metrics_path": "/stats/prometheus",
        "kubernetes_sd_configs": [discovery()],
        "relabel_configs": [
            keep("__meta_kubernetes_pod_container_image", &format!("{}.*", ENVOY_IMAGE.replace('.', "\\."))),
            copy("__meta_kubernetes_namespace", "namespace"),
            copy("__meta_kubernetes_pod_name", "pod"),
            copy("__meta_kubernetes_pod_label_app", "app"),
            json!({
                "source_labels": ["__meta_kubernetes_pod_ip"], "regex": "(.+)",
                "replacement": format!("${{1}}:{ADMIN_PORT}"), "target_label": "__address__",
            }),
        ],
        "metric_relabel_configs": [
            keep("__name__", "envoy_cluster_upstream_rq(_time_bucket|_time_sum|_time_count|_completed)?"),
        ],
    })
}

fn discovery() -> Value {
    json!({
        "role": "pod",
        "api_server": api_server::URL,
        "tls_config": {"insecure_skip_verify": true},
        "authorization": {"credentials": api_server::ADMIN_TOKEN},
    })
}

fn keep(label: &str, regex: &str) -> Value {
    json!({"source_labels": [label], "regex": regex, "action": "keep"})
}

fn copy(from: &str, to: &str) -> Value {
    json!({"source_labels": [from], "target_label": to})
}

/// Istio's standard metrics, out of Envoy's own counters.
///
/// `istio_requests_total` and `istio_request_duration_milliseconds` come from a filter that only Istio's build of Envoy
/// has. These rules stand in for it, seen from the client's side (`reporter="source"`): istiod names clusters
/// `outbound|PORT|SUBSET|SERVICE.NAMESPACE.svc.cluster.local`, and the workload is called like its Service. A subset
/// whose name ends in `canary` is the workload `SERVICE-canary`. Nothing is summed: one series for each proxy and
/// cluster, as the real filter has, so that an ended series never looks like a counter that went back.
fn recording_rules() -> Value {
    let requests =
        "envoy_cluster_upstream_rq{cluster_name=~\"outbound\\\\|.*\", response_code!=\"\"}";
    let buckets = "envoy_cluster_upstream_rq_time_bucket{cluster_name=~\"outbound\\\\|.*\"}";
    json!({"groups": [{"name": "istio", "interval": "1s", "rules": [
        {"record": "istio_requests_total", "labels": {"reporter": "source"}, "expr": with_istio_labels(requests)},
        {"record": "istio_request_duration_milliseconds_bucket", "labels": {"reporter": "source"},
         "expr": with_istio_labels(buckets)},
    ]}]})
}

/// Adds the destination's labels, each read from the cluster's name.
fn with_istio_labels(series: &str) -> String {
    let subset_of_canary = "outbound[|][0-9]+[|][^|]*canary[|]([^.]+)[.].*";
    let service = "outbound[|][0-9]+[|][^|]*[|]([^.]+)[.].*";
    let namespace = "outbound[|][0-9]+[|][^|]*[|][^.]+[.]([^.]+)[.].*";
    let canary_either_way = "outbound[|][0-9]+[|]([^|]*canary[|].*|[^|]*[|][^.]+-canary[.].*)";
    // A later label replaces an earlier one only where its expression matches.
    let labels = [
        ("destination_service_name", "$1", service),
        ("destination_service_namespace", "$1", namespace),
        ("destination_workload_namespace", "$1", namespace),
        ("destination_workload", "$1", service),
        ("destination_workload", "$1-canary", subset_of_canary),
        ("destination_canonical_revision", "stable", ".*"),
        (
            "destination_canonical_revision",
            "canary",
            canary_either_way,
        ),
    ];
    labels
        .iter()
        .fold(series.to_owned(), |inner, (label, value, regex)| {
            format!(
                "label_replace({inner}, \"{label}\", \"{value}\", \"cluster_name\", \"{regex}\")"
            )
        })
}
