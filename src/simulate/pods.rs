//! Pods: what ReplicaSets make, what serves requests, and what counts them.

use std::collections::BTreeMap;

use super::clock::Millis;
use crate::model::{Object, VARIANT_LABEL};

/// How long a pod that was asked to end still serves, so that every proxy has heard of it.
pub(super) const GRACE: Millis = 15_000;

/// A version of the user's program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Version {
    /// The share of requests that it fails.
    pub error_rate: f64,
    /// Whether its pods get ready at all.
    pub starts: bool,
}

/// One pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name, which begins with its ReplicaSet's.
    pub name: String,
    /// Its ReplicaSet's name.
    pub owner: String,
    /// Its labels, the revision among them.
    pub labels: BTreeMap<String, String>,
    /// Which of the user's versions it runs.
    pub version: usize,
    /// From when on it is ready; never where there is none.
    pub ready_from: Option<Millis>,
    /// When it is gone, once it was asked to end.
    pub ends: Option<Millis>,
    /// Requests since it started.
    pub requests: f64,
    /// Those of them that failed.
    pub errors: f64,
}

impl Pod {
    /// Whether it is ready and was not asked to end.
    pub fn ready(&self, now: Millis) -> bool {
        self.ends.is_none() && self.ready_from.is_some_and(|from| from <= now)
    }

    /// Whether it answers requests, also those that still come while it ends.
    pub fn serves(&self, now: Millis) -> bool {
        self.ready_from.is_some_and(|from| from <= now)
    }

    /// Whether it is the canary's.
    pub fn of_canary(&self) -> bool {
        self.labels.contains_key(VARIANT_LABEL)
    }

    /// Whether a selector selects it.
    pub fn matches(&self, selector: &BTreeMap<String, String>) -> bool {
        !selector.is_empty() && selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

/// The version that a pod template runs: the number at the end of its image's tag.
pub(super) fn version_of(object: &Object) -> usize {
    let containers = object.list("/spec/template/spec/containers");
    let image = containers.first().and_then(|container| container["image"].as_str()).unwrap_or_default();
    image.rsplit_once(":v").and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}
