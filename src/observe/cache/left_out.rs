//! What a cache of what is named leaves out, and what of it has to be read again once a Rollout names it.

use std::collections::{BTreeMap, HashSet};

use super::Wanted;
use crate::{
    model::Object,
    observe::{
        Kind,
        index::hash,
        interest::{Subject, subject},
    },
};

/// How much of an object is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// All that [`trim`](crate::observe::trim::trim) leaves.
    Whole,
    /// What others may need to know of it.
    Outline,
    /// Nothing.
    Nothing,
}

/// What was left out because no Rollout names it.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Hashes of the Deployments and Services of which something was left out.
    names: HashSet<u64>,
    /// Those that Rollouts name since, and whether [`LeftOut::take_wanted`] has given them.
    wanted: BTreeMap<Subject, bool>,
}

impl LeftOut {
    /// How much of an object that no Rollout names is kept.
    pub(super) fn worth(kind: Kind) -> Worth {
        match kind {
            Kind::Deployment => Worth::Outline,
            Kind::ReplicaSet | Kind::EndpointSlice => Worth::Nothing,
            // These are small, or what they concern can't be told by their names.
            _ => Worth::Whole,
        }
    }

    /// Something of what this object stands for is left out.
    pub(super) fn leave_out(&mut self, kind: Kind, object: &Object) {
        if let Some(subject) = subject(kind, object) {
            self.names.insert(hash(&subject));
        }
    }

    /// A Rollout names this, and none did.
    pub(super) fn name(&mut self, subject: Subject) {
        if self.names.remove(&hash(&subject)) {
            self.wanted.insert(subject, false);
        }
    }

    /// No Rollout names this any more; what was wanted of it stays left out.
    pub(super) fn let_go(&mut self, subject: &Subject) {
        if self.wanted.remove(subject).is_some() {
            self.names.insert(hash(subject));
        }
    }

    /// What there is no more has nothing to be left out.
    pub(super) fn forget(&mut self, subject: &Subject) {
        self.names.remove(&hash(subject));
    }

    pub(super) fn wants_nothing(&self) -> bool {
        self.wanted.is_empty()
    }

    pub(super) fn wants(&self, subject: &Subject) -> bool {
        self.wanted.contains_key(subject)
    }

    /// What is wanted and was not given yet.
    pub(super) fn take_wanted(&mut self) -> Vec<Wanted> {
        let new = self.wanted.iter_mut().filter_map(|(subject, given)| {
            let given_before = std::mem::replace(given, true);
            if given_before { None } else { Wanted::of(subject) }
        });
        new.collect()
    }

    /// All that there is of something wanted has been read.
    pub(super) fn answered(&mut self, subject: &Subject) {
        self.wanted.remove(subject);
    }
}

impl Wanted {
    fn of((kind, namespace, name): &Subject) -> Option<Self> {
        let (namespace, name) = (namespace.clone(), name.clone());
        match kind {
            Kind::Deployment => Some(Self::Deployment { namespace, name }),
            Kind::Service => Some(Self::EndpointSlices { namespace, service: name }),
            _ => None,
        }
    }

    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Deployment { namespace, name } => (Kind::Deployment, namespace.clone(), name.clone()),
            Self::EndpointSlices { namespace, service } => (Kind::Service, namespace.clone(), service.clone()),
        }
    }
}
