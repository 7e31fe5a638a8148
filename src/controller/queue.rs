//! Which Rollout, or other object with a life of its own, is reconciled when: each at its own time, none twice at once,
//! and none able to disturb another.
//!
//! A Rollout is in the queue once, with the earliest time that anybody asked for. Changes wake it at once, also out of
//! a back-off. A reconcile that fails backs off exponentially; one that panics is caught and backs off in the same way.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::{sync::Notify, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::Again;
use crate::model::RolloutKey;

/// A reconcile that is to be repeated within this time is a hurried one.
const HURRY: Duration = Duration::from_millis(50);
/// How many hurried reconciles in a row are nothing unusual.
const HURRIED_BY_PROGRESS: u32 = 10;
/// The longest pause of a Rollout that fails, or does not come to rest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well; again as it says, if nothing happens before.
    Again(Again),
    /// The Rollout does not exist any more.
    Gone,
    /// Something had changed under it: another look will do.
    Conflict,
    /// Not well.
    Failed,
    /// With a panic.
    Panicked,
}

/// The queue. Cloning gives another handle on the same queue.
#[derive(Debug)]
pub struct Queue<Key = RolloutKey> {
    shared: Arc<Shared<Key>>,
}

#[derive(Debug)]
struct Shared<Key> {
    state: Mutex<State<Key>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<Key> {
    entries: HashMap<Key, Entry>,
    /// The waiting entries in the order of their times.
    waiting: BTreeSet<(Instant, Key)>,
}

#[derive(Debug, Default)]
struct Entry {
    /// When it is due; nothing while it runs.
    due: Option<Instant>,
    /// It was woken while it ran.
    woken: bool,
    /// How many reconciles in a row did not end well.
    failures: u32,
    /// How many in a row ended well and were soon to be repeated.
    hurried: u32,
}

/// What a queue may tell its entries apart by.
pub trait QueueKey: Clone + std::fmt::Debug + Ord + Hash + Send + Sync + 'static {}

impl<Key: Clone + std::fmt::Debug + Ord + Hash + Send + Sync + 'static> QueueKey for Key {}

impl<Key> Clone for Queue<Key> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<Key: QueueKey> Default for Queue<Key> {
    fn default() -> Self {
        let state = Mutex::new(State { entries: HashMap::new(), waiting: BTreeSet::new() });
        Self { shared: Arc::new(Shared { state, changed: Notify::new() }) }
    }
}

impl<Key: QueueKey> Queue<Key> {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has a Rollout reconciled as soon as there is room.
    pub fn wake(&self, key: Key) {
        let now = Instant::now();
        let mut state = self.lock();
        let entry = state.entries.entry(key.clone()).or_insert_with(|| Entry { due: Some(now), ..Entry::default() });
        match entry.due {
            None => entry.woken = true,
            Some(due) => {
                entry.due = Some(due.min(now));
                let earlier = due.min(now);
                state.waiting.remove(&(due, key.clone()));
                state.waiting.insert((earlier, key));
            }
        }
        drop(state);
        self.shared.changed.notify_one();
    }

    /// How many Rollouts are due and wait for room.
    pub fn due(&self) -> usize {
        let now = Instant::now();
        self.lock().waiting.iter().take_while(|(due, _)| *due <= now).count()
    }

