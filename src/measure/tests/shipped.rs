//! The templates in `analysis-templates/`: they can be filled in with nothing but their defaults, and come to the
//! queries that they mean.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use super::{
    super::{Counters, MetricTemplate, PerArm, Queries},
    arms,
};
use crate::api::{AnalysisTemplateSpec, Metric};

#[derive(Deserialize)]
struct File {
    kind: String,
    spec: AnalysisTemplateSpec,
}

/// Fills the only metric of a template in; gives each query on one line.
fn render(name: &str, subsets: [&str; 2]) -> PerArm<Counters<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("analysis-templates").join(name);
    let file: File = serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(file.kind, "ClusterAnalysisTemplate");
    let [metric] = <[Metric; 1]>::try_from(file.spec.metrics).ok().unwrap();
    let metric = MetricTemplate::of(metric.name.clone(), &metric).unwrap();
    let arguments: BTreeMap<_, _> = file.spec.args.into_iter().map(|arg| (arg.name, arg.value.unwrap())).collect();
    metric.check(&arguments.keys().cloned().collect()).unwrap();

    let mut arms = arms();
    [arms.stable.subset, arms.canary.subset] = subsets.map(Into::into);
    let Queries::Counters(PerArm { stable, canary }) = metric.render(&arms, &arguments).unwrap().queries else {
        panic!("{} is not an error rate", metric.name)
    };
    let line = |query: String| query.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = |Counters { requests, events }| Counters { requests: line(requests), events: line(events) };
    PerArm { stable: lines(stable), canary: lines(canary) }
}

#[test]
fn istio_counts_by_destination_workload_at_the_source() {
    let PerArm { stable, canary } = render("istio.yaml", ["", ""]);
    let requests = |workload| {
        format!(
            r#"sum by (pod, instance) (istio_requests_total{{ reporter="source", destination_workload_namespace="shop", destination_workload="{workload}" }})"#
        )
    };
    let errors = |workload| requests(workload).replace(" })", r#", response_code=~"5.." })"#);
    assert_eq!(stable, Counters { requests: requests("web"), events: errors("web") });
    assert_eq!(canary, Counters { requests: requests("web-canary"), events: errors("web-canary") });
}

#[test]
fn envoy_counts_by_cluster_name() {
    let PerArm { stable, canary } = render("envoy.yaml", ["", ""]);
    let pattern = r#"cluster_name=~"outbound\\|[0-9]+\\|\\|web\\.shop\\.svc\\.cluster\\.local""#;
    assert_eq!(stable.requests, format!("sum by (pod, instance) (envoy_cluster_upstream_rq{{ {pattern} }})"));
    assert_eq!(
        stable.events,
        format!(r#"sum by (pod, instance) (envoy_cluster_upstream_rq{{ {pattern}, response_code=~"5.." }})"#)
    );
    assert!(canary.requests.contains(r"\\|web-canary\\.shop\\.svc\\.cluster\\.local"), "{}", canary.requests);

    let PerArm { stable, canary } = render("envoy.yaml", ["v1", "siskin-canary"]);
    assert!(stable.events.contains(r"outbound\\|[0-9]+\\|v1\\|web"), "{}", stable.events);
    assert!(canary.events.contains(r"outbound\\|[0-9]+\\|siskin-canary\\|web"), "{}", canary.events);
}

#[test]
fn http_server_counts_by_pod_template_hash() {
    let PerArm { stable, canary } = render("http-server.yaml", ["", ""]);
    let requests = |revision| {
        format!(
            r#"sum by (pod, instance) ({{ __name__="http_requests_total", namespace="shop", pod_template_hash="{revision}" }})"#
        )
    };
    let errors = |revision| requests(revision).replace(" })", r#", code=~"5.." })"#);
    assert_eq!(stable, Counters { requests: requests("7d4b9"), events: errors("7d4b9") });
    assert_eq!(canary, Counters { requests: requests("5c8f6"), events: errors("5c8f6") });
}
