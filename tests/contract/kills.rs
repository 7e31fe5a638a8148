//! The controller is killed before and after every single effect of a run, and each time another one goes on.

use siskin::{
    api::OutcomeKind,
    simulate::{Action, Kill, Report, RouteShape, Saboteur, Schedule, Setting, run},
};

/// A run of version 1, which is as good as what it replaces, or of version 2, which fails a fifth of its requests.
fn schedule(shape: RouteShape, policy: bool, version: usize) -> Schedule {
    let mut setting = Setting::plain(shape, policy);
    setting.steps = vec![20];
    let mut schedule = Schedule::plain(setting, 1);
    schedule.actions = vec![(30_000, Action::Push(version))];
    schedule
}

fn outcomes(report: &Report) -> Vec<OutcomeKind> {
    report.outcomes.iter().map(|outcome| outcome.outcome).collect()
}

/// Plays a schedule without a kill, then with one at each of its effects; the outcome has to be the same.
fn killed_everywhere(schedule: &Schedule, expected: OutcomeKind) {
    let undisturbed = run(schedule, Saboteur::default(), None);
    assert_eq!((&undisturbed.breaches, outcomes(&undisturbed)), (&vec![], vec![expected]));
    assert!(undisturbed.effects > 15, "{} effects are no run", undisturbed.effects);
    for number in 0..undisturbed.effects {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let report = run(schedule, Saboteur::default(), Some(kill));
            let journal = || format!("{kill:?}\n{}", report.journal.join("\n"));
            assert!(report.breaches.is_empty(), "{}\n{}", report.breaches[0], journal());
            assert_eq!(outcomes(&report), [expected], "{}", journal());
        }
    }
}

#[test]
fn a_good_version_is_promoted_whichever_effect_the_controller_is_killed_at() {
    for (shape, policy) in RouteShape::ALL.into_iter().zip([true, false, true, true]) {
        killed_everywhere(&schedule(shape, policy, 1), OutcomeKind::Promoted);
    }
}

#[test]
fn a_bad_version_is_rolled_back_whichever_effect_the_controller_is_killed_at() {
    for (shape, policy) in RouteShape::ALL.into_iter().zip([true, true, false, true]) {
        killed_everywhere(&schedule(shape, policy, 2), OutcomeKind::RolledBack);
    }
}
