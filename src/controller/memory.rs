//! What a process remembers of its writes for each Rollout. It ends with the process: what has to last is in the status.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    model::{Key, RolloutKey},
    observe::{FailedWrite, Writes},
};

/// What became of the writes for each Rollout.
#[derive(Debug, Default)]
pub struct Memory {
    writes: Mutex<HashMap<RolloutKey, Writes>>,
}

impl Memory {
    /// What is known of the writes for a Rollout.
    pub fn writes(&self, rollout: &RolloutKey) -> Writes {
        self.lock().get(rollout).cloned().unwrap_or_default()
    }

    /// A write was taken.
    pub fn taken(&self, rollout: &RolloutKey, target: &Key) {
        self.lock().entry(rollout.clone()).or_default().taken(target);
    }

    /// A write was not taken.
    pub fn refused(&self, rollout: &RolloutKey, failed: FailedWrite) {
        self.lock().entry(rollout.clone()).or_default().refused(failed);
    }

    /// The Rollout is gone.
    pub fn forget(&self, rollout: &RolloutKey) {
        self.lock().remove(rollout);
    }

    /// The process is another one.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RolloutKey, Writes>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
