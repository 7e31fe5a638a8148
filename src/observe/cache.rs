//! The shared cache of all watched objects, filled by watches and by the answers to writes.
//!
//! Both sources meet here in any order, so an object replaces another only if its resourceVersion is greater: a late
//! watch event never undoes what a write's answer has already shown. There is no client in here, which lets the
//! simulator use the same cache as production.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde_json::Value;

use super::{
    Kind,
    interest::{Subject, interests, service_of_slice, subject},
    selection::{Labels, Selection, matches, pod_labels_of, selector_of, without_revision},
    trim::trim,
};
use crate::model::{Object, RolloutKey};

/// How many deleted objects are remembered. A write's answer is at most one call's timeout late, and far fewer objects
/// that Siskin writes to are deleted in that time.
const REMEMBERED_DELETIONS: usize = 4096;

/// All watched objects. Cheap to read from many tasks at once.
#[derive(Debug, Default)]
pub struct Cache {
    state: RwLock<State>,
}

/// One consistent view of the cache. Holds a lock: take it, read, drop it.
#[derive(Debug)]
pub struct View<'a>(RwLockReadGuard<'a, State>);

#[derive(Debug, Default)]
struct State {
    /// By kind, namespace, name.
    objects: HashMap<Kind, BTreeMap<String, BTreeMap<String, Object>>>,
    /// Names of ReplicaSets by the uid of their controller.
    replica_sets: HashMap<String, BTreeSet<String>>,
    /// Names of EndpointSlices by namespace and Service.
    slices: HashMap<(String, String), BTreeSet<String>>,
    /// Rollouts by the names that they depend on.
    interested: HashMap<Subject, BTreeSet<RolloutKey>>,
    /// Services and Deployments by labels.
    selection: Selection,
    deleted: Deleted,
}

/// The uids of the objects that were deleted last.
#[derive(Debug, Default)]
struct Deleted {
    order: VecDeque<String>,
    uids: HashSet<String>,
}

impl Cache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A view for reading several objects as of one moment.
    pub fn read(&self) -> View<'_> {
        View(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in an object as the server sent it, and says which Rollouts the change concerns: none, if the cache had
    /// the object in this or a later version already.
    pub fn put(&self, kind: Kind, object: Value) -> BTreeSet<RolloutKey> {
        let object = Object::new(trim(kind, object));
        self.write().put(kind, object)
    }

    /// Takes in an object that was read again, also in the version that is known: after an upgrade a server may give an
    /// object that nobody has written with new defaults in it.
    pub fn renew(&self, kind: Kind, object: Value) -> BTreeSet<RolloutKey> {
        let object = Object::new(trim(kind, object));
        self.write().renew(kind, object)
    }

    /// Takes out an object that was deleted, unless another one has taken its name since. An empty uid takes out
    /// whatever has the name.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str, uid: &str) -> BTreeSet<RolloutKey> {
        let mut state = self.write();
        if !uid.is_empty() {
            state.deleted.remember(uid);
        }
        match state.get(kind, namespace, name) {
            Some(object) if uid.is_empty() || object.uid() == uid => state.remove(kind, namespace, name),
            _ => BTreeSet::new(),
        }
    }

    /// Takes in a complete list of a kind: what is not in it goes. An object that was made after the list was read
    /// goes too, and comes back with the first event of the watch that follows a list. An object that is listed at the
    /// known version is taken as well: after an upgrade of the server it may have defaults that it was not read with before.
    pub fn replace_all(&self, kind: Kind, list: Vec<Value>) -> BTreeSet<RolloutKey> {
        let list: Vec<Object> = list.into_iter().map(|object| Object::new(trim(kind, object))).collect();
        let listed: HashSet<(&str, &str)> = list.iter().map(|object| (object.namespace(), object.name())).collect();
        let mut state = self.write();
        let gone: Vec<(String, String)> = state
            .all(kind)
            .map(|object| (object.namespace(), object.name()))
            .filter(|name| !listed.contains(name))
            .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
            .collect();
        let mut concerned = BTreeSet::new();
        for (namespace, name) in gone {
            concerned.append(&mut state.remove(kind, &namespace, &name));
        }
        for object in list {
            concerned.append(&mut state.renew(kind, object));
        }
        concerned
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View<'_> {
    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Object> {
        self.0.get(kind, namespace, name).cloned()
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.0.all(kind)
    }

    /// The objects of a kind in one namespace, by name.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Object> {
        self.0.objects.get(&kind).and_then(|kinds| kinds.get(namespace)).into_iter().flat_map(BTreeMap::values)
    }

    /// The ReplicaSets that an object controls, by name.
    pub fn replica_sets_of(&self, owner: &Object) -> Vec<Object> {
        let names = self.0.replica_sets.get(owner.uid()).into_iter().flatten();
        names.filter_map(|name| self.get(Kind::ReplicaSet, owner.namespace(), name)).collect()
    }

    /// The EndpointSlices of a Service, by name.
    pub fn slices_of(&self, namespace: &str, service: &str) -> Vec<Object> {
        let names = self.0.slices.get(&(namespace.to_owned(), service.to_owned())).into_iter().flatten();
        names.filter_map(|name| self.get(Kind::EndpointSlice, namespace, name)).collect()
    }

    /// The Services of a namespace that select pods with these labels, by name: those whose own selector, without a
    /// `pod-template-hash` that they may be pinned to, is not empty and is met.
    pub fn services_selecting(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<Object> {
        let names = self.0.selection.services(namespace, labels).into_iter();
        let services = names.filter_map(|name| self.get(Kind::Service, namespace, name));
        services.filter(|service| matches(&selector_of(service), labels)).collect()
    }

    /// The Deployments of a namespace whose pods a Service with this selector selects, by name. A `pod-template-hash` in
    /// the selector is not looked at. Of a Deployment that no Rollout names, only what identifies it, its replicas, its
    /// selector and the labels of its pods are known.
    pub fn deployments_selected(&self, namespace: &str, selector: &BTreeMap<String, String>) -> Vec<Object> {
        let selector: Labels = without_revision(selector.clone());
        let names = self.0.selection.deployments(namespace, &selector).into_iter();
        let deployments = names.filter_map(|name| self.get(Kind::Deployment, namespace, name));
        deployments.filter(|deployment| matches(&selector, &pod_labels_of(deployment))).collect()
    }

    /// The Rollouts that depend on an object of this name, whether it exists or not.
    pub fn interested(&self, kind: Kind, namespace: &str, name: &str) -> BTreeSet<RolloutKey> {
        let subject = (kind, namespace.to_owned(), name.to_owned());
        self.0.interested.get(&subject).cloned().unwrap_or_default()
    }

    /// The Rollouts that a change of this object concerns.
    pub fn related(&self, kind: Kind, object: &Object) -> BTreeSet<RolloutKey> {
        self.0.related(kind, object)
    }
}

