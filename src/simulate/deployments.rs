//! The Deployment and ReplicaSet controllers: a ReplicaSet for each template, rolling updates under maxSurge and
//! maxUnavailable, and pods that become ready after a while or never.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    clock::Millis,
    pods::{GRACE, Pod, Version, version_of},
    store::{Store, Writer},
};
use crate::{
    model::{Object, POD_TEMPLATE_HASH},
    observe::Kind,
    workload::deployment::current_replica_set,
};

/// Both controllers, and the pods that they have made.
#[derive(Debug, Default)]
pub struct Deployments {
    /// All pods, also those that are ending.
    pub pods: Vec<Pod>,
    /// The versions of the user's program, by number.
    pub versions: Vec<Version>,
    /// How long a pod takes to become ready.
    pub start_time: Millis,
    names: u64,
}

impl Deployments {
    /// Controllers that have made nothing yet.
    pub fn new(versions: Vec<Version>, start_time: Millis) -> Self {
        Self { versions, start_time, ..Self::default() }
    }

    /// Brings every Deployment one round further.
    pub fn run(&mut self, store: &mut Store, now: Millis) {
        self.pods.retain(|pod| pod.ends.is_none_or(|ends| ends > now));
        let deployments: Vec<Object> = store.all(Kind::Deployment).cloned().collect();
        for deployment in &deployments {
            self.roll(store, deployment, now);
        }
        let sets: Vec<Object> = store.all(Kind::ReplicaSet).cloned().collect();
        for set in &sets {
            self.scale_pods(store, set, now);
        }
        for pod in self.pods.iter_mut().filter(|pod| pod.ends.is_none()) {
            if sets.iter().all(|set| set.name() != pod.owner) {
                pod.ends = Some(now + GRACE);
            }
        }
        for deployment in &deployments {
            Self::report(store, deployment.name());
        }
    }

    /// When something happens by itself next: a pod gets ready, or is gone.
    pub fn next(&self, now: Millis) -> Option<Millis> {
        self.pods.iter().flat_map(|pod| [pod.ready_from, pod.ends]).flatten().filter(|at| *at > now).min()
    }

    fn ready(&self, set: &Object, now: Millis) -> i64 {
        count(self.pods.iter().filter(|pod| pod.owner == set.name() && pod.ready(now)))
    }

    /// One round of a Deployment: its new ReplicaSet where it may have one, and one step of scaling.
    fn roll(&self, store: &mut Store, deployment: &Object, now: Millis) {
        let wanted = deployment.number("/spec/replicas").unwrap_or(1);
        let sets = owned(store, deployment);
        let surge = share(deployment.at("/spec/strategy/rollingUpdate/maxSurge"), wanted, true);
        if deployment.at("/spec/paused") == Some(&json!(true)) {
            return scale_paused(store, &sets, wanted, surge);
        }
        let Some(new) = current_replica_set(deployment, &sets) else {
            return create_replica_set(store, deployment, sets.len());
        };
        let unavailable = share(deployment.at("/spec/strategy/rollingUpdate/maxUnavailable"), wanted, false);
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        let total: i64 = sets.iter().map(replicas).sum();
        let room = (wanted + surge - total).max(0);
        let target = if replicas(new) > wanted { wanted } else { (replicas(new) + room).min(wanted) };
        scale(store, new, target, wanted);
        // Old pods go only as far as enough pods stay available; those that never got ready go first.
        let available: i64 = sets.iter().map(|set| self.ready(set, now)).sum();
        let mut spare = (available - (wanted - unavailable)).max(0);
        for old in sets.iter().filter(|set| set.name() != new.name() && replicas(set) > 0) {
            let unready = (replicas(old) - self.ready(old, now)).max(0);
            let taken = spare.min(replicas(old) - unready);
            spare -= taken;
            scale(store, old, replicas(old) - unready - taken, wanted);
        }
    }

    /// Makes or ends the pods of a ReplicaSet.
    fn scale_pods(&mut self, store: &mut Store, set: &Object, now: Millis) {
        let Some(set) = store.get(Kind::ReplicaSet, set.name()).cloned() else { return };
        let mut living: Vec<usize> = (0..self.pods.len())
            .filter(|index| self.pods[*index].owner == set.name() && self.pods[*index].ends.is_none())
            .collect();
        let wanted = usize::try_from(replicas(&set)).unwrap_or(0);
        let surplus = living.len().saturating_sub(wanted);
        // Of too many, the unready go first, then the youngest.
        living.sort_by_key(|index| (self.pods[*index].ready(now), std::cmp::Reverse(*index)));
        for index in living.iter().take(surplus) {
            self.pods[*index].ends = Some(now + GRACE);
        }
        for _ in living.len()..wanted {
            self.start(&set, now);
        }
        let (have, ready) = (wanted, self.ready(&set, now));
        store.update(Writer::System, Kind::ReplicaSet, set.name(), |set| {
            set["status"] = json!({"replicas": have, "readyReplicas": ready, "availableReplicas": ready});
        });
    }

    fn start(&mut self, set: &Object, now: Millis) {
        let version = version_of(set);
        self.names += 1;
        self.pods.push(Pod {
            name: format!("{}-{}", set.name(), self.names),
            owner: set.name().to_owned(),
            labels: set.strings("/spec/template/metadata/labels"),
            version,
            ready_from: self
                .versions
                .get(version)
                .is_none_or(|version| version.starts)
                .then_some(now + self.start_time),
            ends: None,
            requests: 0.0,
            errors: 0.0,
        });
    }

