//! What the API server keeps from the controller's account, from authors of Rollouts, and from those who ask for verbs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use siskin_bed::{Bed, CommandOutput, Namespace};

use crate::harness::{ANALYSIS, Controller, Mesh, SYSTEM, Shop, rollout, together};

const PATIENT: &str = "[{weight: 10, hold: {min: 10m, max: 20m}}, {weight: 50, hold: {min: 10m, max: 20m}}]";

/// What may be done with the rights of one account: kubectl with its token, in one namespace.
struct Account<'a> {
    bed: &'a Bed,
    kubeconfig: PathBuf,
    namespace: &'a str,
}

impl Account<'_> {
    async fn kubectl(&self, arguments: &[&str], input: Option<&str>) -> CommandOutput {
        let kubeconfig: &Path = &self.kubeconfig;
        let kubeconfig = kubeconfig.to_str().expect("the bed's paths are UTF-8");
        let own = ["--kubeconfig", kubeconfig, "--namespace", self.namespace];
        self.bed.try_kubectl(&[&own, arguments].concat(), input).await
    }

    async fn may(&self, arguments: &[&str], input: Option<&str>) {
        let answer = self.kubectl(arguments, input).await;
        assert!(answer.success, "{arguments:?} must be possible: {}", answer.stderr);
    }

    /// The API server refuses it with these words.
    async fn may_not(&self, arguments: &[&str], input: Option<&str>, words: &str) {
        let answer = self.kubectl(arguments, input).await;
        assert!(!answer.success, "{arguments:?} must be refused: {}", answer.stdout);
        assert!(answer.stderr.contains(words), "{arguments:?}: {words}: {}", answer.stderr);
    }

    async fn may_not_patch(&self, what: &str, patch: &Value, words: &str) {
        self.may_not(&["patch", what, "--type=json", "--patch", &patch.to_string()], None, words).await;
    }
}

fn add(path: &str, value: impl Into<Value>) -> Value {
    json!([{"op": "add", "path": path, "value": value.into()}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_carries_a_promotion_out_and_writes_nothing_else() {
    let _turn = together().await;
    let shop = Shop::open_with(Mesh::VirtualServiceSubsets, "account", PATIENT, ANALYSIS, "").await;
    shop.ship("v2", "").await;
    shop.weight(10).await;
    let bed = shop.namespace.bed();
    let siskin =
        Account { bed, kubeconfig: bed.kubeconfig_for(SYSTEM, "siskin").await, namespace: shop.namespace.name() };
    let before = shop.users_objects().await;

    let pod = "{metadata: {labels: {app: miner}}, spec: {containers: [{name: miner, image: 'siskin.test/app:v1'}]}}";
    let miner = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: miner}},
          spec: {{selector: {{matchLabels: {{app: miner}}}}, template: {pod}}}}}"
    );
    let service = "{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80}]}}";
    for manifest in [&*miner, service] {
        siskin.may_not(&["apply", "--server-side", "-f", "-"], Some(manifest), "has no such owner").await;
    }
    for (what, patch, words) in [
        ("deployment/web", add("/spec/template/spec/containers/0/image", "evil"), "does not edit spec.template"),
        ("deployment/web", add("/spec/replicas", 0), "does not edit spec.replicas"),
        ("deployment/web", add("/metadata/labels/team", "other"), "and not team of"),
        ("deployment/web", add("/metadata/finalizers", json!(["example.com/stuck"])), "does not edit the finalizers"),
        ("service/web", add("/spec/selector", json!({"app": "other"})), "only pod-template-hash"),
        ("service/web", add("/spec/externalIPs", json!(["192.0.2.1"])), "does not edit spec.external"),
        ("destinationrule/web", add("/spec/host", "other"), "does not edit spec.host"),
        ("rollout/web", add("/spec/hold", "Always"), "does not edit spec.hold"),
        ("deployment/web-canary", add("/metadata/ownerReferences", json!([])), "neither takes nor gives away"),
    ] {
        siskin.may_not_patch(what, &patch, words).await;
    }
    let sets = shop.namespace.kubectl(&["get", "replicasets", "-l", "!siskin.dev/variant", "-o", "name"]).await;
    let set = sets.lines().next().expect("the Deployment has a ReplicaSet");
    siskin.may_not_patch(set, &add("/spec/replicas", 50), "only makes smaller").await;
    for what in ["deployment/web", "service/web"] {
        siskin.may_not(&["delete", what], None, "deletes only objects that a Rollout owns").await;
    }
    assert_eq!(shop.users_objects().await, before, "nothing of it was done");

    shop.says(&["promote", "rollout/web", "--full"], "rolls out").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
}

