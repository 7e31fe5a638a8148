//! Everything that there is besides the controller: cluster, proxies, load, Prometheus, and what users want.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    action::Action,
    clock::Millis,
    deployments::{Deployments, Endpoints},
    pods::version_of,
    prometheus::Prometheus,
    random::Random,
    setting::{NAME, Setting},
    store::{Change, Store},
    traffic::{DataPlane, Served, destinations},
};
use crate::{
    api::{Phase, RolloutStatus},
    model::{Object, POD_TEMPLATE_HASH},
    observe::Kind,
};

/// How often the cluster's controllers may answer each other within one moment.
const ROUNDS: usize = 50;

/// What the users' repository says.
#[derive(Clone, Debug)]
pub struct Manifests {
    /// The version that the Deployment is to run.
    pub version: usize,
    /// Its number of pods.
    pub replicas: u32,
    /// The route's spec.
    pub route: Value,
    /// The Service's spec.
    pub service: Value,
    /// The DestinationRule's spec.
    pub destination_rule: Value,
}

/// The cluster and everything around it.
#[derive(Debug)]
pub struct Scene {
    /// Where it takes place.
    pub setting: Setting,
    /// The API server.
    pub store: Store,
    /// Deployments, ReplicaSets and pods.
    pub deployments: Deployments,
    /// EndpointSlices.
    pub endpoints: Endpoints,
    /// Proxies and load.
    pub data_plane: DataPlane,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// What users want.
    pub manifests: Manifests,
    /// The weights of all steps that the spec ever had.
    pub planned: BTreeSet<u32>,
    /// What has happened.
    pub happened: Vec<(Millis, Action)>,
    /// How many verbs were said.
    pub said: u32,
    /// Now.
    pub now: Millis,
    settled_at: Millis,
    /// Whether something has happened that the cluster's controllers have not looked at yet.
    pub(super) stirred: bool,
    random: Random,
}

impl Scene {
    /// The user's objects, and pods that are ready soon.
    pub fn new(setting: Setting, mut random: Random) -> Self {
        let mut store = Store::default();
        setting.install(&mut store);
        let manifests = Manifests {
            version: 0,
            replicas: setting.replicas,
            route: setting.route()["spec"].clone(),
            service: setting.service()["spec"].clone(),
            destination_rule: setting.destination_rule()["spec"].clone(),
        };
        Self {
            deployments: Deployments::new(setting.versions.clone(), setting.start_time),
            endpoints: Endpoints::new(setting.endpoint_delay),
            data_plane: DataPlane::new(NAME, setting.rate, setting.proxy_delay),
            prometheus: Prometheus::new(setting.scrape, setting.missed_scrapes),
            planned: setting.steps.iter().copied().collect(),
            happened: Vec::new(),
            said: 0,
            now: 0,
            settled_at: -1,
            stirred: true,
            random: random.fork(),
            store,
            manifests,
            setting,
        }
    }

    /// When something happens by itself next.
    pub fn next(&self) -> Option<Millis> {
        let scrape = self.phase().running().then(|| self.prometheus.next());
        [self.deployments.next(self.now), self.endpoints.next(), self.data_plane.next(), scrape]
            .into_iter()
            .flatten()
            .filter(|at| *at > self.now)
            .min()
    }

    /// Lets time pass: requests are served by what the proxies knew in it.
    pub fn pass(&mut self, until: Millis) -> Served {
        let length = until - self.now;
        let served = self.data_plane.serve(
            &mut self.deployments.pods,
            &self.deployments.versions,
            &mut self.random,
            length,
            self.now,
        );
        self.now = until;
        self.store.now = until;
        served
    }

