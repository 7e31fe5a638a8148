//! The objects that these tests apply.

use siskin_bed::Namespace;

/// A Deployment of the application `web` called `name`, with environment variables.
pub(crate) fn deployment_with(
    name: &str,
    version: &str,
    replicas: u32,
    environment: &[(&str, &str)],
) -> String {
    let variables: Vec<String> = environment
        .iter()
        .map(|(variable, value)| format!("{{name: {variable}, value: \"{value}\"}}"))
        .collect();
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
      - name: app
        image: siskin.test/app:{version}
        ports: [{{containerPort: 8080}}]
        env: [{}]
---
",
        variables.join(", ")
    )
}

/// A Deployment of the application `web` called `name`.
pub(crate) fn deployment(name: &str, version: &str, replicas: u32) -> String {
    deployment_with(name, version, replicas, &[])
}

/// A Service on port 80.
pub(crate) fn service(name: &str, selector: &str) -> String {
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

/// An `HTTPRoute` called `web` below the shared gateway.
pub(crate) fn gateway_route(host: &str, backends: &[(&str, u32)]) -> String {
    let parent = "{name: shared, namespace: gateway}";
    route(parent, &format!("hostnames: [\"{host}\"]"), backends)
}

/// An `HTTPRoute` called `web` whose parent is the Service `web`.
pub(crate) fn service_route(backends: &[(&str, u32)]) -> String {
    route(
        "{group: \"\", kind: Service, name: web, port: 80}",
        "hostnames: []",
        backends,
    )
}

fn route(parent: &str, hostnames: &str, backends: &[(&str, u32)]) -> String {
    let backends: Vec<String> = backends
        .iter()
        .map(|(name, weight)| format!("{{name: {name}, port: 80, weight: {weight}}}"))
        .collect();
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  parentRefs: [{parent}]
  {hostnames}
  rules: [{{name: main, backendRefs: [{}]}}]
",
        backends.join(", ")
    )
}

/// The server's hash of a Deployment's pod template.
pub(crate) async fn template_hash(namespace: &Namespace, deployment: &str) -> String {
    let path = "jsonpath={.items[0].metadata.labels.pod-template-hash}";
    let label = format!("track={deployment}");
    namespace
        .kubectl(&["get", "pods", "-l", &label, "-o", path])
        .await
}
