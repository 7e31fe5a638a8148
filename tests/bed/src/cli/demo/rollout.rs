//! The Rollout `shop/web` as the demo follows it: a watch whose last state is always at hand.

use std::time::Duration;

use anyhow::{Context, bail};
use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher::watch_object};
use serde::Deserialize;
use siskin_bed::Bed;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longer than anything here takes, on a busy machine too.
const LIMIT: Duration = Duration::from_mins(3);

/// The parts of the status that the demo tells of.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub(super) phase: String,
    pub(super) message: String,
    pub(super) step: Option<Step>,
    pub(super) weight: Weight,
    pub(super) runs: u64,
    /// Newest first.
    pub(super) outcomes: Vec<Outcome>,
}

/// `1/3`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Step {
    pub(super) position: String,
}

/// The canary's share of the traffic, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
pub(super) struct Weight {
    /// What the step asks for.
    pub(super) desired: u32,
    /// What the mesh is known to do.
    pub(super) applied: u32,
}

/// How a run ended, and why.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Outcome {
    /// `Promoted`, `RolledBack`, …
    #[serde(rename = "outcome")]
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) run: u64,
}

/// A watch on the Rollout; it ends when this is dropped.
pub(super) struct Followed {
    status: watch::Receiver<Status>,
    watching: JoinHandle<()>,
}

impl Followed {
    /// Begins to follow.
    pub(super) fn start(bed: &Bed) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("siskin.dev", "v1alpha1", "Rollout"));
        let rollouts: Api<DynamicObject> = Api::namespaced_with(bed.client(), "shop", &kind);
        let (sender, status) = watch::channel(Status::default());
        let watching = tokio::spawn(async move {
            let mut states = watch_object(rollouts, "web").default_backoff().boxed();
            while let Some(state) = states.next().await {
                // After an error the watch opens itself again.
                let status = state.ok().flatten().and_then(|object| object.data.get("status").cloned());
                if let Some(status) = status.and_then(|status| serde_json::from_value(status).ok()) {
                    sender.send_replace(status);
                }
            }
        });
        Self { status, watching }
    }

    /// The status as it was last seen.
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until the status is as wanted; `what` says in words what is waited for.
    pub(super) async fn until(&self, what: &str, is_so: impl FnMut(&Status) -> bool) -> anyhow::Result<Status> {
        let mut status = self.status.clone();
        if let Ok(seen) = tokio::time::timeout(LIMIT, status.wait_for(is_so)).await {
            return Ok(seen.context("the watch on the Rollout ended")?.clone());
        }
        let Status { phase, message, .. } = self.status();
        bail!("Rollout shop/web: {what}: not so after {} s; its phase is {phase}: {message}", LIMIT.as_secs())
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
