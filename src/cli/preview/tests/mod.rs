//! What a preview shows and refuses: the same as the controller does.

mod decisions;
mod properties;

use std::fmt::Write;

use serde_json::Value;

use super::{
    documents::Documents,
    edit::{Edit, Edits, edits},
};

const ROLLOUT: &str = "
apiVersion: siskin.dev/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  traffic: {service: web, routes: [{kind: VirtualService, name: web}]}
  strategy: {canary: {steps: [{weight: 5}, {weight: 25}]}}
";

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: '1'}}
    spec: {containers: [{name: app, image: registry.example/web:1}]}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web, helm.sh/chart: web-1}, annotations: {prometheus.io/scrape: 'true'}}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
";

/// A VirtualService of namespace shop.
fn virtual_service(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
    )
}

/// A DestinationRule for the Service.
fn destination_rule(namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {spec}\n"
    )
}

/// The preview of these manifests with the canary at 5 %.
fn preview(manifests: &[&str]) -> Result<Edits, String> {
    let documents = manifests.iter().map(|manifest| serde_saphyr::from_str(manifest).unwrap()).collect();
    edits(&Documents::of_values(documents), 5).map_err(|failure| failure.to_string())
}

/// The object of this kind and name as it would be.
#[track_caller]
fn after(edits: &Edits, kind: &str, name: &str) -> Value {
    let titles: Vec<&str> = edits.edits.iter().map(|edit| edit.title.as_str()).collect();
    let wanted = |edit: &&Edit| edit.after["kind"] == kind && edit.after["metadata"]["name"] == name;
    let found = edits.edits.iter().find(wanted);
    found.unwrap_or_else(|| panic!("{kind} {name} is not shown: {titles:?}")).after.clone()
}

/// The titles of all edits, one a line.
fn titles(edits: &Edits) -> String {
    edits.edits.iter().fold(String::new(), |mut text, edit| {
        let _ = writeln!(text, "{}", edit.title);
        text
    })
}
