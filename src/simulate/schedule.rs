//! What happens in one simulation, and when: drawn from a seed.

use super::{action::Action, clock::Millis, random::Random, setting::Setting};
use crate::api::Verb;

/// One simulation from a seed.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Where it takes place.
    pub setting: Setting,
    /// What happens, in order of time. After the last action everything heals, and the simulation runs to its end.
    pub actions: Vec<(Millis, Action)>,
    /// The chance that a reconcile is followed by others at the same moment, the last of which must do nothing.
    pub repeated: f64,
    /// The seed of everything else that is left to chance.
    pub seed: u64,
}

/// When the first version is pushed: the workload has long been at rest.
const FIRST_PUSH: Millis = 30_000;

impl Schedule {
    /// One push of version 1, and nothing else.
    pub fn plain(setting: Setting, seed: u64) -> Self {
        Self { setting, actions: vec![(FIRST_PUSH, Action::Push(1))], repeated: 0.0, seed }
    }

    /// A schedule with anything in it.
    pub fn draw(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let setting = Setting::draw(&mut random);
        let mut actions = vec![(FIRST_PUSH, Action::Push(1))];
        let end = FIRST_PUSH + random.between(60_000, 240_000);
        for _ in 0..random.between(0, 6) {
            let at = random.between(FIRST_PUSH - 10_000, end);
            actions.extend(draw_actions(&mut random, &setting, at));
        }
        actions.sort_by_key(|(at, _)| *at);
        Self { setting, actions, repeated: 0.02, seed }
    }
}

/// One thing that happens, and what it brings with it.
fn draw_actions(random: &mut Random, setting: &Setting, at: Millis) -> Vec<(Millis, Action)> {
    let later = at + random.between(5_000, 100_000);
    let version = usize::try_from(random.between(0, 4)).unwrap_or(0);
    let once = |action| vec![(at, action)];
    match random.between(0, 21) {
        0..=2 => once(Action::Push(version)),
        3 => once(Action::ReapplyDeployment(setting.policy && random.chance(0.5))),
        4 | 5 => once(Action::ReapplyRoute),
        6 => once(Action::ReapplyService),
        7 => once(Action::AddRule),
        8 => once(Action::AddFilter),
        9 => once(Action::AddDestination),
        10 => once(Action::Scale(u32::try_from(random.between(1, 8)).unwrap_or(1))),
        11 => once(Action::EditSteps(random.pick(&[vec![10, 50], vec![30], vec![10, 20, 60], vec![50]]).clone())),
        12 => once(Action::EditInterval("5s")),
        13 | 14 => once(Action::Say(*random.pick(&[
            Verb::Pause,
            Verb::Resume,
            Verb::Promote,
            Verb::PromoteFull,
            Verb::Abort,
            Verb::Retry,
            Verb::Skip,
        ]))),
        15 => vec![(at, Action::Prometheus(false)), (later, Action::Prometheus(true))],
        16 => vec![(at, Action::Traffic(false)), (later, Action::Traffic(true))],
        17 => once(Action::RestartContainer),
        18 => once(Action::CanaryUnready),
        19 | 20 => (0..random.between(1, 4))
            .map(|round| (at + round * random.between(500, 9_000), Action::Kill(random.chance(0.5))))
            .collect(),
        _ => once(if random.chance(0.3) { Action::DeleteRollout } else { Action::UpgradeServer }),
    }
}
