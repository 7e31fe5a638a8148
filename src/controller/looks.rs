//! Remembers when each Rollout or AnalysisRun was last looked at. Not in the status: a look that shows nothing new writes
//! nothing, and after a restart a look too many does no harm.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::Timestamp;

/// The times of the last looks.
#[derive(Debug)]
pub(super) struct Looks<Key>(Mutex<HashMap<Key, Timestamp>>);

impl<Key> Default for Looks<Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Clone + Eq + Hash> Looks<Key> {
    /// When the object was last looked at, as far as this process knows.
    pub(super) fn last(&self, key: &Key) -> Option<Timestamp> {
        self.lock().get(key).copied()
    }

    /// A look was taken, of what Prometheus knew at this time.
    pub(super) fn took(&self, key: &Key, at: Timestamp) {
        self.lock().insert(key.clone(), at);
    }

    /// The object is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
