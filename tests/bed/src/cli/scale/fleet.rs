//! Objects as their teams and the cluster's controllers would have written them, many at a time.

use std::ops::Range;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use kube::Client;
use serde_json::{Value, json};

const NAMESPACE: &str = "fleet";
/// How many objects are written at once.
const AT_ONCE: usize = 32;
/// How many revisions a Deployment keeps by default, and the current one.
const REVISIONS: usize = 11;

/// Writes objects.
pub(super) struct Fleet {
    client: Client,
}

impl Fleet {
    /// Makes the namespace.
    pub(super) async fn new(client: Client) -> anyhow::Result<Self> {
        let fleet = Self { client };
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        fleet.post("/api/v1/namespaces", &namespace).await?;
        Ok(fleet)
    }

    /// Rollouts at rest, each with its Deployment, ReplicaSet, Service, EndpointSlice and VirtualService.
    pub(super) async fn create_rollouts(&self, numbers: Range<usize>) -> anyhow::Result<()> {
        let writes = stream::iter(numbers).map(|number| async move {
            let name = format!("web-{number}");
            self.create_application(&name, 1).await?;
            self.create("networking.istio.io/v1", "virtualservices", &virtual_service(&name)).await?;
            self.create("siskin.dev/v1alpha1", "rollouts", &rollout(&name)).await.map(|_| ())
        });
        writes.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Applications that no Rollout names, with all the revisions that a Deployment keeps.
    pub(super) async fn create_others(&self, number: usize) -> anyhow::Result<()> {
        let writes = stream::iter(0..number)
            .map(|number| async move { self.create_application(&format!("other-{number}"), REVISIONS).await });
        writes.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn create_application(&self, name: &str, revisions: usize) -> anyhow::Result<()> {
        let deployment = self.create("apps/v1", "deployments", &deployment(name)).await?;
        let uid = deployment["metadata"]["uid"].as_str().context("a Deployment has a uid")?;
        for revision in 0..revisions {
            let replicas = if revision + 1 == revisions { 3 } else { 0 };
            self.create("apps/v1", "replicasets", &replica_set(name, uid, revision, replicas)).await?;
        }
        let status = json!({"status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}});
        let request = Request::patch(format!("{}/{name}/status", path("apps/v1", "deployments")))
            .header("Content-Type", "application/merge-patch+json");
        self.send(request, &status).await?;
        self.create("v1", "services", &service(name)).await?;
        self.create("discovery.k8s.io/v1", "endpointslices", &endpoint_slice(name)).await.map(|_| ())
    }

    async fn create(&self, api_version: &str, plural: &str, object: &Value) -> anyhow::Result<Value> {
        self.post(&path(api_version, plural), object).await
    }

    async fn post(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        self.send(Request::post(path).header("Content-Type", "application/json"), object).await
    }

    async fn send(&self, request: http::request::Builder, body: &Value) -> anyhow::Result<Value> {
        let request = request.body(body.to_string().into_bytes())?;
        self.client.request(request).await.with_context(|| format!("could not write {}", body["metadata"]["name"]))
    }
}

fn path(api_version: &str, plural: &str) -> String {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    format!("{root}/{api_version}/namespaces/{NAMESPACE}/{plural}")
}

fn labels(name: &str) -> Value {
    json!({"app": name, "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "fleet", "team": "platform"})
}

fn pod_template(name: &str, revision: usize) -> Value {
    let environment: Vec<Value> = (0..12)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value-{number}-of-{name}")}))
        .collect();
    json!({
        "metadata": {"labels": labels(name), "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}},
        "spec": {"serviceAccountName": name, "containers": [{
            "name": "app", "image": format!("registry.example.com/fleet/{name}:v{revision}"), "env": environment,
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
            "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 10},
        }]},
    })
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": labels(name), "annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": pod_template(name, 0)},
    })
}

fn replica_set(name: &str, owner: &str, revision: usize, replicas: usize) -> Value {
    let hash = format!("{:010x}", revision + 0x1234_5678);
    let mut template = pod_template(name, 0);
    template["metadata"]["labels"]["pod-template-hash"] = hash.clone().into();
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{name}-{hash}"), "labels": template["metadata"]["labels"],
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string(), "deployment.kubernetes.io/desired-replicas": "3"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": owner, "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name, "pod-template-hash": hash}}, "template": template},
    })
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels(name)},
        // Without an address of its own: the range for these has no 20,000.
        "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

fn endpoint_slice(name: &str) -> Value {
    let endpoints: Vec<Value> = (0..3)
        .map(|number| {
            json!({
                "addresses": [format!("10.0.0.{}", number + 1)], "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": format!("node-{number}"), "targetRef": {"kind": "Pod", "namespace": NAMESPACE, "name": format!("{name}-{number}")},
            })
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{name}-x"), "labels": {"kubernetes.io/service-name": name}},
        "endpoints": endpoints, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

fn virtual_service(name: &str) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name, "labels": labels(name)},
        "spec": {"hosts": [format!("{name}.example.com")], "gateways": ["gateway/shared"],
            "http": [{"name": "main", "route": [{"destination": {"host": name, "port": {"number": 80}}}]}]},
    })
}

fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "siskin.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "traffic": {"service": name, "routes": [{"kind": "VirtualService", "name": name}]},
            "strategy": {"canary": {"steps": [{"weight": 10}, {"weight": 50}]}},
        },
    })
}
