//! The manifests of a shop, as its team would have written them: nothing of Siskin in them but the Rollout.

use siskin_bed::Namespace;

/// By which kind of route the shop's traffic comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mesh {
    /// An HTTPRoute on a gateway.
    HttpRoute,
    /// An HTTPRoute whose parent is the Service (GAMMA), through a client's sidecar.
    Gamma,
    /// A VirtualService that names hosts, on a gateway and on `mesh`.
    VirtualServiceHosts,
    /// A VirtualService that names subsets of a DestinationRule.
    VirtualServiceSubsets,
}

impl Mesh {
    /// The route's kind and API version.
    pub fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::HttpRoute | Self::Gamma => ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            Self::VirtualServiceHosts | Self::VirtualServiceSubsets => ("networking.istio.io/v1", "VirtualService"),
        }
    }
}

/// The Deployment at a version; `environment` is the container's, in YAML flow form.
pub fn deployment(version: &str, replicas: u32, environment: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, labels: {{team: shop}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  strategy: {{rollingUpdate: {{maxSurge: 1, maxUnavailable: 0}}}}
  template:
    metadata: {{labels: {{app: web, tier: front}}}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: app
        image: siskin.test/app:{version}
        ports: [{{containerPort: 8080}}]
        env: [{{name: VERSION, value: {version}}}{environment}]
"
    )
}

/// The Service.
pub fn service() -> &'static str {
    "apiVersion: v1
kind: Service
metadata: {name: web, labels: {team: shop}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
"
}

/// The route (and what it needs), with something of its own that must survive.
pub fn route(mesh: Mesh, namespace: &Namespace) -> String {
    let host = namespace.host();
    match mesh {
        Mesh::HttpRoute => format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  parentRefs: [{{name: shared, namespace: gateway}}]
  hostnames: [{host}]
  rules:
  - name: main
    matches: [{{path: {{type: PathPrefix, value: /}}}}]
    filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-shop, value: open}}]}}}}]
    backendRefs: [{{name: web, port: 80}}]
"
        ),
        Mesh::Gamma => "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{group: '', kind: Service, name: web, port: 80}]
  rules: [{name: main, backendRefs: [{name: web, port: 80}]}]
"
        .to_owned(),
        Mesh::VirtualServiceHosts => format!(
            "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web}}
spec:
  hosts: [{host}, web]
  gateways: [gateway/shared, mesh]
  http:
  - name: main
    headers: {{response: {{set: {{x-shop: open}}}}}}
    route: [{{destination: {{host: web}}}}]
"
        ),
        Mesh::VirtualServiceSubsets => format!(
            "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: web}}
spec:
  host: web
  subsets: [{{name: front, labels: {{tier: front}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web}}
spec:
  hosts: [{host}]
  gateways: [gateway/shared]
  http:
  - name: main
    route: [{{destination: {{host: web, subset: front}}}}]
"
        ),
    }
}

/// The metrics: the app's own counters, with a margin that a short test can rule out.
pub fn template() -> &'static str {
    r#"apiVersion: siskin.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: http}
spec:
  metrics:
  - name: errors
    errorRate:
      requests: sum by (pod) (http_requests_total{namespace="{{ namespace }}", pod_template_hash="{{ revision }}"})
      errors: sum by (pod) (http_requests_total{namespace="{{ namespace }}", pod_template_hash="{{ revision }}", code=~"5.."})
    margin:
      exclude: {relative: 1.5, absolute: 0.03}
"#
}

/// A hard limit that is broken whatever the versions do.
pub fn limit() -> &'static str {
    "apiVersion: siskin.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: limit}
spec: {metrics: [{name: temperature, threshold: {query: vector(5), max: 3}}]}
"
}

/// The Rollout; `steps` and `analysis` in YAML flow form.
pub fn rollout(mesh: Mesh, steps: &str, analysis: &str, more: &str) -> String {
    let (_, kind) = mesh.kind();
    format!(
        "apiVersion: siskin.dev/v1alpha1
kind: Rollout
metadata: {{name: web}}
spec:
  workloadRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  traffic: {{service: web, routes: [{{kind: {kind}, name: web}}]}}
  strategy: {{canary: {{steps: {steps}}}}}
  analysis: {analysis}
{more}"
    )
}
