//! Runs a schedule to its end.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::{
    NAMESPACE,
    action::Action,
    clock::{Millis, VirtualClock},
    contract::{Breach, Contract},
    random::Random,
    saboteur::Saboteur,
    scene::Scene,
    schedule::Schedule,
    setting::NAME,
    world::{Kill, SimulatedWorld, WorldError},
};
use crate::{
    api::{Outcome, Phase, Verb},
    controller::{Failed, Undisturbed, reconcile},
    model::RolloutKey,
};

/// How long everything may take after the last action, before it counts as stuck.
const PATIENCE: Millis = 3_600_000;
/// No simulation takes as many reconciles.
const MOST_RECONCILES: u64 = 5_000;
/// How long a state must last to be taken as the end.
const AT_REST: Millis = 25_000;
/// How often the person on call looks at a run that waits.
const PERSON: Millis = 20_000;
/// How many reconciles at one moment may be needed until nothing is left to do.
const CONVERGED: usize = 12;
/// How soon a reconcile that failed is tried again.
const RETRY: Millis = 500;

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Report {
    /// Broken promises; the first one ends the simulation.
    pub breaches: Vec<Breach>,
    /// How the runs ended, newest first.
    pub outcomes: Vec<Outcome>,
    /// Virtual time that passed.
    pub lasted: Millis,
    /// How many effects the controller began.
    pub effects: u64,
    /// How often it reconciled.
    pub reconciles: u64,
    /// All that happened and was done, a line each.
    pub journal: Vec<String>,
}

/// A simulation on its way.
struct Runner {
    world: SimulatedWorld,
    clock: VirtualClock,
    random: Random,
    actions: std::vec::IntoIter<(Millis, Action)>,
    next_action: Option<(Millis, Action)>,
    repeated: f64,
    key: RolloutKey,
    /// When the controller looks again; never while it is down.
    due: Option<Millis>,
    /// Until when the controller is down.
    down: Option<Millis>,
    calm_since: Millis,
    person: Person,
    reconciles: u64,
}

/// The person on call, who comes when everything else has happened.
#[derive(Default)]
struct Person {
    comes: Millis,
    resumed: u32,
    reverted: bool,
}

/// Runs a schedule, with a controller that is killed at one effect, or broken by a saboteur.
pub fn run(schedule: &Schedule, saboteur: Saboteur, kill: Option<Kill>) -> Report {
    let mut random = Random::new(schedule.seed ^ 0x51_5c_1f);
    let scene = Scene::new(schedule.setting.clone(), random.fork());
    let world = SimulatedWorld::new(scene, Contract::default(), saboteur);
    world.inner().kill = kill;
    let mut actions = schedule.actions.clone().into_iter();
    let mut runner = Runner {
        next_action: actions.next(),
        actions,
        world,
        clock: VirtualClock::default(),
        random,
        repeated: schedule.repeated,
        key: RolloutKey::new(NAMESPACE, NAME),
        due: Some(0),
        down: None,
        calm_since: 0,
        person: Person::default(),
        reconciles: 0,
    };
    runner.run()
}

impl Runner {
    fn run(&mut self) -> Report {
        let mut last_action = 0;
        loop {
            let until = self.next();
            self.pass(until);
            if self.act() {
                last_action = until;
            }
            self.step(until);
            let over = self.next_action.is_none() && self.attend(until, last_action);
            let mut inner = self.world.inner();
            let endless = until - last_action > PATIENCE || self.reconciles > MOST_RECONCILES;
            if inner.contract.breaches.is_empty() && !over && endless {
                let what = format!(
                    "after {} s the Rollout is {:?}: {:?}",
                    until / 1000,
                    inner.scene.phase(),
                    inner.scene.status().message
                );
                let inner = &mut *inner;
                inner.contract.breach(&inner.scene, "every run ends", what);
            }
            if over || !inner.contract.breaches.is_empty() {
                let inner = &mut *inner;
                if inner.contract.breaches.is_empty() {
                    inner.contract.end(&inner.scene);
                }
                return Report {
                    breaches: std::mem::take(&mut inner.contract.breaches),
                    outcomes: inner.scene.status().outcomes,
                    lasted: until,
                    effects: inner.effects,
                    reconciles: self.reconciles,
                    journal: std::mem::take(&mut inner.journal),
                };
            }
        }
    }

    /// When something happens next.
    fn next(&self) -> Millis {
        let inner = self.world.inner();
        let now = inner.scene.now;
        let person = self.next_action.is_none().then_some((now / 5_000 + 1) * 5_000);
        let times = [
            self.next_action.as_ref().map(|(at, _)| *at),
            self.due,
            self.down,
            inner.next(),
            inner.scene.next(),
            person,
        ];
        times.into_iter().flatten().min().unwrap_or(now).max(now)
    }

