//! Which Rollout, or other object with a life of its own, is reconciled when: each at its own time, none twice at once,
//! and none able to disturb another.
//!
//! A Rollout is in the queue once, with the earliest time that anybody asked for. Changes wake it at once, also out of
//! a back-off. A reconcile that fails backs off exponentially; one that panics is caught and backs off in the same way.
//!
//! Few reconciles are in their places at once, so that many Rollouts that are due together do not become many tasks at
//! once. One that waits for others, like Prometheus, steps aside: it keeps nobody from starting.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::Again;
use crate::model::RolloutKey;

/// A reconcile that is to be repeated within this time is a hurried one.
const HURRY: Duration = Duration::from_millis(50);
/// How many hurried reconciles in a row are nothing unusual.
const HURRIED_BY_PROGRESS: u32 = 10;
/// The longest pause of a Rollout that fails, or does not come to rest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause of one that could not take traffic or a pin away.
const LONGEST_PAUSE_OF_LOWERING: Duration = Duration::from_secs(2);
/// The least pause of one that fails or does not come to rest, where a look is due already.
const SOONEST_LOOK: Duration = Duration::from_millis(500);

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well; again as it says, if nothing happens before.
    Again(Again),
    /// The Rollout does not exist any more.
    Gone,
    /// Something had changed under it: another try will do.
    Conflict {
        /// When the next look is due.
        look: Option<Duration>,
    },
    /// Not well.
    Failed(Failure),
    /// With a panic.
    Panicked,
}

/// How a failed reconcile wants to be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Whether what failed was to take traffic or a pin away.
    pub lowers_risk: bool,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
    /// When the next look is due.
    pub look: Option<Duration>,
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
    /// The reconcile that runs.
    running: Option<Arc<Running>>,
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
            None => {
                entry.woken = true;
                if let Some(running) = &entry.running {
                    running.woken.notify_one();
                }
            }
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

    /// Reconciles until told to stop, with at most `places` Rollouts in their places at a time, and then waits for all
    /// that run. Where the future is dropped instead, the running reconciles are dropped with it and are due again.
    pub async fn run<Reconcile, Outcome>(&self, places: usize, stop: &CancellationToken, reconcile: Reconcile)
    where
        Reconcile: Fn(Key, Arc<Running>) -> Outcome,
        Outcome: Future<Output = Ended> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(places.max(1)));
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                (task, running) = self.next(&places) => {
                    let reconcile = AssertUnwindSafe(reconcile(task.key.clone(), running)).catch_unwind();
                    tasks.spawn(async move {
                        task.end(reconcile.await.unwrap_or(Ended::Panicked));
                    });
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Waits until a Rollout is due and there is a place for it. May be given up at any time.
    async fn next(&self, places: &Arc<Semaphore>) -> (Task<Key>, Arc<Running>) {
        let place = match Arc::clone(places).acquire_owned().await {
            Ok(place) => place,
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        };
        let key = loop {
            let pause = match self.take() {
                Next::Start(key) => break key,
                Next::At(due) => Some(due),
                Next::Never => None,
            };
            tokio::select! {
                () = self.shared.changed.notified() => {}
                () = tokio::time::sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => {}
            }
        };
        self.start(key, place)
    }

    fn start(&self, key: Key, place: OwnedSemaphorePermit) -> (Task<Key>, Arc<Running>) {
        let running = Arc::new(Running { woken: Notify::new(), place: Mutex::new(Some(place)) });
        if let Some(entry) = self.lock().entries.get_mut(&key) {
            entry.running = Some(Arc::clone(&running));
        }
        (Task { queue: self.clone(), key, ended: false }, running)
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
        Next::Start(key)
    }

    fn end(&self, key: &Key, ended: Ended) {
        let mut state = self.lock();
        let Some(entry) = state.entries.get_mut(key) else { return };
        entry.running = None;
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
                let soonest = if entry.hurried > HURRIED_BY_PROGRESS { SOONEST_LOOK } else { HURRY };
                let look = look.map_or(calmed, |look| look.max(soonest));
                if entry.woken { Duration::ZERO } else { calmed.min(look) }
            }
            Ended::Conflict { .. } | Ended::Failed(_) | Ended::Panicked => {
                entry.failures = entry.failures.saturating_add(1);
                if entry.woken && ended != Ended::Panicked { Duration::ZERO } else { retry(key, ended, entry.failures) }
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
    Start(Key),
    At(Instant),
    Never,
}

/// A reconcile that runs, as it sees the queue.
#[derive(Debug)]
pub struct Running {
    woken: Notify,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Running {
    /// Lets another one have its place, for good: what it waits for takes time, and what it does afterwards takes none.
    pub(super) fn step_aside(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits until its Rollout is woken; at once where it was woken since the start or the last time.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }
}

/// A Rollout that is being reconciled. Where its task is dropped before its end, it goes back into the queue.
struct Task<Key: QueueKey> {
    queue: Queue<Key>,
    key: Key,
    ended: bool,
}

impl<Key: QueueKey> Task<Key> {
    fn end(mut self, ended: Ended) {
        self.ended = true;
        self.queue.end(&self.key, ended);
    }
}

impl<Key: QueueKey> Drop for Task<Key> {
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

/// How long to wait after a failure. What lowers risk is tried again soon, and a look comes at its time; but a server that
/// asked to be left alone is left alone.
fn retry(key: &impl Hash, ended: Ended, failures: u32) -> Duration {
    let pause = back_off(key, ended, failures);
    let at_the_look = |look: Option<Duration>| look.map_or(pause, |look| pause.min(look.max(SOONEST_LOOK)));
    match ended {
        Ended::Failed(Failure { lowers_risk, retry_after, look }) => {
            let pause = if lowers_risk { pause.min(LONGEST_PAUSE_OF_LOWERING) } else { pause };
            pause.min(at_the_look(look)).max(retry_after.unwrap_or_default().min(LONGEST_PAUSE))
        }
        Ended::Conflict { look } => at_the_look(look),
        _ => pause,
    }
}

/// How long to wait after the given number of failures in a row: doubling, with a spread of a quarter that depends on
/// the Rollout, so that many which failed together do not come back together.
fn back_off(key: &impl Hash, ended: Ended, failures: u32) -> Duration {
    let (first, longest) = match ended {
        Ended::Conflict { .. } => (Duration::from_millis(50), Duration::from_secs(5)),
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
