//! `siskin run`: everything put together, started and stopped in order.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use kube::Config;
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Again, Failed, Queue, RolloutKey, analysis_runs,
    api_calls::counting_client,
    checks::Checks,
    cluster_world::{ClusterWorld, SharedCluster},
    fetch::Fetcher,
    health::{Health, Limits, serve},
    hold::{HoldWatch, first_answer},
    leader::{ApiServerLease, Election},
    looks::Looks,
    memory::Memory,
    metrics::Metrics,
    queue::{Ended, Failure, Running},
    reconcile,
    slots::Slots,
    stop::stop_on_signal,
    turn::{QueuedTurn, Room},
    watch::Watches,
};
use crate::{
    act::Performer,
    measure::{self, AllowedAddresses, ClientOptions, CredentialFiles, Enforced},
    model::{Clock, Key, SystemClock},
    observe::{Cache, Cluster, Kind},
};

/// How long running reconciles may take to finish once a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a look waits for those of other Rollouts that can be asked for together with it: nothing beside the seconds
/// between two looks of one.
const GATHER: Duration = Duration::from_millis(100);

/// How many objects are looked at and decided on at once. That waits for nobody, so it is for the processors to bound.
const PLACES: usize = 16;

/// How many look at Prometheus at once. Most of that time passes with gathering and waiting.
const ASKING: usize = 64;

/// What an operator decides about a controller.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Prometheus that metrics are read from unless they name another.
    pub prometheus_url: String,
    /// Other Prometheus addresses that metrics may name.
    pub allow_prometheus: Vec<String>,
    /// What is shown to the first of them, and to no other.
    pub credentials: CredentialFiles,
    /// The label by which each namespace's queries are bounded to its own series; not at all where there is none.
    pub enforce_namespace_label: Option<String>,
    /// The only namespace that is watched; all where there is none.
    pub namespace: Option<String>,
    /// How many Rollouts are written for at once.
    pub concurrency: usize,
    /// Where probes and metrics are served.
    pub listen: SocketAddr,
    /// The Lease by which one of several processes leads; without it this one does.
    pub lease: Option<LeaseName>,
    /// The `MutatingAdmissionPolicy` that holds workloads, and its binding, by the name that they have both.
    pub hold_policy: String,
    /// Whether the API server writes into each verb who asked for it.
    pub verified_askers: bool,
    /// This process, as others see it in the Lease and in Events.
    pub identity: String,
}

/// Names a Lease.
#[derive(Clone, Debug)]
pub struct LeaseName {
    /// Its namespace; the process' own where there is none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Runs the controller until the process is told to stop.
///
/// # Errors
/// What can't be put right by waiting: no configuration of the cluster, a wrong address, a port that is taken.
pub async fn run(mut config: Config, settings: Settings) -> anyhow::Result<()> {
    let Settings {
        prometheus_url,
        allow_prometheus,
        credentials,
        enforce_namespace_label,
        namespace,
        concurrency,
        listen,
        lease,
        hold_policy,
        verified_askers,
        identity,
    } = settings;

    // A call that hangs in retries of the client's own would outlive a lease; whoever calls knows better when to try again.
    config.default_retry = false;
    config.headers.push((
        http::header::USER_AGENT,
        http::HeaderValue::from_static(concat!("siskin/", env!("CARGO_PKG_VERSION"))),
    ));
    let own_namespace = config.default_namespace.clone();
    let metrics = Arc::new(Metrics::new());
    let client = counting_client(config, Arc::clone(&metrics)).context("the API server's client can't be made")?;
    let addresses = AllowedAddresses::new(&prometheus_url, &allow_prometheus)?;
    let options = ClientOptions { gather: GATHER, ..ClientOptions::default() };
    let prometheus = measure::Client::with_credentials(addresses, options, credentials)?;
    let prometheus = match enforce_namespace_label {
        Some(label) => prometheus.enforcing(Enforced::new(&label)?),
        None => prometheus,
    };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;

    let cluster = SharedCluster::new(Cluster { verified_askers, ..Cluster::default() }.into());
    let (cache, queue) = (Arc::new(Cache::of_what_is_named()), Queue::new());
    let analysis_runs = Queue::new();
    let (known, mut known_kinds) = watch::channel(BTreeSet::new());
    let wanted = BTreeSet::from(Kind::ALL);
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(
        listener,
        Health {
            metrics: Arc::clone(&metrics),
            cache: Arc::clone(&cache),
            wanted: wanted.clone(),
            known: known_kinds.clone(),
        },
        Limits::default(),
    ));

    let watches = Watches {
        fetcher: Fetcher::new(client.clone(), Arc::clone(&cache), queue.clone()),
        client: client.clone(),
        namespace,
        cache: Arc::clone(&cache),
        cluster: Arc::clone(&cluster),
        queue: queue.clone(),
        analysis_runs: analysis_runs.clone(),
        known,
    };
    for kind in &wanted {
        let watching = watches.clone().run(*kind);
        tasks.spawn(async move {
            watching.await;
            Ok(())
        });
    }

