//! How a reconcile waits for its turn, and how it is told that its Rollout was woken while it waits.

use std::{
    future::{Future, pending, ready},
    sync::Arc,
};

use super::{
    queue::Running,
    slots::{Slot, Slots},
};

/// What takes time, and so is done by few at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Asking Prometheus, which may hang.
    Ask,
    /// Reading and writing objects of the API server.
    Act,
}

/// How a reconcile waits, and what may disturb it.
pub trait Turn: Send + Sync {
    /// What is held while the work is done; dropping it gives it back.
    type Slot: Send;

    /// Waits until there is room for the work.
    fn slot(&self, work: Work) -> impl Future<Output = Self::Slot> + Send;

    /// The same, where there is room at once.
    fn slot_at_once(&self, work: Work) -> Option<Self::Slot>;

    /// Waits until the Rollout is woken.
    fn woken(&self) -> impl Future<Output = ()> + Send;
}

/// The turn of somebody who is alone: there is room for everything, and nobody disturbs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Undisturbed;

impl Turn for Undisturbed {
    type Slot = ();

    fn slot(&self, _: Work) -> impl Future<Output = ()> + Send {
        ready(())
    }

    fn slot_at_once(&self, _: Work) -> Option<()> {
        Some(())
    }

    fn woken(&self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// What may be done at once, over all namespaces.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) asking: Slots,
    pub(super) acting: Slots,
}

/// The turn of one among many, from a queue.
pub(super) struct QueuedTurn {
    pub(super) running: Arc<Running>,
    pub(super) room: Room,
    pub(super) namespace: String,
}

impl QueuedTurn {
    fn slots(&self, work: Work) -> &Slots {
        match work {
            Work::Ask => &self.room.asking,
            Work::Act => &self.room.acting,
        }
    }
}

impl Turn for QueuedTurn {
    type Slot = Slot;

    async fn slot(&self, work: Work) -> Slot {
        self.running.step_aside();
        self.slots(work).acquire(&self.namespace).await
    }

    fn slot_at_once(&self, work: Work) -> Option<Slot> {
        let slot = self.slots(work).try_acquire(&self.namespace)?;
        // What is done with it takes time.
        self.running.step_aside();
        Some(slot)
    }

    async fn woken(&self) {
        self.running.woken().await;
    }
}