    /// Lets time pass.
    fn pass(&mut self, until: Millis) {
        self.clock.advance_to(until);
        let mut inner = self.world.inner();
        let served = inner.scene.pass(until);
        let inner = &mut *inner;
        inner.contract.passed(&inner.scene, &served);
    }

    /// Lets happen what is due. Says whether anything was.
    fn act(&mut self) -> bool {
        let mut any = false;
        let now = self.clock.elapsed();
        while let Some((_, action)) = self.next_action.take_if(|(at, _)| *at <= now) {
            let mut inner = self.world.inner();
            if let Action::Kill(after) = action {
                let next = inner.effects;
                inner.kill = Some(if after { Kill::After(next) } else { Kill::Before(next) });
            }
            inner.happen(&action);
            self.next_action = self.actions.next();
            any = true;
        }
        if any && self.next_action.is_none() {
            let mut inner = self.world.inner();
            inner.happen(&Action::Prometheus(true));
            inner.happen(&Action::Traffic(true));
        }
        any
    }

    /// The cluster and the controller do what they do at this moment.
    fn step(&mut self, now: Millis) {
        self.settle();
        if self.down.is_some_and(|until| until <= now) {
            self.down = None;
            self.due = Some(now);
            self.world.restart();
            let mut inner = self.world.inner();
            let inner = &mut *inner;
            inner.contract.restarted(&inner.scene);
        }
        let told = self.world.inner().deliver();
        if self.down.is_none() && (told || self.due.is_some_and(|due| due <= now)) {
            let repeats = if self.random.chance(self.repeated) { CONVERGED } else { 0 };
            let done = self.reconcile(now).is_some();
            for round in (0..repeats).filter(|_| done) {
                if self.reconcile(now).is_none_or(|effects| effects == 0) {
                    break;
                }
                if round + 1 == repeats {
                    let mut inner = self.world.inner();
                    let inner = &mut *inner;
                    inner.contract.breach(
                        &inner.scene,
                        "a plan comes to rest",
                        format!("{repeats} reconciles at one moment all had something to do"),
                    );
                }
            }
            self.settle();
        }
    }

    fn settle(&self) {
        let mut inner = self.world.inner();
        let changes = inner.scene.settle();
        inner.watch(changes);
    }

    /// One reconcile; gives the number of its effects, if all were performed.
    fn reconcile(&mut self, now: Millis) -> Option<u64> {
        self.reconciles += 1;
        let before = {
            let mut inner = self.world.inner();
            let inner = &mut *inner;
            inner.contract.begin(&inner.scene);
            inner.effects
        };
        let result = now_or_never(reconcile(&self.world, &self.key, &self.clock, &Undisturbed));
        let mut inner = self.world.inner();
        let effects = inner.effects - before;
        let done = result.is_ok().then_some(effects);
        match result {
            Ok(again) => {
                self.due = again
                    .map(|again| now + Millis::try_from(again.after.as_millis()).unwrap_or(Millis::MAX / 2).max(1));
                let inner = &mut *inner;
                inner.contract.complete(&inner.scene);
            }
            Err(Failed { error: WorldError::Killed, .. }) => {
                self.due = None;
                self.down = Some(now + self.random.between(1, 6_000));
            }
            Err(Failed { error: WorldError::Refused(_), .. }) => self.due = Some(now + RETRY),
        }
        if effects > 0 {
            self.calm_since = now;
        }
        done
    }

    /// The person on call ends what waits for a person, and reverts what was rolled back. Says whether all is over.
    fn attend(&mut self, now: Millis, last_action: Millis) -> bool {
        let phase = self.world.inner().scene.phase();
        let calm = now - self.calm_since.max(last_action) >= AT_REST && self.down.is_none();
        let mut inner = self.world.inner();
        if inner.scene.rollout().is_none() {
            return calm;
        }
        match phase {
            Phase::Idle if calm => return true,
            Phase::RolledBack if calm && !self.person.reverted => {
                self.person.reverted = true;
                let status = inner.scene.status();
                let stable = inner.scene.version_of_revision(status.stable_revision.as_deref());
                inner.happen(&Action::Push(stable));
            }
            Phase::Paused if now - self.person.comes >= PERSON => {
                self.person.comes = now;
                self.person.resumed += 1;
                let verb = if self.person.resumed > 6 { Verb::Abort } else { Verb::Resume };
                inner.happen(&Action::Say(verb));
            }
            Phase::Promoting if now - last_action > PERSON * 15 && !self.person.reverted => {
                // A rolling update that does not get on is the user's to end.
                self.person.reverted = true;
                inner.happen(&Action::Push(0));
            }
            _ => {}
        }
        false
    }
}

/// The result of a future that never waits: the simulated world answers at once.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("nothing in a simulated world waits"),
    }
}