/// Gives an account of the namespace rights, and waits until the API server knows of them.
async fn grant(namespace: &Namespace, role: &str, rules: &str, known: (&str, &str)) {
    let name = namespace.name();
    let manifests = format!(
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {role}}}
rules: {rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {role}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}
subjects: [{{kind: ServiceAccount, name: author, namespace: {name}}}]
"
    );
    namespace.apply(&manifests).await;
    let (verb, what) = known;
    let account = format!("--as=system:serviceaccount:{name}:author");
    let asked = ["auth", "can-i", verb, what, &account, "--namespace", name];
    let granted = async { while namespace.bed().try_kubectl(&asked, None).await.stdout.trim() != "yes" {} };
    let granted = tokio::time::timeout(std::time::Duration::from_mins(1), granted).await;
    assert!(granted.is_ok(), "the right to {verb} {what} is known within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_a_rollout_or_a_verb_must_be_allowed_to_patch_what_it_names() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let shop = Shop::open_with(Mesh::HttpRoute, "author", PATIENT, ANALYSIS, "").await;
    let namespace = &shop.namespace;
    namespace.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: author}}").await;
    let kubeconfig = bed.kubeconfig_for(namespace.name(), "author").await;
    let author = Account { bed, kubeconfig, namespace: namespace.name() };
    let rollouts = "[{apiGroups: [siskin.dev], resources: [rollouts], verbs: [get, create, patch]}]";
    grant(namespace, "rollouts", rollouts, ("create", "rollouts.siskin.dev")).await;
    // Of a second workload, which only its own people may touch.
    let other = rollout(Mesh::HttpRoute, PATIENT, ANALYSIS, "")
        .replace("metadata: {name: web}", "metadata: {name: other}")
        .replace("kind: Deployment, name: web", "kind: Deployment, name: other");
    let many = (0..15).map(|index| format!(", {{kind: VirtualService, name: v{index}}}")).collect::<Vec<_>>().concat();
    let other = other.replace("{kind: HTTPRoute, name: web}", &format!("{{kind: HTTPRoute, name: web}}{many}"));
    let apply = ["create", "-f", "-"];
    author.may_not(&apply, Some(&other), "may not patch Deployment").await;

    let workload = "[{apiGroups: [apps], resources: [deployments], resourceNames: [other], verbs: [patch]}]";
    grant(namespace, "workload", workload, ("patch", "deployments.apps/other")).await;
    author.may_not(&apply, Some(&other), "may not patch Service").await;
    let service = "[{apiGroups: [''], resources: [services], resourceNames: [web], verbs: [patch]}]";
    grant(namespace, "service", service, ("patch", "services/web")).await;
    author.may_not(&apply, Some(&other), "may not patch HTTPRoute").await;
    let route = "[{apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: [patch]}]";
    grant(namespace, "route", route, ("patch", "httproutes.gateway.networking.k8s.io/web")).await;
    author.may_not(&apply, Some(&other), "may not patch VirtualService").await;
    let all_but_one = (0..14).map(|index| format!("v{index}")).collect::<Vec<_>>().join(", ");
    let routes = format!(
        "[{{apiGroups: [networking.istio.io], resources: [virtualservices], resourceNames: [{all_but_one}], verbs: [patch]}}]"
    );
    grant(namespace, "routes", &routes, ("patch", "virtualservices.networking.istio.io/v0")).await;
    author.may_not(&apply, Some(&other), "/v14, which this Rollout names").await;
    let last =
        "[{apiGroups: [networking.istio.io], resources: [virtualservices], resourceNames: [v14], verbs: [patch]}]";
    grant(namespace, "last", last, ("patch", "virtualservices.networking.istio.io/v14")).await;
    author.may(&apply, Some(&other)).await;

    // The shop's own Rollout names a Deployment that this author may not patch.
    let steps = add("/spec/progressDeadline", "5m");
    author.may_not_patch("rollout/web", &steps, "may not patch Deployment").await;
    author.may_not(&["annotate", "rollout/web", "siskin.dev/verb={}"], None, "may not patch Deployment").await;
    author.may(&["annotate", "rollout/web", "example.com/note=seen"], None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_for_a_verb_is_whom_the_api_server_knows_whatever_they_say() {
    let _turn = together().await;
    let shop = Shop::open(Mesh::HttpRoute, "asker").await;
    let request = json!({"verb": "abort", "id": "forged", "by": "the-boss", "at": "2026-03-01T12:00:00Z"});
    let annotation = format!("siskin.dev/verb={request}");
    shop.namespace.kubectl(&["annotate", "rollout/web", &annotation]).await;
    let rollout = shop
        .until("the request is answered", |rollout| rollout["status"]["lastVerb"]["request"]["id"] == "forged")
        .await;
    assert_eq!(rollout["status"]["lastVerb"]["request"]["by"], "admin");
}