    /// Lets the cluster's controllers and the proxies do all that they do at this moment; gives what changed.
    pub fn settle(&mut self) -> Vec<Change> {
        let mut all = Vec::new();
        for _ in 0..ROUNDS {
            self.data_plane.learn(&mut self.store, self.now);
            let changes = self.store.take_changes();
            for change in &changes {
                self.data_plane.hear(change, self.now);
            }
            let due = [self.deployments.next(self.settled_at), self.endpoints.next()];
            let due = std::mem::take(&mut self.stirred) || due.into_iter().flatten().any(|at| at <= self.now);
            self.settled_at = self.now;
            if changes.iter().any(|change| change.gone) {
                self.store.collect_garbage();
            }
            let heard =
                |kind| matches!(kind, Kind::Deployment | Kind::ReplicaSet | Kind::Service | Kind::EndpointSlice);
            let work = due || changes.iter().any(|change| heard(change.kind));
            all.extend(changes);
            if work {
                self.deployments.run(&mut self.store, self.now);
                self.endpoints.run(&mut self.store, &self.deployments.pods, self.now);
            } else if self.store.unchanged() {
                break;
            }
        }
        self.prometheus.scrape(&self.deployments.pods, &mut self.random, self.now);
        all
    }

    /// The Rollout as it is stored.
    pub fn rollout(&self) -> Option<&Object> {
        self.store.get(Kind::Rollout, NAME)
    }

    /// Its status as it is stored.
    pub fn status(&self) -> RolloutStatus {
        self.rollout()
            .and_then(|rollout| serde_json::from_value(rollout.at("/status")?.clone()).ok())
            .unwrap_or_default()
    }

    /// Its phase as it is stored.
    pub fn phase(&self) -> Phase {
        let phase = self.rollout().and_then(|rollout| rollout.at("/status/phase"));
        phase.and_then(|phase| serde_json::from_value(phase.clone()).ok()).unwrap_or_default()
    }

    /// The user's Deployment.
    pub fn workload(&self) -> Option<&Object> {
        self.store.get(Kind::Deployment, NAME)
    }

    /// The version that a revision runs.
    pub fn version_of_revision(&self, revision: Option<&str>) -> usize {
        self.store.all(Kind::ReplicaSet).find(|set| set.label(POD_TEMPLATE_HASH) == revision).map_or(0, version_of)
    }

    /// The user's route.
    pub fn route(&self) -> Option<&Object> {
        self.store.get(self.setting.route.kind(), NAME)
    }

    /// The canary's share of the requests as the route says, in percent.
    pub fn canary_percent(&self) -> u32 {
        self.route().map_or(0, canary_percent)
    }

    /// Whether some endpoint of the canary is ready.
    pub fn canary_is_ready(&self) -> bool {
        let endpoints = [NAME.to_owned(), format!("{NAME}-canary")].map(|service| self.ready_behind(&service));
        let canary = self.deployments.pods.iter().filter(|pod| pod.of_canary());
        canary.into_iter().any(|pod| endpoints.iter().any(|ready| ready.contains(&pod.name)))
    }

    /// The names of the pods that are ready behind a Service, as its EndpointSlice says.
    pub fn ready_behind(&self, service: &str) -> BTreeSet<String> {
        let slice = self.store.get(Kind::EndpointSlice, service);
        let endpoints = slice.map_or(&[][..], |slice| slice.list("/endpoints"));
        let ready = endpoints.iter().filter(|endpoint| endpoint["conditions"]["ready"] == true);
        ready.filter_map(|endpoint| Some(endpoint["targetRef"]["name"].as_str()?.to_owned())).collect()
    }
}

/// The canary's share of what a route sends to the Service, in percent.
pub(super) fn canary_percent(route: &Object) -> u32 {
    let all = destinations(route, NAME);
    let total: f64 = all.iter().map(|destination| destination.share).sum();
    let canary: f64 =
        all.iter().filter(|destination| destination.is_canary()).map(|destination| destination.share).sum();
    // A float that no integer type takes directly: of the hundred percents, the last one that is not above the share.
    let percent = if total > 0.0 { (canary / total * 100.0).round() } else { 0.0 };
    (0..=100).take_while(|whole| f64::from(*whole) <= percent).last().unwrap_or(0)
}
