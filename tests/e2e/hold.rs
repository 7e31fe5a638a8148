//! The hold of the chart's admission policy: a changed template is held in the very write that changes it, and nobody but
//! Siskin lets it go. No controller runs here; only the API server and the cluster's own controllers do.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use serde_json::Value;
use siskin_bed::{Bed, Namespace};

use crate::harness::{Controller, SYSTEM, together};

/// The Deployment as its user writes it, with what is said of `paused`; the label is Siskin's.
fn web(version: &str, paused: &str, labels: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, labels: {{{labels}}}}}
spec:
  replicas: 1
{paused}  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: app, image: 'siskin.test/pause:{version}'}}]}}
"
    )
}

const MANAGED: &str = "siskin.dev/managed: 'true'";
const UNPAUSED: &str = "  paused: false\n";
/// Ends the hold, as the JSON patch of somebody who may.
const LET_GO: &str = r#"[{"op": "remove", "path": "/metadata/annotations/siskin.dev~1held"}, {"op": "replace", "path": "/spec/paused", "value": false}]"#;

/// A namespace with `web` at v1, applied as its user would.
async fn shop(name: &str, labels: &str) -> Namespace {
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let namespace = bed.namespace_called(name).await;
    namespace.kubectl_with_input(&["apply", "-f", "-"], &web("v1", "", labels)).await;
    namespace.deployment_ready("web").await;
    namespace
}

fn is_held(deployment: &Value) -> bool {
    deployment["spec"]["paused"] == true && deployment["metadata"]["annotations"]["siskin.dev/held"] == "true"
}

async fn live(namespace: &Namespace) -> Value {
    namespace.object("apps/v1", "Deployment", "web").await
}

/// How many templates have a ReplicaSet, once the deployment controller has seen the newest write.
async fn templates_rolled_out(namespace: &Namespace) -> usize {
    let seen = |deployment: &Deployment| {
        deployment.status.as_ref().and_then(|status| status.observed_generation) == deployment.metadata.generation
    };
    namespace.wait_for("web", "seen by the deployment controller", seen).await;
    let replica_sets = namespace.api::<ReplicaSet>().list(&kube::api::ListParams::default()).await;
    replica_sets.expect("ReplicaSets can be listed").items.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_template_is_held_in_the_same_write() {
    let _turn = together().await;
    let shop = shop("hold-template", MANAGED).await;
    let answer = shop.kubectl(&["set", "image", "deployment/web", "app=siskin.test/pause:v2", "-o", "json"]).await;
    let answer: Value = serde_json::from_str(&answer).expect("kubectl answers in JSON");
    assert!(is_held(&answer), "the write's own answer shows no hold: {answer}");
    assert_eq!(templates_rolled_out(&shop).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_the_template_alone_is_not_held() {
    let _turn = together().await;
    let shop = shop("hold-others", MANAGED).await;
    shop.kubectl(&["scale", "deployment/web", "--replicas=2"]).await;
    shop.kubectl(&["annotate", "deployment/web", "team=shop"]).await;
    shop.kubectl(&["patch", "deployment/web", "--patch", r#"{"spec": {"replicas": 3}}"#]).await;
    assert!(!is_held(&live(&shop).await));
    shop.kubectl(&["rollout", "pause", "deployment/web"]).await;
    shop.kubectl(&["rollout", "resume", "deployment/web"]).await;
    assert_ne!(live(&shop).await["spec"]["paused"], true, "a pause of a person's own ends when they say so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_without_a_rollout_is_never_held() {
    let _turn = together().await;
    let shop = shop("hold-foreign", "team: shop").await;
    shop.kubectl(&["set", "image", "deployment/web", "app=siskin.test/pause:v2"]).await;
    assert!(!is_held(&live(&shop).await));
    assert_eq!(templates_rolled_out(&shop).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_people_and_tools_write_ends_the_hold() {
    let _turn = together().await;
    let shop = shop("hold-kept", MANAGED).await;
    shop.kubectl(&["set", "image", "deployment/web", "app=siskin.test/pause:v2"]).await;
    let writes: [(&[&str], String); 6] = [
        (&["apply", "-f", "-"], web("v2", UNPAUSED, MANAGED)),
        (&["apply", "--server-side", "--force-conflicts", "-f", "-"], web("v2", UNPAUSED, MANAGED)),
        (&["rollout", "resume", "deployment/web"], String::new()),
        (&["patch", "deployment/web", "--type=json", "--patch", LET_GO], String::new()),
        (&["replace", "-f", "-"], web("v2", UNPAUSED, MANAGED)),
        // Last, because the label is gone afterwards.
        (&["replace", "-f", "-"], web("v3", UNPAUSED, "team: shop")),
    ];
    for (write, input) in writes {
        shop.kubectl_with_input(write, &input).await;
        assert!(is_held(&live(&shop).await), "not held any more after `kubectl {}`", write.join(" "));
        assert_eq!(templates_rolled_out(&shop).await, 1, "rolled out after `kubectl {}`", write.join(" "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn siskin_alone_lets_go() {
    let _turn = together().await;
    let shop = shop("hold-siskin", MANAGED).await;
    shop.kubectl(&["set", "image", "deployment/web", "app=siskin.test/pause:v2"]).await;
    let kubeconfig = shop.bed().kubeconfig_for(SYSTEM, "siskin").await;
    let as_siskin = format!("--kubeconfig={}", kubeconfig.display());
    shop.kubectl(&[&as_siskin, "patch", "deployment/web", "--type=json", "--patch", LET_GO]).await;
    assert!(!is_held(&live(&shop).await));
    shop.deployment_ready("web").await;
    assert_eq!(templates_rolled_out(&shop).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_without_siskin_takes_the_label_off_and_resumes() {
    let _turn = together().await;
    let shop = shop("hold-way-out", MANAGED).await;
    shop.kubectl(&["set", "image", "deployment/web", "app=siskin.test/pause:v2"]).await;
    shop.kubectl(&["label", "deployment/web", "siskin.dev/managed-"]).await;
    assert!(is_held(&live(&shop).await), "the write that takes the label off must not let go by itself");
    shop.kubectl(&["rollout", "resume", "deployment/web"]).await;
    shop.deployment_ready("web").await;
    assert_eq!(templates_rolled_out(&shop).await, 2);
}
