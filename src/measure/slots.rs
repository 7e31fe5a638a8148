//! Who may ask next. Slots are few, and whoever writes slow queries would hold all of them: so a namespace gets another
//! one only while more are free than it has. One alone takes half of them, the next one half of the rest, and so on; a
//! namespace that has none waits for the first that comes free.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// A number of slots, shared by namespaces.
#[derive(Debug)]
pub(super) struct Slots {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// How many each namespace has; none has 0.
    taken: BTreeMap<String, usize>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    namespace: String,
    slot: oneshot::Sender<Slot>,
}

/// A slot that is held; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    /// None where it was given back already.
    slots: Option<Arc<Slots>>,
    namespace: String,
}

impl Slots {
    /// So many slots; at least one.
    pub(super) fn new(number: usize) -> Arc<Self> {
        let state = State { free: number.max(1), taken: BTreeMap::new(), waiting: VecDeque::new() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Waits for a slot. Whoever gives up waiting loses nothing for the others.
    pub(super) async fn take(self: &Arc<Self>, namespace: &str) -> Slot {
        let receiver = {
            let mut state = self.lock();
            if state.take(namespace) {
                return self.slot(namespace);
            }
            let (slot, receiver) = oneshot::channel();
            state.waiting.push_back(Waiting { namespace: namespace.to_owned(), slot });
            receiver
        };
        match receiver.await {
            Ok(slot) => slot,
            // Nobody drops a sender that waits while its receiver is there.
            Err(_) => Slot { slots: None, namespace: namespace.to_owned() },
        }
    }

    fn slot(self: &Arc<Self>, namespace: &str) -> Slot {
        Slot { slots: Some(Arc::clone(self)), namespace: namespace.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what is free to those who wait.
    fn give(self: &Arc<Self>) {
        loop {
            let Some(next) = self.lock().next() else { return };
            // Not under the lock, and not by dropping: whoever gave up meanwhile would give the slot back from in here.
            if let Err(mut slot) = next.slot.send(self.slot(&next.namespace)) {
                slot.slots = None;
                self.lock().put_back(&next.namespace);
            }
        }
    }
}

impl State {
    /// Takes a slot for a namespace, where it may have one.
    fn take(&mut self, namespace: &str) -> bool {
        let has = self.taken.get(namespace).copied().unwrap_or(0);
        let may = self.free > has;
        if may {
            self.free -= 1;
            self.taken.insert(namespace.to_owned(), has + 1);
        }
        may
    }

    fn put_back(&mut self, namespace: &str) {
        self.free += 1;
        if let Some(has) = self.taken.get_mut(namespace) {
            *has -= 1;
            if *has == 0 {
                self.taken.remove(namespace);
            }
        }
    }

    /// The next who gets a slot, which is taken for it: of those who have the fewest, who came first.
    fn next(&mut self) -> Option<Waiting> {
        self.waiting.retain(|waiting| !waiting.slot.is_closed());
        let has = |waiting: &Waiting| self.taken.get(&waiting.namespace).copied().unwrap_or(0);
        let (index, _) = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| has(waiting))?;
        let next = self.waiting.remove(index)?;
        if self.take(&next.namespace) {
            return Some(next);
        }
        // Who has the fewest may not have another one, and so nobody may.
        self.waiting.insert(index.min(self.waiting.len()), next);
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.slots.take() {
            slots.lock().put_back(&self.namespace);
            slots.give();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what can be had at once.
    async fn at_once(slots: &Arc<Slots>, namespace: &str) -> Option<Slot> {
        let mut taking = std::pin::pin!(slots.take(namespace));
        match futures::poll!(&mut taking) {
            std::task::Poll::Ready(slot) => Some(slot),
            std::task::Poll::Pending => None,
        }
    }

    async fn all_at_once(slots: &Arc<Slots>, namespace: &str) -> Vec<Slot> {
        let mut taken = Vec::new();
        while let Some(slot) = at_once(slots, namespace).await {
            taken.push(slot);
        }
        taken
    }

    #[tokio::test]
    async fn a_namespace_takes_half_of_what_others_leave() {
        let slots = Slots::new(16);
        let mut held = Vec::new();
        for (namespace, expected) in [("a", 8), ("b", 4), ("c", 2), ("d", 1), ("e", 1), ("f", 0)] {
            let taken = all_at_once(&slots, namespace).await;
            assert_eq!(taken.len(), expected, "{namespace}");
            held.push(taken);
        }
        drop(held);
        assert_eq!(all_at_once(&slots, "g").await.len(), 8);
        assert_eq!(slots.lock().free, 16);
        assert!(slots.lock().taken.is_empty());
    }

    #[tokio::test]
    async fn one_slot_is_enough() {
        let slots = Slots::new(0);
        let only = slots.take("a").await;
        assert!(at_once(&slots, "a").await.is_none() && at_once(&slots, "b").await.is_none());
        drop(only);
        assert!(at_once(&slots, "b").await.is_some());
    }

    #[tokio::test]
    async fn who_has_the_fewest_comes_first_and_then_who_came_first() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take("a").await, slots.take("b").await);
        let mut again = Box::pin(slots.take("a"));
        let mut new = Box::pin(slots.take("c"));
        let mut newer = Box::pin(slots.take("d"));
        assert!(futures::poll!(&mut again).is_pending());
        assert!(futures::poll!(&mut new).is_pending() && futures::poll!(&mut newer).is_pending());
        drop(second);
        assert!(futures::poll!(&mut again).is_pending() && futures::poll!(&mut newer).is_pending());
        let third = new.await;
        drop(first);
        assert!(futures::poll!(&mut newer).is_pending());
        let _fourth = again.await;
        drop(third);
        let _fifth = newer.await;
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_nothing_behind() {
        let slots = Slots::new(1);
        let only = slots.take("a").await;
        let mut gives_up = Box::pin(slots.take("b"));
        let mut gives_up_late = Box::pin(slots.take("c"));
        let mut stays = Box::pin(slots.take("d"));
        assert!(futures::poll!(&mut gives_up).is_pending() && futures::poll!(&mut gives_up_late).is_pending());
        assert!(futures::poll!(&mut stays).is_pending());
        drop(gives_up);
        drop(only);
        // Its slot is there, and it is given up before it is fetched.
        drop(gives_up_late);
        drop(stays.await);
        assert_eq!(slots.lock().free, 1);
        assert!(slots.lock().waiting.is_empty() && slots.lock().taken.is_empty());
    }
}
