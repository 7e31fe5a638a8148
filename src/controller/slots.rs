//! A few slots for work that takes time, shared fairly by namespace: a free slot goes to the waiting namespace that has
//! the fewest, and in one namespace to whoever waits longest.
//!
//! The last slots are kept for namespaces that have none, so one whose questions hang can't take them all.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt;
use tokio::sync::oneshot;

/// Slots. Cloning gives another handle on the same ones.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// So many free slots are left to namespaces that have none.
    reserve: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// By namespace; none of them is empty.
    namespaces: HashMap<Arc<str>, Namespace>,
    /// The namespaces that wait, the one that is next first: how many slots it has, since when its first one waits.
    order: BTreeSet<(usize, u64, Arc<str>)>,
    arrivals: u64,
}

#[derive(Debug, Default)]
struct Namespace {
    /// How many slots it has.
    held: usize,
    /// Who waits, with the number of its arrival.
    waiting: VecDeque<(u64, oneshot::Sender<Slot>)>,
}

/// A slot, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    namespace: Arc<str>,
}

impl Slots {
    /// This many slots; a quarter of them is kept for namespaces that have none.
    pub(super) fn new(number: usize) -> Self {
        let state = State { free: number.max(1), namespaces: HashMap::new(), order: BTreeSet::new(), arrivals: 0 };
        Self { shared: Arc::new(Shared { reserve: number / 4, state: Mutex::new(state) }) }
    }

    /// A slot, once it is the namespace's turn.
    pub(super) async fn acquire(&self, namespace: &str) -> Slot {
        let (sender, granted) = oneshot::channel();
        self.wait(&namespace.into(), sender);
        self.grant();
        match granted.await {
            Ok(slot) => slot,
            // Nobody drops a sender unanswered: `self` keeps the waiting ones alive.
            Err(_) => std::future::pending().await,
        }
    }

    /// A slot, if there is one at once.
    pub(super) fn try_acquire(&self, namespace: &str) -> Option<Slot> {
        self.acquire(namespace).now_or_never()
    }

    fn wait(&self, namespace: &Arc<str>, sender: oneshot::Sender<Slot>) {
        self.lock().change(namespace, |state, known| {
            state.arrivals += 1;
            known.waiting.push_back((state.arrivals, sender));
        });
    }

    /// Gives free slots to those that wait.
    fn grant(&self) {
        loop {
            // A bound name, so that the lock is not held when a slot comes back from whoever has given up.
            let next = self.lock().next(self.shared.reserve);
            let Some((namespace, sender)) = next else { return };
            drop(sender.send(Slot { slots: self.clone(), namespace }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Changes a namespace and keeps the order up to date.
    fn change<T>(&mut self, name: &Arc<str>, change: impl FnOnce(&mut Self, &mut Namespace) -> T) -> T {
        let mut namespace = self.namespaces.remove(name).unwrap_or_default();
        if let Some((arrival, _)) = namespace.waiting.front() {
            self.order.remove(&(namespace.held, *arrival, Arc::clone(name)));
        }
        let result = change(self, &mut namespace);
        // Those that have given up don't count.
        while namespace.waiting.front().is_some_and(|(_, sender)| sender.is_closed()) {
            namespace.waiting.pop_front();
        }
        if let Some((arrival, _)) = namespace.waiting.front() {
            self.order.insert((namespace.held, *arrival, Arc::clone(name)));
        }
        if namespace.held > 0 || !namespace.waiting.is_empty() {
            self.namespaces.insert(Arc::clone(name), namespace);
        }
        result
    }

    /// Takes a slot for whoever is next, if it may have one.
    fn next(&mut self, reserve: usize) -> Option<(Arc<str>, oneshot::Sender<Slot>)> {
        loop {
            let (held, _, name) = self.order.first()?.clone();
            if self.free == 0 || (held > 0 && self.free <= reserve) {
                return None;
            }
            let sender = self.change(&name, |state, namespace| {
                let (_, sender) = namespace.waiting.pop_front().filter(|(_, sender)| !sender.is_closed())?;
                namespace.held += 1;
                state.free -= 1;
                Some(sender)
            });
            if let Some(sender) = sender {
                return Some((name, sender));
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().change(&self.namespace, |state, namespace| {
            namespace.held = namespace.held.saturating_sub(1);
            state.free += 1;
        });
        self.slots.grant();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_slot_goes_to_the_namespace_that_has_the_fewest() {
        let slots = Slots::new(2);
        let held = [slots.try_acquire("busy").unwrap(), slots.try_acquire("busy").unwrap()];
        let mut more = Box::pin(slots.acquire("busy"));
        let mut other = Box::pin(slots.acquire("other"));
        assert!(more.as_mut().now_or_never().is_none() && other.as_mut().now_or_never().is_none());
        let [first, second] = held;
        drop(first);
        let other = other.now_or_never().expect("the namespace without a slot comes first");
        assert!(more.as_mut().now_or_never().is_none());
        drop(second);
        assert!(more.now_or_never().is_some());
        drop(other);
    }

    #[test]
    fn a_namespace_that_has_slots_leaves_the_last_quarter_to_those_that_have_none() {
        let slots = Slots::new(8);
        let held: Vec<Slot> = std::iter::from_fn(|| slots.try_acquire("hostile")).take(100).collect();
        assert_eq!(held.len(), 6);
        let others = [slots.try_acquire("one"), slots.try_acquire("two"), slots.try_acquire("three")];
        assert_eq!(others.map(|slot| slot.is_some()), [true, true, false]);
    }

    #[test]
    fn in_one_namespace_whoever_waits_longest_is_next() {
        let slots = Slots::new(1);
        let held = slots.try_acquire("shop").unwrap();
        let mut first = Box::pin(slots.acquire("shop"));
        let mut second = Box::pin(slots.acquire("shop"));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(held);
        let first = first.now_or_never().expect("the first is next");
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn who_gives_up_waiting_costs_nobody_a_slot() {
        let slots = Slots::new(1);
        let held = slots.try_acquire("shop").unwrap();
        let mut given_up = Box::pin(slots.acquire("shop"));
        let mut patient = Box::pin(slots.acquire("shop"));
        assert!(given_up.as_mut().now_or_never().is_none() && patient.as_mut().now_or_never().is_none());
        drop(given_up);
        drop(held);
        drop(patient.now_or_never().expect("the slot is not lost"));
        assert!(slots.try_acquire("other").is_some());
        assert_eq!(slots.lock().namespaces.len(), 0, "nothing is remembered of those that are gone");
    }

    #[test]
    fn ten_thousand_namespaces_that_wait_are_served_in_the_order_of_their_arrival() {
        let slots = Slots::new(1);
        let held = slots.try_acquire("first").unwrap();
        let mut waiting: Vec<_> =
            (0..10_000).map(|number| Box::pin(acquire(slots.clone(), format!("n{number}")))).collect();
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_none()));
        drop(held);
        // Each comes to its slot, gives it back at once, and so lets the next one have it.
        assert!(waiting.iter_mut().all(|one| one.as_mut().now_or_never().is_some()));
    }

    async fn acquire(slots: Slots, namespace: String) {
        drop(slots.acquire(&namespace).await);
    }
}
