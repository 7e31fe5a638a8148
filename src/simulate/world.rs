//! The controller's boundary to the scene: what it sees through its watches, and what its writes do.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::json;

use super::{
    NAMESPACE,
    action::Action,
    clock::Millis,
    contract::{Act, Contract},
    saboteur::Saboteur,
    scene::Scene,
    setting::NAME,
    store::{Change, Refused, Writer},
};
use crate::{
    act::Effect,
    analysis::HistoryRequest,
    controller::{Memory, World, WriteError},
    measure::{MeasureRequest, Measurement},
    model::{Key, Object, RolloutKey, Timestamp},
    observe::{Cache, Cluster, Kind, Observed, Refusal, SeenPod, snapshot},
    plan::QueryToCheck,
};

/// The optional kinds that are installed. Records of analyses are left out: they decide nothing.
const KINDS: [Kind; 3] = [Kind::HttpRoute, Kind::VirtualService, Kind::DestinationRule];

/// Why an effect of a simulated controller fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The API server refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The controller was killed.
    #[error("the controller was killed")]
    Killed,
}

impl WriteError for WorldError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(Refused::Conflict(_)))
    }

    fn is_end(&self) -> bool {
        *self == Self::Killed
    }
}

/// When the controller is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Before the effect that comes after this many others.
    Before(u64),
    /// After it.
    After(u64),
}

/// A scene, and the controller in it.
pub struct SimulatedWorld {
    inner: Mutex<Inner>,
    memory: Memory,
}

/// What the world guards.
pub(super) struct Inner {
    pub(super) scene: Scene,
    pub(super) contract: Contract,
    pub(super) saboteur: Saboteur,
    /// What the controller's watches have delivered.
    cache: Cache,
    /// When the controller last asked Prometheus for a look.
    looked_at: Option<Timestamp>,
    /// The Rollouts that a new list concerns.
    listed: BTreeSet<RolloutKey>,
    /// What they will deliver.
    watch: VecDeque<(Millis, Change)>,
    /// When the controller is to be killed next.
    pub(super) kill: Option<Kill>,
    /// How many effects were begun.
    pub(super) effects: u64,
    /// What was done, in words.
    pub(super) journal: Vec<String>,
}

impl SimulatedWorld {
    /// A scene with a controller that has just been started.
    pub(super) fn new(scene: Scene, contract: Contract, saboteur: Saboteur) -> Self {
        let mut inner = Inner {
            scene,
            contract,
            saboteur,
            cache: Cache::new(),
            looked_at: None,
            listed: BTreeSet::new(),
            watch: VecDeque::new(),
            kill: None,
            effects: 0,
            journal: Vec::new(),
        };
        inner.restart();
        Self { inner: Mutex::new(inner), memory: Memory::default() }
    }

    /// A new controller.
    pub(super) fn restart(&self) {
        self.memory.clear();
        self.inner().restart();
    }

    /// Everything, for the runner.
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A new controller: it lists everything and remembers nothing.
    pub(super) fn restart(&mut self) {
        self.kill = None;
        self.watch.clear();
        self.cache = Cache::new();
        self.looked_at = None;
        for (kind, object) in self.scene.store.everything() {
            self.cache.put(kind, object.value().clone());
        }
    }

    /// Watches will tell of these changes.
    pub(super) fn watch(&mut self, changes: Vec<Change>) {
        let at = self.scene.now + self.scene.setting.watch_delay;
        self.watch.extend(changes.into_iter().map(|change| (at, change)));
    }

    /// When a watch tells of something next.
    pub(super) fn next(&self) -> Option<Millis> {
        if self.listed.is_empty() { self.watch.front().map(|(at, _)| *at) } else { Some(self.scene.now) }
    }

    /// Takes in what the watches have to tell by now; says whether any of it concerns the Rollout.
    pub(super) fn deliver(&mut self) -> bool {
        let mut concerned = std::mem::take(&mut self.listed);
        while self.watch.front().is_some_and(|(at, _)| *at <= self.scene.now) {
            let Some((_, Change { kind, object, gone })) = self.watch.pop_front() else { break };
            concerned.append(&mut if gone {
                self.cache.delete(kind, object.namespace(), object.name(), object.uid())
            } else {
                self.cache.put(kind, object.value().clone())
            });
        }
        !concerned.is_empty()
    }

