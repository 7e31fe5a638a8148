//! One watch per kind: fills the cache and wakes the Rollouts that a change concerns.
//!
//! Objects arrive as JSON, so none can be malformed enough to stop a watch. A kind that is not installed is looked for
//! from time to time; where it appears its watch starts, and where it disappears its objects go.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
    time::Duration,
};

use anyhow::Context;
use futures::{FutureExt, TryStreamExt};
use kube::{
    Api, Client,
    runtime::{
        utils::Backoff,
        watcher::{self, DefaultBackoff, Event, watcher},
    },
};
use tokio::sync::watch;

use super::{
    Queue, RolloutKey, cluster_world::SharedCluster, complaints::Complaints, fetch::Fetcher, watched::Watched,
};
use crate::{
    act::resource,
    model::Key,
    observe::{Cache, Kind, Listing, read_rollout},
};

/// How often a kind that is not installed is looked for: one small request.
const SEARCH_INTERVAL: Duration = Duration::from_secs(30);
/// How long that request may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long until a kind that may not be read is tried again.
const GRANT_INTERVAL: Duration = Duration::from_mins(5);
/// How many objects a page of a list has: a page is in memory whole, and all kinds are listed at the same time.
const PAGE: u32 = 250;

/// What the watches of all kinds share.
#[derive(Clone)]
pub(super) struct Watches {
    pub(super) client: Client,
    pub(super) fetcher: Fetcher,
    /// The only namespace that is watched; all where there is none.
    pub(super) namespace: Option<String>,
    pub(super) cache: Arc<Cache>,
    pub(super) cluster: SharedCluster,
    pub(super) queue: Queue,
    /// The AnalysisRuns that have changed.
    pub(super) analysis_runs: Queue<Key>,
    /// The kinds whose first list is complete, or which are known to be absent.
    pub(super) known: watch::Sender<BTreeSet<Kind>>,
}

impl Watches {
    /// Watches one kind for ever. A watch that panics is started again; until it has listed all there is, the kind counts
    /// as unknown, and this process as not ready.
    pub(super) async fn run(self, kind: Kind) {
        if kind.kept_where_named() {
            // An error would mean that nobody can tell of a kind any more, and this task can.
            _ = self.known.subscribe().wait_for(|known| known.contains(&Kind::Rollout)).await;
        }
        let mut back_off = BackOff::new();
        loop {
            if AssertUnwindSafe(self.watch(kind)).catch_unwind().await.is_err() {
                tracing::error!(%kind, "a watch panicked and is started again");
                self.known.send_modify(|known| _ = known.remove(&kind));
            }
            back_off.wait().await;
        }
    }

    async fn watch(&self, kind: Kind) {
        if !kind.optional() || self.wait_until_installed(kind).await {
            self.follow(kind).await;
        }
    }

    /// Watches a kind until it turns out not to be installed.
    async fn follow(&self, kind: Kind) {
        let api: Api<Watched> = match &self.namespace {
            Some(namespace) if kind.namespaced() => {
                Api::namespaced_with(self.client.clone(), namespace, &resource(kind))
            }
            _ => Api::all_with(self.client.clone(), &resource(kind)),
        };
        let mut events = std::pin::pin!(watcher(api, watcher::Config::default().page_size(PAGE)));
        let mut listing = None;
        let (mut back_off, mut complaints) = (BackOff::new(), Complaints::default());
        loop {
            match events.try_next().await {
                Ok(Some(event)) => {
                    // That a list begins says nothing yet: it is how every attempt begins.
                    if !matches!(event, Event::Init | Event::InitApply(_)) {
                        back_off.reset();
                        if complaints.end() {
                            tracing::info!(%kind, "the watch goes on");
                        }
                    }
                    self.take_in(kind, event, &mut listing);
                }
                Ok(None) => return,
                Err(error) if kind.optional() && code(&error) == Some(404) => {
                    tracing::info!(%kind, "the kind is not installed any more; its watch is off");
                    return self.set_absent(kind);
                }
                // Only templates of the whole cluster are not a namespaced installation's to read, unless it was granted.
                Err(error) if self.namespace.is_some() && !kind.namespaced() && code(&error) == Some(403) => {
                    tracing::info!(%kind, "the kind may not be read; templates of the namespace are used alone");
                    self.set_absent(kind);
                    return tokio::time::sleep(GRANT_INTERVAL).await;
                }
                Err(error) => {
                    if complaints.is_news(&error.to_string()) {
                        tracing::warn!(%kind, %error, "a watch failed and is started again");
                    }
                    back_off.wait().await;
                }
            }
        }
    }

