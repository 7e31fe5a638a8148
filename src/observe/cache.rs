//! The shared cache of all watched objects, filled by watches and by the answers to writes.
//!
//! Both sources meet here in any order, so an object replaces another only if its resourceVersion is greater: a late
//! watch event never undoes what a write's answer has already shown. There is no client in here, which lets the
//! simulator use the same cache as production.
//!
//! A big cluster has far more workloads than Rollouts. So a cache may keep [`of what is named`](Cache::of_what_is_named)
//! only: of a Deployment that no Rollout names an outline, of its ReplicaSets and of the EndpointSlices of a Service
//! that no Rollout names nothing. Where a Rollout begins to name what was left out, it has to be read again
//! ([`Cache::wanted`], [`Cache::answer`]), and until then there is no snapshot of that Rollout: it would say that something
//! does not exist which does.

mod left_out;
mod state;
mod view;

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

use serde_json::Value;

use self::state::State;
pub use self::view::View;
use super::{Kind, trim::trim};
use crate::model::{Object, RolloutKey};

/// All watched objects. Cheap to read from many tasks at once.
#[derive(Debug, Default)]
pub struct Cache {
    state: RwLock<State>,
}

/// A complete list of a kind that is being taken in, object by object.
#[derive(Debug)]
#[must_use = "a list that does not come to its end takes nothing out"]
pub struct Listing {
    kind: Kind,
    number: u32,
    concerned: BTreeSet<RolloutKey>,
}

/// What has to be read before the Rollouts that name it can be decided on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// A Deployment and the ReplicaSets that it controls.
    Deployment {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The EndpointSlices of a Service.
    EndpointSlices {
        /// Its namespace.
        namespace: String,
        /// Its name.
        service: String,
    },
}

impl Cache {
    /// An empty cache that keeps everything it is given.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty cache that keeps whole only what Rollouts name. It should be given the Rollouts first, or all that they
    /// name has to be read twice.
    pub fn of_what_is_named() -> Self {
        let cache = Self::new();
        cache.write().leave_out();
        cache
    }

    /// A view for reading several objects as of one moment.
    pub fn read(&self) -> View<'_> {
        View::new(self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in an object as the server sent it, and says which Rollouts the change concerns: none, if the cache had
    /// the object in this or a later version already.
    pub fn put(&self, kind: Kind, object: Value) -> BTreeSet<RolloutKey> {
        let object = Object::new(trim(kind, object));
        self.write().put(kind, &object)
    }

    /// Takes in an object that was read again, also in the version that is known: after an upgrade a server may give an
    /// object that nobody has written with new defaults in it.
    pub fn renew(&self, kind: Kind, object: Value) -> BTreeSet<RolloutKey> {
        let object = Object::new(trim(kind, object));
        self.write().renew(kind, &object, 0)
    }

    /// Takes out an object that was deleted, unless another one has taken its name since. An empty uid takes out
    /// whatever has the name.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str, uid: &str) -> BTreeSet<RolloutKey> {
        self.write().delete(kind, namespace, name, uid)
    }

    /// Begins to take in a complete list of a kind. What comes in by other ways meanwhile is taken in as well.
    pub fn begin(&self, kind: Kind) -> Listing {
        Listing { kind, number: self.write().next_list(), concerned: BTreeSet::new() }
    }

    /// Takes in one object of a list. One that is listed at the known version is taken as well: after an upgrade of the
    /// server it may have defaults that it was not read with before.
    pub fn list(&self, listing: &mut Listing, object: Value) {
        let object = Object::new(trim(listing.kind, object));
        listing.concerned.append(&mut self.write().renew(listing.kind, &object, listing.number));
    }

    /// Ends a list: what was not in it goes, and the Rollouts that all of it concerns are given. An object that was made
    /// after the list was read goes too, and comes back with the first event of the watch that follows a list.
    pub fn end(&self, listing: Listing) -> BTreeSet<RolloutKey> {
        let Listing { kind, number, mut concerned } = listing;
        concerned.append(&mut self.write().remove_unlisted(kind, number));
        concerned
    }

    /// Takes in a complete list of a kind at once.
    pub fn replace_all(&self, kind: Kind, list: Vec<Value>) -> BTreeSet<RolloutKey> {
        let mut listing = self.begin(kind);
        for object in list {
            self.list(&mut listing, object);
        }
        self.end(listing)
    }

    /// What has to be read, and was not given by an earlier call.
    pub fn wanted(&self) -> Vec<Wanted> {
        if self.state.read().unwrap_or_else(PoisonError::into_inner).wants_nothing() {
            return Vec::new();
        }
        self.write().take_wanted()
    }

    /// Whether something still has to be read.
    pub fn wants(&self, wanted: &Wanted) -> bool {
        self.state.read().unwrap_or_else(PoisonError::into_inner).wants(&wanted.subject())
    }

    /// Takes in everything that there is of something wanted, and says which Rollouts can be decided on now.
    pub fn answer(&self, wanted: &Wanted, objects: Vec<(Kind, Value)>) -> BTreeSet<RolloutKey> {
        let objects: Vec<(Kind, Object)> =
            objects.into_iter().map(|(kind, object)| (kind, Object::new(trim(kind, object)))).collect();
        let mut state = self.write();
        for (kind, object) in &objects {
            state.renew(*kind, object, 0);
        }
        state.answered(wanted)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod naming_tests;
#[cfg(test)]
mod tests;