    /// Lets something happen.
    pub(super) fn happen(&mut self, action: &Action) {
        self.note(&format!("{action:?}"));
        self.scene.happen(action);
        if *action == Action::UpgradeServer {
            self.list_again();
        }
    }

    /// What a controller does when its watches are cut off, as by a server that restarts.
    fn list_again(&mut self) {
        self.watch.clear();
        for kind in Kind::ALL {
            let list = self.scene.store.all(kind).map(|object| object.value().clone()).collect();
            self.listed.append(&mut self.cache.replace_all(kind, list));
        }
    }

    /// Writes a line into the journal.
    pub(super) fn note(&mut self, line: &str) {
        self.journal.push(format!("{:9.3} s  {line}", self.scene.now as f64 / 1000.0));
    }

    fn perform(&mut self, effect: &Effect) -> Result<(), WorldError> {
        let number = self.effects;
        self.effects += 1;
        if self.kill == Some(Kill::Before(number)) {
            return Err(WorldError::Killed);
        }
        for effect in self.saboteur.instead_of(effect) {
            self.write(&effect)?;
        }
        if self.kill == Some(Kill::After(number)) {
            return Err(WorldError::Killed);
        }
        Ok(())
    }

    fn write(&mut self, effect: &Effect) -> Result<(), WorldError> {
        let target = target_of(effect);
        let kind = Kind::of(&target.api_version, &target.kind);
        let before = kind.and_then(|kind| self.scene.store.get(kind, &target.name).cloned());
        let status_before = self.scene.status();
        let result = self.send(effect, &target);
        self.note(&format!(
            "{}{}",
            describe(effect, &target),
            result.as_ref().err().map_or_else(String::new, |error| format!(": {error}"))
        ));
        let after = kind.and_then(|kind| self.scene.store.get(kind, &target.name).cloned());
        let act = Act {
            effect,
            before: before.as_ref(),
            after: after.as_ref(),
            status_before: &status_before,
            done: result.is_ok(),
        };
        self.contract.effect(&self.scene, &act);
        Ok(result?)
    }

    fn send(&mut self, effect: &Effect, target: &Key) -> Result<(), Refused> {
        let store = &mut self.scene.store;
        let kind = Kind::of(&target.api_version, &target.kind).ok_or_else(|| Refused::Invalid(target.to_string()))?;
        let answer = match effect {
            Effect::Patch { patch, .. } => Some(store.patch(Writer::Siskin, target, patch)?),
            Effect::Create { object, .. } if store.get(kind, &target.name).is_some() => {
                let name = Object::new(object.clone()).key();
                return Err(Refused::Conflict(format!("{name} exists already")));
            }
            Effect::Create { object, .. } | Effect::Apply { object, .. } => Some(store.apply(Writer::Siskin, object)?),
            Effect::Delete { uid, .. } => match store.delete(target, uid) {
                Ok(left) => left,
                Err(Refused::NotFound(_)) => None,
                Err(refused) => return Err(refused),
            },
            Effect::Status(status) => {
                let seen = self.cache.read().get(kind, NAMESPACE, NAME);
                let seen = seen.ok_or_else(|| Refused::NotFound(target.to_string()))?;
                let status = serde_json::to_value(status).map_err(|error| Refused::Invalid(error.to_string()))?;
                Some(store.write_status(&seen, kind, status)?)
            }
            Effect::AnalysisStatus { status, .. } => {
                let seen = self.cache.read().get(kind, NAMESPACE, &target.name);
                let seen = seen.ok_or_else(|| Refused::NotFound(target.to_string()))?;
                let status = serde_json::to_value(status).map_err(|error| Refused::Invalid(error.to_string()))?;
                Some(store.write_status(&seen, kind, status)?)
            }
            Effect::Event(_) => return Ok(()),
        };
        match answer {
            Some(object) => self.cache.put(kind, object.value().clone()),
            None => self.cache.delete(kind, NAMESPACE, &target.name, uid_of(effect)),
        };
        Ok(())
    }