    /// Reconciles until told to stop, at most `concurrency` Rollouts at a time, and then waits for those that run.
    /// Where the future is dropped instead, the running reconciles are dropped with it and are due again.
    pub async fn run<Reconcile, Outcome>(&self, concurrency: usize, stop: &CancellationToken, reconcile: Reconcile)
    where
        Reconcile: Fn(Key) -> Outcome,
        Outcome: Future<Output = Ended> + Send + 'static,
    {
        let mut running = JoinSet::new();
        loop {
            let next = if running.len() < concurrency { self.take() } else { Next::Full };
            let pause = match next {
                Next::Start(started) => {
                    let reconcile = AssertUnwindSafe(reconcile(started.key.clone())).catch_unwind();
                    running.spawn(async move {
                        started.end(reconcile.await.unwrap_or(Ended::Panicked));
                    });
                    if stop.is_cancelled() {
                        break;
                    }
                    continue;
                }
                Next::At(due) => Some(due),
                Next::Full | Next::Never => None,
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.shared.changed.notified() => {}
                () = tokio::time::sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Takes the first Rollout that is due.
    fn take(&self) -> Next<Key> {
        let mut state = self.lock();
        let Some((due, key)) = state.waiting.first().cloned() else { return Next::Never };
        if due > Instant::now() {
            return Next::At(due);
        }
        state.waiting.pop_first();
        if let Some(entry) = state.entries.get_mut(&key) {
            entry.due = None;
            entry.woken = false;
        }
        drop(state);
        Next::Start(Running { queue: self.clone(), key, ended: false })
    }

    fn end(&self, key: &Key, ended: Ended) {
        let mut state = self.lock();
        let Some(entry) = state.entries.get_mut(key) else { return };
        let delay = match ended {
            Ended::Gone if !entry.woken => {
                state.entries.remove(key);
                return;
            }
            Ended::Gone => Duration::ZERO,
            Ended::Again(Again { after, look }) => {
                entry.failures = 0;
                entry.hurried = if after <= HURRY { entry.hurried.saturating_add(1) } else { 0 };
                let calmed = after.max(calm(entry.hurried));
                let look = look.map_or(calmed, |look| look.max(HURRY));
                if entry.woken { Duration::ZERO } else { calmed.min(look) }
            }
            Ended::Conflict | Ended::Failed | Ended::Panicked => {
                entry.failures = entry.failures.saturating_add(1);
                if entry.woken && ended != Ended::Panicked {
                    Duration::ZERO
                } else {
                    back_off(key, ended, entry.failures)
                }
            }
        };
        let due = Instant::now() + delay;
        entry.due = Some(due);
        state.waiting.insert((due, key.clone()));
        drop(state);
        self.shared.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State<Key>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next<Key: QueueKey> {
    Start(Running<Key>),
    At(Instant),
    Never,
    Full,
}

/// A Rollout that is being reconciled. Where its task is dropped before its end, it goes back into the queue.
struct Running<Key: QueueKey> {
    queue: Queue<Key>,
    key: Key,
    ended: bool,
}

impl<Key: QueueKey> Running<Key> {
    fn end(mut self, ended: Ended) {
        self.ended = true;
        self.queue.end(&self.key, ended);
    }
}

impl<Key: QueueKey> Drop for Running<Key> {
    fn drop(&mut self) {
        if !self.ended {
            self.queue.end(&self.key, Ended::Again(Again::after(Duration::ZERO)));
        }
    }
}

/// The least time until the next reconcile after so many hurried ones. Progress is some hurried reconciles in a row;
/// many more are a plan that does not come to rest, and it must not become a stream of writes.
fn calm(hurried: u32) -> Duration {
    let excess = hurried.saturating_sub(HURRIED_BY_PROGRESS);
    if excess == 0 { Duration::ZERO } else { HURRY.saturating_mul(2_u32.saturating_pow(excess)).min(LONGEST_PAUSE) }
}

/// How long to wait after the given number of failures in a row: doubling, with a spread of a quarter that depends on
/// the Rollout, so that many which failed together do not come back together.
fn back_off(key: &impl Hash, ended: Ended, failures: u32) -> Duration {
    let (first, longest) = match ended {
        Ended::Conflict => (Duration::from_millis(50), Duration::from_secs(5)),
        _ => (Duration::from_millis(200), LONGEST_PAUSE),
    };
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(longest);
    let mut hasher = DefaultHasher::new();
    (key, failures).hash(&mut hasher);
    let spread = (hasher.finish() % 256) as f64 / 256.0;
    doubled.mul_f64(1.0 - spread / 4.0)
}

#[cfg(test)]
mod tests;