    let controller = Controller {
        world: Arc::new(ClusterWorld {
            performer: Performer::new(client.clone(), Arc::clone(&cache), identity.clone()),
            cache: Arc::clone(&cache),
            cluster: Arc::clone(&cluster),
            client: client.clone(),
            prometheus,
            checks: Checks::default(),
            looks: Looks::default(),
            analysis_looks: Looks::default(),
            memory: Memory::default(),
            metrics: Arc::clone(&metrics),
            clock: Arc::new(SystemClock),
        }),
        queue,
        analysis_runs,
        room: Room { asking: Slots::new(ASKING), acting: Slots::new(concurrency) },
        stop: stop_on_signal("running reconciles come to their end first")?,
    };
    let answered = Arc::new(Notify::new());
    let hold = HoldWatch { client: client.clone(), name: hold_policy, cluster, answered: Arc::clone(&answered) };
    let all = controller.clone();
    tasks.spawn(async move {
        hold.run(move || all.wake_all()).await;
        Ok(())
    });
    let stop = controller.stop.clone();

    let ready = async {
        first_answer(&answered).await;
        // An error would mean that all watches have ended, and they never do.
        _ = known_kinds.wait_for(|known| known.is_superset(&wanted)).await;
        tracing::info!(rollouts = cache.read().count(Kind::Rollout), "all kinds are listed");
    };
    tokio::select! {
        () = ready => {}
        () = stop.cancelled() => return Ok(()),
    }

    match lease {
        None => controller.lead().await,
        Some(lease) => {
            let namespace = lease.namespace.unwrap_or(own_namespace);
            let store = ApiServerLease::new(client, &namespace, &lease.name);
            let wall_clock = Box::new(|| SystemClock.now());
            controller.lead_in_turn(Election::new(store, lease.name, identity, wall_clock)).await;
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// What reconciles, once it may.
#[derive(Clone)]
struct Controller {
    world: Arc<ClusterWorld>,
    queue: Queue,
    analysis_runs: Queue<Key>,
    room: Room,
    stop: CancellationToken,
}

impl Controller {
    /// Leads whenever the lease can be had, until a stop is asked for. What runs when the lease is lost is dropped in
    /// the middle: another process leads by the time it could end.
    async fn lead_in_turn(&self, mut election: Election<ApiServerLease>) {
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = election.acquire() => {}
                () = self.stop.cancelled() => return,
            }
            tokio::select! {
                () = self.lead() => {}
                () = election.keep() => {}
            }
            self.world.metrics.leads(false);
        }
        election.release().await;
    }

    /// Reconciles until a stop is asked for, and lets what runs come to its end.
    async fn lead(&self) {
        tracing::info!("leading");
        self.world.metrics.leads(true);
        self.wake_all();
        let work = self.queue.run(PLACES, &self.stop, |key, running| {
            let controller = self.clone();
            async move { controller.reconcile(key, running).await }
        });
        let analyses = self.analysis_runs.run(PLACES, &self.stop, |key, running| {
            let controller = self.clone();
            async move { controller.reconcile_analysis_run(key, running).await }
        });
        let overtime = async {
            self.stop.cancelled().await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            _ = async { tokio::join!(work, analyses) } => {}
            () = overtime => tracing::warn!("reconciles that did not end within {} s are dropped", STOP_TIMEOUT.as_secs()),
        }
    }

    /// One reconcile, with what it tells the metrics and the log.
    async fn reconcile(&self, key: RolloutKey, running: Arc<Running>) -> Ended {
        let mut report = Report {
            metrics: Arc::clone(&self.world.metrics),
            key: key.clone(),
            started: Instant::now(),
            result: "Panic",
        };
        let turn = QueuedTurn { running, room: self.room.clone(), namespace: key.namespace.clone() };
        let result = reconcile(&*self.world, &key, &*self.world.clock, &turn).await;
        let (word, ended) = match &result {
            Ok(Some(again)) => ("Ok", Ended::Again(*again)),
            Ok(None) => ("Gone", Ended::Gone),
            Err(Failed { error, lowers_risk, look }) => {
                let ended = if error.conflict() {
                    Ended::Conflict { look: *look }
                } else {
                    let retry_after = error.retry_after;
                    Ended::Failed(Failure { lowers_risk: *lowers_risk, retry_after, look: *look })
                };
                (error.problem.word(), ended)
            }
        };
        report.result = word;
        ended
    }

    /// One reconcile of an AnalysisRun.
    async fn reconcile_analysis_run(&self, key: Key, running: Arc<Running>) -> Ended {
        let turn = QueuedTurn { running, room: self.room.clone(), namespace: key.namespace.clone() };
        match analysis_runs::reconcile(&self.world, &key, &turn).await {
            Ok(Some(after)) => Ended::Again(Again::after(after)),
            Ok(None) => Ended::Gone,
            Err(error) if error.conflict() => Ended::Conflict { look: None },
            Err(error) => {
                tracing::warn!(analysis_run = %key, %error, "an effect failed");
                Ended::Failed(Failure::default())
            }
        }
    }

    fn wake_all(&self) {
        let rollouts: Vec<RolloutKey> = {
            let view = self.world.cache.read();
            view.names(Kind::Rollout).map(|(namespace, name)| RolloutKey::new(namespace, name)).collect()
        };
        for key in rollouts {
            self.queue.wake(key);
        }
        let analyses: Vec<Key> = self.world.cache.read().all(Kind::AnalysisRun).map(|run| run.key()).collect();
        for key in analyses {
            self.analysis_runs.wake(key);
        }
    }
}

/// Told when a reconcile ends, also where it ends by a panic or because it was dropped.
struct Report {
    metrics: Arc<Metrics>,
    key: RolloutKey,
    started: Instant,
    result: &'static str,
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(rollout = %self.key, "a reconcile panicked; other rollouts go on");
        } else if self.result == "Panic" {
            self.result = "Dropped";
        }
        self.metrics.reconciled(self.result, self.started.elapsed());
    }
}
