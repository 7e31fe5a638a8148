//! What the cache holds, and the rules by which it changes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{
    Wanted,
    left_out::{LeftOut, Worth},
};
use crate::{
    model::{Object, RolloutKey},
    observe::{
        Kind,
        index::{Index, hash},
        interest::{Subject, interests, service_of_slice, subject},
        selection::Selection,
        stored::{Remembered, Stored},
        trim::outline,
    },
};

/// How many deleted objects are remembered. A write's answer is at most one call's timeout late, and far fewer objects
/// that Siskin writes to are deleted in that time.
const REMEMBERED_DELETIONS: usize = 4096;

/// The objects of one kind in one namespace.
type StoredByName = BTreeMap<Box<str>, Stored>;

/// All objects, and where to find them.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By kind, namespace, name.
    objects: HashMap<Kind, BTreeMap<Box<str>, StoredByName>>,
    /// The objects that were read lately.
    remembered: Remembered,
    /// Names of ReplicaSets by the uid of their controller.
    pub(super) replica_sets: Index<Box<str>>,
    /// Names of EndpointSlices by namespace and Service.
    pub(super) slices: Index<Box<str>>,
    /// Services and Deployments by labels.
    pub(super) selection: Selection,
    /// Rollouts by the names that they depend on.
    interested: Index<Arc<RolloutKey>>,
    deleted: Deleted,
    /// The number of the list that was begun last.
    lists: u32,
    /// What no Rollout names, where only what is named is kept whole.
    left_out: Option<LeftOut>,
}

/// The uids of the objects that were deleted last.
#[derive(Debug, Default)]
struct Deleted {
    order: VecDeque<Box<str>>,
    uids: HashSet<Box<str>>,
}

impl State {
    /// From now on, only what is named is kept whole.
    pub(super) fn leave_out(&mut self) {
        self.left_out = Some(LeftOut::default());
    }

    pub(super) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Stored> {
        self.objects.get(&kind)?.get(namespace)?.get(name)
    }

    /// An object as JSON; remembers it for the next time.
    pub(super) fn read(&self, stored: &Stored) -> Object {
        self.remembered.read(stored)
    }