impl State {
    fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&kind)?.get(namespace)?.get(name)
    }

    fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects.get(&kind).into_iter().flat_map(BTreeMap::values).flat_map(BTreeMap::values)
    }

    fn put(&mut self, kind: Kind, object: Object) -> BTreeSet<RolloutKey> {
        if self.deleted.uids.contains(object.uid()) {
            return BTreeSet::new();
        }
        let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
        if self.get(kind, &namespace, &name).is_some_and(|known| !newer(&object, known)) {
            return BTreeSet::new();
        }
        let mut concerned = self.remove(kind, &namespace, &name);
        self.index(kind, &object);
        concerned.append(&mut self.related(kind, &object));
        self.objects.entry(kind).or_default().entry(namespace).or_default().insert(name, object);
        concerned
    }

    fn renew(&mut self, kind: Kind, object: Object) -> BTreeSet<RolloutKey> {
        let known = self.get(kind, object.namespace(), object.name());
        let reread = known.is_some_and(|known| {
            known.uid() == object.uid() && known.resource_version() == object.resource_version() && *known != object
        });
        if reread {
            self.remove(kind, object.namespace(), object.name());
        }
        self.put(kind, object)
    }

    fn remove(&mut self, kind: Kind, namespace: &str, name: &str) -> BTreeSet<RolloutKey> {
        let Some(names) = self.objects.get_mut(&kind).and_then(|namespaces| namespaces.get_mut(namespace)) else {
            return BTreeSet::new();
        };
        let Some(object) = names.remove(name) else { return BTreeSet::new() };
        if names.is_empty()
            && let Some(namespaces) = self.objects.get_mut(&kind)
        {
            namespaces.remove(namespace);
        }
        let concerned = self.related(kind, &object);
        self.unindex(kind, &object);
        concerned
    }

    fn related(&self, kind: Kind, object: &Object) -> BTreeSet<RolloutKey> {
        let mut keys =
            subject(kind, object).and_then(|subject| self.interested.get(&subject).cloned()).unwrap_or_default();
        if kind == Kind::Rollout {
            keys.insert(RolloutKey::new(object.namespace(), object.name()));
        }
        keys
    }

    fn index(&mut self, kind: Kind, object: &Object) {
        self.selection.insert(kind, object);
        match kind {
            Kind::Rollout => {
                let key = RolloutKey::new(object.namespace(), object.name());
                for subject in interests(object) {
                    self.interested.entry(subject).or_default().insert(key.clone());
                }
            }
            Kind::ReplicaSet => {
                if let Some(owner) = object.controller_uid() {
                    self.replica_sets.entry(owner.to_owned()).or_default().insert(object.name().to_owned());
                }
            }
            Kind::EndpointSlice => {
                if let Some(service) = service_of_slice(object) {
                    let service = (object.namespace().to_owned(), service.to_owned());
                    self.slices.entry(service).or_default().insert(object.name().to_owned());
                }
            }
            _ => {}
        }
    }

    fn unindex(&mut self, kind: Kind, object: &Object) {
        self.selection.remove(kind, object);
        match kind {
            Kind::Rollout => {
                let key = RolloutKey::new(object.namespace(), object.name());
                for subject in interests(object) {
                    discard(&mut self.interested, &subject, &key);
                }
            }
            Kind::ReplicaSet => {
                if let Some(owner) = object.controller_uid() {
                    discard(&mut self.replica_sets, &owner.to_owned(), &object.name().to_owned());
                }
            }
            Kind::EndpointSlice => {
                if let Some(service) = service_of_slice(object) {
                    let service = (object.namespace().to_owned(), service.to_owned());
                    discard(&mut self.slices, &service, &object.name().to_owned());
                }
            }
            _ => {}
        }
    }
}

impl Deleted {
    fn remember(&mut self, uid: &str) {
        if self.uids.insert(uid.to_owned()) {
            self.order.push_back(uid.to_owned());
        }
        if self.order.len() > REMEMBERED_DELETIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }
}

/// Whether an object replaces the known one of its name. Resource versions of one kind are numbers that only grow;
/// where a server has other ones, the last to come wins.
fn newer(object: &Object, known: &Object) -> bool {
    let version = |object: &Object| object.resource_version().parse::<u64>().ok();
    match (version(object), version(known)) {
        (Some(version), Some(known)) => version > known,
        _ => object.resource_version() != known.resource_version(),
    }
}

/// Takes a value out of an index, and the whole entry with its last value.
fn discard<K: Eq + std::hash::Hash, V: Ord>(index: &mut HashMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
