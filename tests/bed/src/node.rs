//! The node agent: registers one Node and really runs every pod that is scheduled to it.
//!
//! Each pod gets an address of its own from the pod range and a task of its own ([`lifecycle`]), which goes from start
//! over readiness and a graceful end to the deletion of the pod object, as a kubelet does. What a pod does is read from
//! its first container's image and environment ([`workload`]).

mod addresses;
mod lifecycle;
mod status;
mod workload;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use crate::run_directory::RunDirectory;
use addresses::Addresses;

pub(crate) use workload::{APPLICATION_IMAGE, ENVOY_IMAGE, GATEWAY_IMAGE, SIDECAR_IMAGE};

/// The only Node.
const NAME: &str = "bed-0";
/// The Node's own address, outside what pods are given.
const ADDRESS: &str = "10.244.254.1";
/// How many pods may report to the API server at one moment.
const REPORTS_AT_ONCE: usize = 32;

/// What the API server wants of a pod that runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Wanted {
    Running,
    /// The pod has a deletion timestamp: drain within this many seconds, then end.
    Ended {
        grace_seconds: i64,
    },
    /// The object is gone already (deleted by force): end at once.
    Gone,
}

/// The agent; shared by the tasks of all pods.
pub(crate) struct NodeAgent {
    client: Client,
    run: RunDirectory,
    envoy: PathBuf,
    addresses: Addresses,
    reports: Semaphore,
    pods: Mutex<HashMap<String, watch::Sender<Wanted>>>,
}

impl NodeAgent {
    pub(crate) fn new(client: Client, run: RunDirectory, envoy: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            client,
            run,
            envoy,
            addresses: Addresses::default(),
            reports: Semaphore::new(REPORTS_AT_ONCE),
            pods: Mutex::default(),
        })
    }

    /// Makes the Node, with room for two thousand pods.
    pub(crate) async fn register(&self) -> anyhow::Result<()> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux"}},
        }))
        .context("the Node's manifest is wrong")?;
        nodes
            .create(&PostParams::default(), &node)
            .await
            .context("could not create the Node")?;
        let capacity = json!({"cpu": "4096", "memory": "16Ti", "pods": "2500"});
        let now = status::now();
        let status = json!({"status": {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [{"type": "InternalIP", "address": ADDRESS}],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Bed", "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
        }});
        let parameters = PatchParams::default();
        nodes
            .patch_status(NAME, &parameters, &Patch::Merge(status))
            .await
            .context("could not report the Node")?;
        // The API server taints every new Node as not ready, and no controller of the bed takes that away.
        let untainted = Patch::Merge(json!({"spec": {"taints": null}}));
        nodes
            .patch(NAME, &parameters, &untainted)
            .await
            .context("could not untaint the Node")?;
        Ok(())
    }

    /// Follows the pods of this Node for ever.
    pub(crate) async fn follow(self: Arc<Self>) {
        let pods: Api<Pod> = Api::all(self.client.clone());
        let only_mine = watcher::Config::default().fields(&format!("spec.nodeName={NAME}"));
        let mut events = std::pin::pin!(watcher::watcher(pods, only_mine));
        let mut listed = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(pod)) => self.observe(pod),
                Ok(Event::Delete(pod)) => self.forget(&uid(&pod)),
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(pod)) => {
                    listed.insert(uid(&pod));
                    self.observe(pod);
                }
                Ok(Event::InitDone) => {
                    let gone: Vec<String> = self
                        .pods()
                        .keys()
                        .filter(|uid| !listed.contains(*uid))
                        .cloned()
                        .collect();
                    for uid in gone {
                        self.forget(&uid);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the pods' watch was interrupted");
                    // The watcher itself retries at once, also while the API server is away.
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn observe(self: &Arc<Self>, pod: Pod) {
        let uid = uid(&pod);
        let wanted = match (
            &pod.metadata.deletion_timestamp,
            pod.metadata.deletion_grace_period_seconds,
        ) {
            (None, _) => Wanted::Running,
            (Some(_), seconds) => Wanted::Ended {
                grace_seconds: seconds.unwrap_or(0),
            },
        };
        let mut pods = self.pods();
        if let Some(sender) = pods.get(&uid) {
            // A pod never comes back from its end.
            sender.send_if_modified(|current| {
                let changed = *current < wanted;
                if changed {
                    *current = wanted;
                }
                changed
            });
            return;
        }
        let finished = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref())
            .is_some_and(|phase| phase != "Pending");
        if finished && wanted == Wanted::Running {
            return;
        }
        let (sender, receiver) = watch::channel(wanted);
        pods.insert(uid, sender);
        tokio::spawn(lifecycle::live(Arc::clone(self), pod, receiver));
    }

    fn forget(&self, uid: &str) {
        if let Some(sender) = self.pods().remove(uid) {
            sender.send_replace(Wanted::Gone);
        }
    }

    fn pods(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<Wanted>>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}