    fn observe(&self, key: &RolloutKey) -> Option<Observed> {
        let cluster = Cluster {
            admission_hold: self.scene.setting.policy,
            verified_askers: self.scene.setting.policy,
            kinds: KINDS.into(),
        };
        let mut observed = snapshot(&self.cache, &key.namespace, &key.name, &cluster)?;
        observed.looked_at = self.looked_at;
        self.saboteur.lie(&mut observed);
        Some(observed)
    }

    fn troubles(&self, deployment: &str) -> Vec<String> {
        let of_it = |name: &str| name.strip_prefix(deployment).is_some_and(|rest| rest.starts_with('-'));
        let stuck = self.scene.deployments.pods.iter().filter(|pod| of_it(&pod.owner) && pod.ready_from.is_none());
        stuck.map(|pod| format!("pod {}: container app: the readiness probe fails", pod.name)).collect()
    }
}

impl World for SimulatedWorld {
    type Error = WorldError;

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn observe(&self, key: &RolloutKey) -> Option<Observed> {
        self.inner().observe(key)
    }

    async fn measure(&self, _: &RolloutKey, request: &MeasureRequest) -> Measurement {
        let mut inner = self.inner();
        inner.looked_at = Some(request.at);
        let measurement = inner.scene.prometheus.answer(request);
        inner.contract.look(&measurement);
        inner.saboteur.misread(measurement)
    }

    async fn history(&self, request: &HistoryRequest) -> Vec<Measurement> {
        self.inner().scene.prometheus.history(request)
    }

    fn checked(&self, _: &[QueryToCheck]) -> Option<Vec<Refusal>> {
        Some(Vec::new())
    }

    async fn check(&self, _: &[QueryToCheck]) -> Vec<Refusal> {
        Vec::new()
    }

    async fn troubles(&self, _: &str, deployment: &str) -> Vec<String> {
        self.inner().troubles(deployment)
    }

    async fn pods(&self, _: &str, labels: &BTreeMap<String, String>) -> Option<Vec<SeenPod>> {
        let inner = self.inner();
        let uid = |owner: &str| inner.scene.store.get(Kind::ReplicaSet, owner).map_or("", Object::uid).to_owned();
        let pods = inner.scene.deployments.pods.iter().filter(|pod| pod.matches(labels));
        Some(pods.map(|pod| SeenPod { name: pod.name.clone(), controller: uid(&pod.owner) }).collect())
    }

    async fn refresh(&self, targets: &[Key]) {
        let inner = self.inner();
        for target in targets {
            let kind = Kind::of(&target.api_version, &target.kind);
            if let Some((kind, object)) = kind.and_then(|kind| Some((kind, inner.scene.store.get(kind, &target.name)?)))
            {
                inner.cache.renew(kind, object.value().clone());
            }
        }
    }

    async fn perform(&self, _: &RolloutKey, effect: &Effect) -> Result<(), WorldError> {
        self.inner().perform(effect)
    }
}

/// The uid that an effect names.
fn uid_of(effect: &Effect) -> &str {
    if let Effect::Delete { uid, .. } = effect { uid } else { "" }
}

/// An effect in a few words.
fn describe(effect: &Effect, target: &Key) -> String {
    match effect {
        Effect::Patch { purpose, patch, .. } => format!("{purpose}: patch {target} {}", json!(patch)),
        Effect::Create { purpose, .. } => format!("{purpose}: create {target}"),
        Effect::Apply { purpose, .. } => format!("{purpose}: apply {target}"),
        Effect::Delete { purpose, .. } => format!("{purpose}: delete {target}"),
        Effect::Status(status) => {
            format!("status {:?} ({})", status.phase, status.message.as_deref().unwrap_or_default())
        }
        Effect::AnalysisStatus { status, .. } => format!("status of {target}: {:?}", status.phase),
        Effect::Event(notice) => format!("event {}: {}", notice.reason, notice.message),
    }
}

/// What an effect writes to; the Rollout, for what is about it.
fn target_of(effect: &Effect) -> Key {
    effect.target().unwrap_or_else(|| Key::new("siskin.dev/v1alpha1", "Rollout", NAMESPACE, NAME))
}
