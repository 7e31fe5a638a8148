//! Reading the cache as of one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::RwLockReadGuard,
};

use super::state::State;
use crate::{
    model::{Object, RolloutKey},
    observe::{
        Kind,
        index::hash,
        interest::{interests, service_of_slice},
        selection::{Labels, matches, pod_labels_of, selector_of, without_revision},
    },
};

/// One consistent view of the cache. Holds a lock: take it, read, drop it.
#[derive(Debug)]
pub struct View<'a> {
    state: RwLockReadGuard<'a, State>,
}

impl<'a> View<'a> {
    pub(super) fn new(state: RwLockReadGuard<'a, State>) -> Self {
        Self { state }
    }

    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Object> {
        self.state.get(kind, namespace, name).map(|stored| self.state.read(stored))
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.state.all(kind).count()
    }

    /// Namespace and name of all objects of a kind.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        self.state.all(kind).map(|(namespace, name, _)| (namespace, name))
    }

    /// All objects of a kind. Each is read for this call: use [`View::names`] where names are enough.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = Object> {
        self.state.all(kind).map(|(_, _, stored)| stored.read())
    }

    /// The objects of a kind in one namespace, by name.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = Object> {
        self.state.in_namespace(kind, namespace).map(|stored| self.state.read(stored))
    }

    /// The ReplicaSets that an object controls, by name.
    pub fn replica_sets_of(&self, owner: &Object) -> Vec<Object> {
        let names = self.state.replica_sets.under(hash(&owner.uid()));
        let found = names.filter_map(|name| self.get(Kind::ReplicaSet, owner.namespace(), name));
        found.filter(|replica_set| replica_set.controller_uid() == Some(owner.uid())).collect()
    }

    /// The EndpointSlices of a Service, by name.
    pub fn slices_of(&self, namespace: &str, service: &str) -> Vec<Object> {
        let names = self.state.slices.under(hash(&(namespace, service)));
        let found = names.filter_map(|name| self.get(Kind::EndpointSlice, namespace, name));
        found.filter(|slice| service_of_slice(slice) == Some(service)).collect()
    }

    /// The Services of a namespace that select pods with these labels, by name: those whose own selector, without a
    /// `pod-template-hash` that they may be pinned to, is not empty and is met.
    pub fn services_selecting(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<Object> {
        let names = self.state.selection.services(namespace, labels).into_iter();
        let services = names.filter_map(|name| self.get(Kind::Service, namespace, name));
        services.filter(|service| matches(&selector_of(service), labels)).collect()
    }

    /// The Deployments of a namespace whose pods a Service with this selector selects, by name. A `pod-template-hash` in
    /// the selector is not looked at. Of a Deployment that no Rollout names, only what identifies it, its replicas, its
    /// selector and the labels of its pods are known.
    pub fn deployments_selected(&self, namespace: &str, selector: &BTreeMap<String, String>) -> Vec<Object> {
        let selector: Labels = without_revision(selector.clone());
        let names = self.state.selection.deployments(namespace, &selector).into_iter();
        let deployments = names.filter_map(|name| self.get(Kind::Deployment, namespace, name));
        deployments.filter(|deployment| matches(&selector, &pod_labels_of(deployment))).collect()
    }

    /// The Rollouts that depend on an object of this name, whether it exists or not.
    pub fn interested(&self, kind: Kind, namespace: &str, name: &str) -> BTreeSet<RolloutKey> {
        self.state.interested(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// Whether something that a Rollout names has to be read before it can be decided on.
    pub fn awaits(&self, rollout: &Object) -> bool {
        !self.state.wants_nothing() && interests(rollout).iter().any(|subject| self.state.wants(subject))
    }

    /// The Rollouts that a change of this object concerns.
    pub fn related(&self, kind: Kind, object: &Object) -> BTreeSet<RolloutKey> {
        self.state.related(kind, object)
    }
}