    /// The Deployment's status.
    fn report(store: &mut Store, name: &str) {
        let Some(deployment) = store.get(Kind::Deployment, name).cloned() else { return };
        let sets = owned(store, &deployment);
        let sum = |field: &str| -> i64 { sets.iter().filter_map(|set| set.number(field)).sum() };
        let updated =
            current_replica_set(&deployment, &sets).and_then(|set| set.number("/status/replicas")).unwrap_or(0);
        let (all, ready) = (sum("/status/replicas"), sum("/status/readyReplicas"));
        store.update(Writer::System, Kind::Deployment, name, |deployment| {
            deployment["status"] = json!({
                "observedGeneration": deployment["metadata"]["generation"],
                "replicas": all,
                "updatedReplicas": updated,
                "readyReplicas": ready,
                "availableReplicas": ready,
            });
        });
    }
}

/// The ReplicaSets that a Deployment controls.
pub(super) fn owned(store: &Store, deployment: &Object) -> Vec<Object> {
    store.all(Kind::ReplicaSet).filter(|set| set.controller_uid() == Some(deployment.uid())).cloned().collect()
}

/// A paused Deployment makes no ReplicaSet, but its number of pods is still kept: by its only ReplicaSet, or, where it was
/// paused in the middle of a rolling update, by its largest one within what the surge allows.
fn scale_paused(store: &mut Store, sets: &[Object], wanted: i64, surge: i64) {
    let total: i64 = sets.iter().map(replicas).sum();
    let active = sets.iter().filter(|set| replicas(set) > 0).count();
    let allowed = if active > 1 && wanted > 0 { wanted + surge } else { wanted };
    if let Some(largest) = sets.iter().max_by_key(|set| replicas(set)).filter(|_| total != allowed) {
        scale(store, largest, (replicas(largest) + allowed - total).max(0), wanted);
    }
}

fn scale(store: &mut Store, set: &Object, target: i64, wanted: i64) {
    store.update(Writer::System, Kind::ReplicaSet, set.name(), |set| {
        set["spec"]["replicas"] = json!(target);
        set["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = json!(wanted.to_string());
    });
}

fn create_replica_set(store: &mut Store, deployment: &Object, revision: usize) {
    let mut template = deployment.value()["spec"]["template"].clone();
    let hash = hash(&template);
    template["metadata"]["labels"][POD_TEMPLATE_HASH] = json!(hash);
    let mut selector = deployment.value()["spec"]["selector"].clone();
    selector["matchLabels"][POD_TEMPLATE_HASH] = json!(hash);
    store.create(
        Kind::ReplicaSet,
        json!({
            "metadata": {
                "name": format!("{}-{hash}", deployment.name()),
                "labels": template["metadata"]["labels"],
                "annotations": {},
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment.name(), "uid": deployment.uid(), "controller": true,
                }],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0, "readyReplicas": 0},
        }),
    );
    store.update(Writer::System, Kind::Deployment, deployment.name(), |deployment| {
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!((revision + 1).to_string());
    });
}

/// Stands for the server's hash of a template (FNV-1a, 32 bits).
fn hash(template: &Value) -> String {
    let hash = template
        .to_string()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

fn replicas(set: &Object) -> i64 {
    set.number("/spec/replicas").unwrap_or(0)
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

/// A number, or a percentage of `of`.
fn share(value: Option<&Value>, of: i64, up: bool) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            (of * percent + if up { 99 } else { 0 }) / 100
        }
        _ => 0,
    }
}

/// The EndpointSlice controller, which lags behind the pods.
#[derive(Debug, Default)]
pub struct Endpoints {
    /// How far it lags behind.
    pub delay: Millis,
    pending: BTreeMap<String, (Value, Millis)>,
}

impl Endpoints {
    /// A controller that has written nothing yet.
    pub fn new(delay: Millis) -> Self {
        Self { delay, ..Self::default() }
    }

    /// Writes the slices whose time has come.
    pub fn run(&mut self, store: &mut Store, pods: &[Pod], now: Millis) {
        let services: Vec<Object> = store.all(Kind::Service).cloned().collect();
        self.pending.retain(|name, _| services.iter().any(|service| service.name() == name));
        for service in &services {
            let selector = service.strings("/spec/selector");
            let endpoints: Vec<Value> = pods
                .iter()
                .filter(|pod| pod.matches(&selector))
                .map(|pod| json!({"conditions": {"ready": pod.ready(now)}, "targetRef": {"kind": "Pod", "name": pod.name}}))
                .collect();
            let endpoints = Value::from(endpoints);
            let slice = store.get(Kind::EndpointSlice, service.name());
            if slice.is_some_and(|slice| slice.at("/endpoints") == Some(&endpoints)) {
                self.pending.remove(service.name());
                continue;
            }
            let noticed = match self.pending.get(service.name()) {
                Some((_, noticed)) => *noticed,
                None => now,
            };
            if now < noticed + self.delay {
                self.pending.insert(service.name().to_owned(), (endpoints, noticed));
                continue;
            }
            self.pending.remove(service.name());
            write(store, service, endpoints);
        }
    }

    /// When the next slice is due.
    pub fn next(&self) -> Option<Millis> {
        self.pending.values().map(|(_, noticed)| noticed + self.delay).min()
    }
}

fn write(store: &mut Store, service: &Object, endpoints: Value) {
    if store.get(Kind::EndpointSlice, service.name()).is_some() {
        store.update(Writer::System, Kind::EndpointSlice, service.name(), |slice| slice["endpoints"] = endpoints);
        return;
    }
    store.create(
        Kind::EndpointSlice,
        json!({
            "metadata": {
                "name": service.name(),
                "labels": {"kubernetes.io/service-name": service.name()},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": service.name(), "uid": service.uid(), "controller": true}],
            },
            "endpoints": endpoints,
        }),
    );
}

#[cfg(test)]
mod tests;