    /// All objects of a kind with their namespaces and names.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = (&str, &str, &Stored)> {
        let namespaces = self.objects.get(&kind).into_iter().flatten();
        namespaces.flat_map(|(namespace, names)| names.iter().map(|(name, stored)| (&**namespace, &**name, stored)))
    }

    pub(super) fn in_namespace(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Stored> {
        self.objects.get(&kind).and_then(|namespaces| namespaces.get(namespace)).into_iter().flat_map(BTreeMap::values)
    }

    /// The Rollouts that depend on a name.
    pub(super) fn interested(&self, subject: &Subject) -> BTreeSet<RolloutKey> {
        self.interested.under(hash(subject)).map(|key| RolloutKey::clone(key)).collect()
    }

    /// The Rollouts that a change of this object concerns.
    pub(super) fn related(&self, kind: Kind, object: &Object) -> BTreeSet<RolloutKey> {
        let mut keys = subject(kind, object).map(|subject| self.interested(&subject)).unwrap_or_default();
        if kind == Kind::Rollout {
            keys.insert(RolloutKey::new(object.namespace(), object.name()));
        }
        keys
    }

    /// Takes in an object that is newer than the known one.
    pub(super) fn put(&mut self, kind: Kind, object: &Object) -> BTreeSet<RolloutKey> {
        self.take_in(kind, object, 0, Stored::newer_than)
    }

    /// Takes in an object also at the version that is known, and marks it as shown by the list of this number.
    pub(super) fn renew(&mut self, kind: Kind, object: &Object, list: u32) -> BTreeSet<RolloutKey> {
        self.take_in(kind, object, list, |object, known| object.newer_than(known) || object.rereads(known))
    }

    /// Takes out an object that was deleted.
    pub(super) fn delete(&mut self, kind: Kind, namespace: &str, name: &str, uid: &str) -> BTreeSet<RolloutKey> {
        if !uid.is_empty() {
            self.deleted.remember(uid);
        }
        match self.get(kind, namespace, name) {
            Some(known) if uid.is_empty() || known.uid() == uid => self.take_out(kind, namespace, name),
            _ => BTreeSet::new(),
        }
    }

    /// The number of a new list.
    pub(super) fn next_list(&mut self) -> u32 {
        self.lists += 1;
        self.lists
    }

    /// Takes out what a list has not shown.
    pub(super) fn remove_unlisted(&mut self, kind: Kind, list: u32) -> BTreeSet<RolloutKey> {
        let unlisted = self.all(kind).filter(|(_, _, stored)| stored.listed != list);
        let gone: Vec<(Box<str>, Box<str>)> =
            unlisted.map(|(namespace, name, _)| (namespace.into(), name.into())).collect();
        gone.iter().flat_map(|(namespace, name)| self.take_out(kind, namespace, name)).collect()
    }

    /// Whether nothing has to be read before Rollouts can be decided on.
    pub(super) fn wants_nothing(&self) -> bool {
        self.left_out.as_ref().is_none_or(LeftOut::wants_nothing)
    }

    /// Whether this has to be read.
    pub(super) fn wants(&self, subject: &Subject) -> bool {
        self.left_out.as_ref().is_some_and(|left_out| left_out.wants(subject))
    }

    /// What has to be read, and was not given yet.
    pub(super) fn take_wanted(&mut self) -> Vec<Wanted> {
        self.left_out.as_mut().map(LeftOut::take_wanted).unwrap_or_default()
    }

    /// All that there is of something wanted was taken in.
    pub(super) fn answered(&mut self, wanted: &Wanted) -> BTreeSet<RolloutKey> {
        let subject = wanted.subject();
        let (kind, namespace, name) = &subject;
        if self.get(*kind, namespace, name).is_some_and(|stored| stored.outline) && self.is_named(&subject) {
            // The server does not have it any more.
            self.take_out(*kind, namespace, name);
        }
        if let Some(left_out) = &mut self.left_out {
            left_out.answered(&subject);
        }
        self.interested(&subject)
    }

    fn take_in(
        &mut self,
        kind: Kind,
        object: &Object,
        list: u32,
        replaces: impl Fn(&Stored, &Stored) -> bool,
    ) -> BTreeSet<RolloutKey> {
        if self.deleted.uids.contains(object.uid()) {
            return BTreeSet::new();
        }
        let (namespace, name) = (object.namespace(), object.name());
        let worth = self.worth(kind, object);
        let outlined = (worth == Worth::Outline).then(|| Object::new(outline(object.value())));
        let object = outlined.as_ref().unwrap_or(object);
        if worth == Worth::Nothing {
            return self.take_out(kind, namespace, name);
        }
        let mut stored = Stored::new(object, list);
        stored.outline = worth == Worth::Outline;
        let mut before = None;
        if let Some(known) = self.get(kind, namespace, name) {
            stored.listed = stored.listed.max(known.listed);
            if !replaces(&stored, known) {
                if let Some(known) = self.slot(kind, namespace).get_mut(name) {
                    known.listed = stored.listed;
                }
                return BTreeSet::new();
            }
            before = Some(self.read(known));
        }
        let mut concerned = BTreeSet::new();
        if let Some(before) = &before {
            concerned.append(&mut self.related(kind, before));
        }
        let newly_named = self.newly_named(kind, object);
        if let Some(before) = &before {
            self.unindex(kind, before);
        }
        self.index(kind, object);
        concerned.append(&mut self.related(kind, object));
        if !concerned.is_empty() && list == 0 {
            self.remembered.remember(&stored, object.clone());
        }
        self.slot(kind, namespace).insert(name.into(), stored);
        self.name(newly_named);
        if let Some(before) = &before {
            self.let_go(kind, before);
        }
        concerned
    }

    fn take_out(&mut self, kind: Kind, namespace: &str, name: &str) -> BTreeSet<RolloutKey> {
        let Some(namespaces) = self.objects.get_mut(&kind) else { return BTreeSet::new() };
        let Some(names) = namespaces.get_mut(namespace) else { return BTreeSet::new() };
        let Some(stored) = names.remove(name) else { return BTreeSet::new() };
        if names.is_empty() {
            namespaces.remove(namespace);
        }
        let object = self.read(&stored);
        let concerned = self.related(kind, &object);
        self.unindex(kind, &object);
        self.let_go(kind, &object);
        if let (Kind::Deployment | Kind::Service, Some(left_out)) = (kind, &mut self.left_out) {
            left_out.forget(&(kind, namespace.to_owned(), name.to_owned()));
        }
        concerned
    }

    /// The objects of a kind in a namespace, for adding one.
    fn slot(&mut self, kind: Kind, namespace: &str) -> &mut BTreeMap<Box<str>, Stored> {
        self.objects.entry(kind).or_default().entry(namespace.into()).or_default()
    }

    fn is_named(&self, subject: &Subject) -> bool {
        self.interested.any(hash(subject))
    }

    /// How much of an object is kept. Notes what is not.
    fn worth(&mut self, kind: Kind, object: &Object) -> Worth {
        let named = || subject(kind, object).is_some_and(|subject| self.is_named(&subject));
        let worth = if self.left_out.is_none() || named() { Worth::Whole } else { LeftOut::worth(kind) };
        if let (Worth::Outline | Worth::Nothing, Some(left_out)) = (worth, &mut self.left_out) {
            left_out.leave_out(kind, object);
        }
        worth
    }

    /// What a Rollout names that none has named before.
    fn newly_named(&self, kind: Kind, object: &Object) -> Vec<Subject> {
        if kind != Kind::Rollout || self.left_out.is_none() {
            return Vec::new();
        }
        interests(object).into_iter().filter(|subject| !self.is_named(subject)).collect()
    }

    fn name(&mut self, subjects: Vec<Subject>) {
        if let Some(left_out) = &mut self.left_out {
            for subject in subjects {
                left_out.name(subject);
            }
        }
    }

    /// Leaves out what a Rollout has named that is gone or names something else now.
    fn let_go(&mut self, kind: Kind, rollout: &Object) {
        if kind != Kind::Rollout || self.left_out.is_none() {
            return;
        }
        for subject in interests(rollout) {
            if self.is_named(&subject) {
                continue;
            }
            if let Some(left_out) = &mut self.left_out {
                left_out.let_go(&subject);
            }
            let (kind, namespace, name) = &subject;
            let whole = self.get(*kind, namespace, name).filter(|stored| !stored.outline);
            let Some(object) = whole.map(|stored| self.read(stored)) else { continue };
            match kind {
                Kind::Deployment => {
                    self.take_out_all(Kind::ReplicaSet, namespace, hash(&object.uid()), |state| &state.replica_sets);
                    // What is taken in again is left out now.
                    self.take_in(Kind::Deployment, &object, 0, |_, _| true);
                }
                Kind::Service => {
                    self.take_out_all(Kind::EndpointSlice, namespace, hash(&(namespace, name)), |state| &state.slices);
                    if let Some(left_out) = &mut self.left_out {
                        left_out.leave_out(Kind::Service, &object);
                    }
                }
                _ => {}
            }
        }
    }

    fn take_out_all(&mut self, kind: Kind, namespace: &str, key: u64, index: fn(&Self) -> &Index<Box<str>>) {
        let names: Vec<Box<str>> = index(self).under(key).cloned().collect();
        for name in names {
            self.take_out(kind, namespace, &name);
        }
    }

    fn index(&mut self, kind: Kind, object: &Object) {
        self.selection.insert(kind, object);
        self.indexes(kind, object, Index::insert, Index::insert);
    }

    fn unindex(&mut self, kind: Kind, object: &Object) {
        self.selection.remove(kind, object);
        self.indexes(kind, object, Index::remove, Index::remove);
    }

    fn indexes(
        &mut self,
        kind: Kind,
        object: &Object,
        change_names: fn(&mut Index<Box<str>>, u64, Box<str>),
        change_rollouts: fn(&mut Index<Arc<RolloutKey>>, u64, Arc<RolloutKey>),
    ) {
        let name = || object.name().into();
        match kind {
            Kind::Rollout => {
                let key = Arc::new(RolloutKey::new(object.namespace(), object.name()));
                for subject in interests(object) {
                    change_rollouts(&mut self.interested, hash(&subject), Arc::clone(&key));
                }
            }
            Kind::ReplicaSet => {
                if let Some(owner) = object.controller_uid() {
                    change_names(&mut self.replica_sets, hash(&owner), name());
                }
            }
            Kind::EndpointSlice => {
                if let Some(service) = service_of_slice(object) {
                    change_names(&mut self.slices, hash(&(object.namespace(), service)), name());
                }
            }
            _ => {}
        }
    }
}

impl Deleted {
    fn remember(&mut self, uid: &str) {
        if self.uids.insert(uid.into()) {
            self.order.push_back(uid.into());
        }
        if self.order.len() > REMEMBERED_DELETIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }
}