    /// Wakes the AnalysisRun of a change.
    fn wake_analysis_run(&self, kind: Kind, object: &Watched) {
        if let (Kind::AnalysisRun, [namespace, name, _]) = (kind, object.identity()) {
            self.analysis_runs.wake(Key::new(&kind.api_version(), kind.kind(), namespace, name));
        }
    }

    /// Wakes all AnalysisRuns, once the cache has what a list has told of.
    fn wake_analysis_runs(&self, kind: Kind) {
        if kind == Kind::AnalysisRun {
            let listed: Vec<Key> = self.cache.read().all(kind).map(|run| run.key()).collect();
            for key in listed {
                self.analysis_runs.wake(key);
            }
        }
    }

    fn take_in(&self, kind: Kind, event: Event<Watched>, listing: &mut Option<Listing>) {
        let concerned = match event {
            Event::Init => {
                *listing = Some(self.cache.begin(kind));
                return;
            }
            Event::InitApply(object) => {
                tell_if_malformed(kind, &object);
                if let Some(listing) = listing {
                    self.cache.list(listing, object.json);
                }
                return;
            }
            Event::InitDone => {
                tracing::debug!(%kind, "listed");
                let mut concerned = listing.take().map(|listing| self.cache.end(listing)).unwrap_or_default();
                concerned.append(&mut self.set_present(kind));
                self.wake_analysis_runs(kind);
                concerned
            }
            Event::Apply(object) => {
                self.wake_analysis_run(kind, &object);
                tell_if_malformed(kind, &object);
                self.cache.put(kind, object.json)
            }
            Event::Delete(object) => {
                let [namespace, name, uid] = object.identity();
                self.cache.delete(kind, namespace, name, uid)
            }
        };
        if kind == Kind::Rollout {
            self.fetcher.fetch_wanted();
        }
        self.wake(concerned);
    }

    fn wake(&self, rollouts: BTreeSet<RolloutKey>) {
        for rollout in rollouts {
            self.queue.wake(rollout);
        }
    }

    /// Waits until the API server serves a kind. Gives up where the answer is neither yes nor no; the watch will say
    /// what is wrong.
    async fn wait_until_installed(&self, kind: Kind) -> bool {
        let mut told = false;
        loop {
            match self.is_installed(kind).await {
                Ok(true) => return true,
                Ok(false) if !told => {
                    tracing::info!(%kind, "the kind is not installed; its watch is off until it is");
                    told = true;
                    self.set_absent(kind);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%kind, error = format!("{error:#}"), "can't find out whether the kind is installed");
                }
            }
            tokio::time::sleep(SEARCH_INTERVAL).await;
        }
    }

    async fn is_installed(&self, kind: Kind) -> anyhow::Result<bool> {
        let api_version = kind.api_version();
        let search = self.client.list_api_group_resources(&api_version);
        match tokio::time::timeout(SEARCH_TIMEOUT, search).await.context("the API server does not answer")? {
            Ok(resources) => Ok(resources.resources.iter().any(|resource| resource.name == kind.plural())),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The first list is complete. Rollouts that were told of an absent kind look again.
    fn set_present(&self, kind: Kind) -> BTreeSet<RolloutKey> {
        self.known.send_modify(|known| _ = known.insert(kind));
        let new = kind.optional() && self.cluster.write().unwrap_or_else(PoisonError::into_inner).kinds.insert(kind);
        if new { self.all_rollouts() } else { BTreeSet::new() }
    }

    fn set_absent(&self, kind: Kind) {
        self.cluster.write().unwrap_or_else(PoisonError::into_inner).kinds.remove(&kind);
        self.cache.replace_all(kind, Vec::new());
        self.known.send_modify(|known| _ = known.insert(kind));
        self.wake(self.all_rollouts());
    }

    fn all_rollouts(&self) -> BTreeSet<RolloutKey> {
        self.cache.read().names(Kind::Rollout).map(|(namespace, name)| RolloutKey::new(namespace, name)).collect()
    }
}

/// A Rollout that can't be read is logged here, once per change of it.
fn tell_if_malformed(kind: Kind, object: &Watched) {
    if kind == Kind::Rollout
        && let Err(malformed) = read_rollout(&object.json)
    {
        tracing::warn!("{malformed}");
    }
}

/// The growing pauses of a watch that fails: from about a second to half a minute.
pub(super) struct BackOff(DefaultBackoff);

impl BackOff {
    pub(super) fn new() -> Self {
        Self(DefaultBackoff::default())
    }

    /// Waits, the longer the more often it was waited in a row.
    pub(super) async fn wait(&mut self) {
        let pause = self.0.next().unwrap_or(SEARCH_INTERVAL);
        tokio::time::sleep(pause).await;
    }

    /// All is well.
    pub(super) fn reset(&mut self) {
        Backoff::reset(&mut self.0);
    }
}

/// The status code of the API server's refusal.
pub(super) fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}
