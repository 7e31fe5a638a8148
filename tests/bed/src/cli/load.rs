//! `siskin-bed load`: what the load generator can carry, and what everything costs meanwhile.

use std::time::Duration;

use siskin_bed::{Bed, Traffic};

use super::usage::Usage;

/// Two versions behind one route, 90 to 10.
const APPLICATION: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: \"siskin.test/app:v1\", ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-canary}
spec:
  selector: {matchLabels: {app: web-canary}}
  template:
    metadata: {labels: {app: web-canary}}
    spec: {containers: [{name: app, image: \"siskin.test/app:v2\", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-canary}
spec: {selector: {app: web-canary}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: shared, namespace: gateway}]
  rules:
  - backendRefs: [{name: web, port: 80, weight: 90}, {name: web-canary, port: 80, weight: 10}]
";

pub(super) async fn run(bed: &'static Bed, rate: f64, seconds: u64) -> anyhow::Result<()> {
    let namespace = bed.namespace_called("load").await;
    namespace.apply(APPLICATION).await;
    namespace.deployment_ready("web").await;
    namespace.deployment_ready("web-canary").await;
    namespace.route_accepted("web").await;
    let traffic = Traffic::to(bed.gateway_api()).host(&namespace.host());
    let warm_up = traffic.clone().start();
    warm_up.wait_until("both versions answer", |report| report.by_version().len() == 2).await;
    warm_up.stop().await;

    let before = Usage::now()?;
    let running = traffic.at(rate).start();
    // What is measured is what this time costs.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let report = running.stop().await;
    println!("{report}\n\nprocessor time, percent of one core:");
    for (name, percent) in Usage::now()?.percent_since(&before) {
        println!("{percent:6.1}  {name}");
    }
    Ok(())
}
