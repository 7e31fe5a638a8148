//! Each check is shown to fail on a controller that is broken on purpose: between its plan and the cluster effects are
//! dropped, doubled, altered or swapped, and what it sees is falsified.

use json_patch::{Patch, PatchOperation, ReplaceOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};
use siskin::{
    act::{Effect, Purpose},
    api::{OutcomeKind, Phase, Verb},
    measure::{Gap, Measurement, MetricOutcome},
    model::Key,
    observe::Observed,
    simulate::{Action, RouteShape, Saboteur, Schedule, Setting, run},
};

/// A run of version 1 (good) or 2 (bad), with whatever else happens.
fn schedule(version: usize, more: &[(i64, Action)]) -> Schedule {
    let mut schedule = Schedule::plain(Setting::plain(RouteShape::HttpRoutePinned, true), 1);
    schedule.actions = std::iter::once((30_000, Action::Push(version))).chain(more.iter().cloned()).collect();
    schedule
}

/// What happens instead of an effect.
fn instead(of: impl FnMut(&Effect) -> Vec<Effect> + Send + 'static) -> Saboteur {
    Saboteur { instead_of: Some(Box::new(of)), ..Saboteur::default() }
}

fn lying(lie: impl Fn(&mut Observed) + Send + 'static) -> Saboteur {
    Saboteur { lie: Some(Box::new(lie)), ..Saboteur::default() }
}

fn misreading(misread: impl Fn(Measurement) -> Measurement + Send + 'static) -> Saboteur {
    Saboteur { misread: Some(Box::new(misread)), ..Saboteur::default() }
}

/// The sound controller keeps every promise, and the broken one breaks this one before any other.
fn breaks(promise: &str, schedule: &Schedule, saboteur: Saboteur) {
    let sound = run(schedule, Saboteur::default(), None);
    assert!(sound.breaches.is_empty(), "the sound controller breaks a promise: {}", sound.breaches[0]);
    let broken = run(schedule, saboteur, None);
    let breach =
        broken.breaches.first().unwrap_or_else(|| panic!("nothing was noticed:\n{}", broken.journal.join("\n")));
    let all: Vec<_> = broken.breaches.iter().map(|breach| breach.promise).collect();
    assert!(all.contains(&promise), "{breach}\n{}", broken.journal.join("\n"));
}

fn write(kind: (&str, &str), path: &[&str], value: Value) -> Effect {
    Effect::Patch {
        target: Key::new(kind.0, kind.1, "shop", "web"),
        patch: Patch(vec![PatchOperation::Replace(ReplaceOperation {
            path: PointerBuf::from_tokens(path.iter().copied()),
            value,
        })]),
        purpose: Purpose::Raise,
    }
}

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

/// Sets the canary's weight in every patch that raises it.
fn raised_to(weight: u32) -> Saboteur {
    instead(move |effect| {
        let mut effect = effect.clone();
        if let Effect::Patch { patch, purpose: Purpose::Raise, .. } = &mut effect {
            for operation in &mut patch.0 {
                if let PatchOperation::Add(add) = operation
                    && add.value.get("weight").is_some()
                {
                    add.value["weight"] = json!(weight);
                }
            }
        }
        vec![effect]
    })
}

#[test]
fn a_weight_that_is_not_in_the_plan_is_noticed() {
    breaks("no weight is outside the plan", &schedule(1, &[]), raised_to(17));
}

#[test]
fn weights_that_do_not_sum_to_their_total_are_noticed() {
    let mut schedule = schedule(1, &[]);
    schedule.setting = Setting::plain(RouteShape::VirtualServiceHost, true);
    breaks("the weights of a route sum to their total", &schedule, raised_to(11));
}

#[test]
fn traffic_on_a_canary_that_is_not_ready_is_noticed() {
    let mut schedule = schedule(1, &[]);
    schedule.setting.versions[1].starts = false;
    let eager = lying(|observed| {
        observed.endpoints.canary.extend((0..9).map(|number| format!("web-canary-{number}")));
        if let Some(canary) = &observed.canary {
            let mut value = canary.value().clone();
            value["status"]["readyReplicas"] = json!(9);
            value["status"]["availableReplicas"] = json!(9);
            value["status"]["observedGeneration"] = value["metadata"]["generation"].clone();
            value["status"]["updatedReplicas"] = value["status"]["replicas"].clone();
            observed.canary = Some(value.into());
        }
    });
    breaks("a version that is not ready gets no traffic", &schedule, eager);
}

#[test]
fn a_service_that_goes_while_a_route_names_it_is_noticed() {
    let clumsy = instead(|effect| {
        let deletion = Effect::Delete {
            target: Key::new("v1", "Service", "shop", "web"),
            uid: String::new(),
            purpose: Purpose::CleanUp,
        };
        let raise = effect.purpose() == Some(Purpose::Raise);
        std::iter::once(effect.clone()).chain(Some(deletion).filter(|_| raise)).collect()
    });
    breaks("no request is sent to where no pod is", &schedule(1, &[]), clumsy);
}

#[test]
fn a_verdict_that_is_told_before_the_traffic_is_back_is_noticed() {
    let mut held_back = None;
    let swapping = instead(move |effect| match effect {
        Effect::Patch { purpose: Purpose::Lower, .. } => {
            held_back = Some(effect.clone());
            Vec::new()
        }
        _ => std::iter::once(effect.clone()).chain(held_back.take()).collect(),
    });
    breaks(
        "after a failing verdict the first effect is traffic back on the stable version",
        &schedule(2, &[]),
        swapping,
    );
}

#[test]
fn traffic_that_is_taken_back_for_no_reason_is_noticed() {
    let blind_to_pods = lying(|observed| {
        let step =
            observed.rollout.status.as_ref().and_then(|status| status.step.as_ref()).map_or(0, |step| step.index);
        if step > 0 {
            observed.endpoints.canary.clear();
        }
    });
    breaks("an edit of the spec never resets the traffic", &schedule(1, &[]), blind_to_pods);
}

/// An outage while the canary has traffic.
const OUTAGE: [(i64, Action); 2] = [(36_000, Action::Prometheus(false)), (60_000, Action::Prometheus(true))];

#[test]
fn a_step_that_passes_in_an_outage_is_noticed() {
    let impatient = instead(|effect| {
        let mut effect = effect.clone();
        if let Effect::Status(status) = &mut effect
            && status.run.as_ref().is_some_and(|run| run.blind.is_some())
            && let Some(step) = &mut status.step
        {
            step.index = 1;
        }
        vec![effect]
    });
    breaks("an outage of Prometheus never promotes and never rolls back", &schedule(1, &OUTAGE), impatient);
}

#[test]
fn a_step_that_passes_before_its_weight_is_reached_is_noticed() {
    let hasty = instead(|effect| {
        let mut effect = effect.clone();
        if let Effect::Status(status) = &mut effect
            && status.phase == Phase::Progressing
            && status.run.as_ref().is_some_and(|run| run.reached_at.is_none())
            && let Some(step) = &mut status.step
        {
            step.index = 1;
        }
        vec![effect]
    });
    breaks("a step passes by what was seen at its own weight", &schedule(1, &[]), hasty);
}

#[test]
fn a_weight_that_rises_in_an_outage_is_noticed() {
    let outage = [(29_000, Action::Prometheus(false)), (60_000, Action::Prometheus(true))];
    let optimistic = misreading(|mut measurement| {
        for (_, outcome) in &mut measurement.metrics {
            *outcome = MetricOutcome::Value(Err(Gap::NoSeries("requests".to_owned())));
        }
        measurement
    });
    breaks("a weight rises only where Prometheus can be seen", &schedule(1, &outage), optimistic);
}

#[test]
fn evidence_that_is_forgotten_is_noticed() {
    let forgetful = instead(|effect| {
        let mut effect = effect.clone();
        if let Effect::Status(status) = &mut effect
            && let Some(run) = &mut status.run
        {
            let enough = status.evidence.iter().any(|evidence| evidence.canary.is_some_and(|arm| arm.requests > 500.0));
            if enough {
                run.analysis.metrics.clear();
            }
        }
        vec![effect]
    });
    breaks("evidence is not lost", &schedule(1, &[]), forgetful);
}

/// Takes each arm's counters for the other's.
fn swap_arms(mut measurement: Measurement) -> Measurement {
    for (_, outcome) in &mut measurement.metrics {
        if let MetricOutcome::Counters(arms) = outcome {
            std::mem::swap(&mut arms.stable, &mut arms.canary);
        }
    }
    measurement
}

#[test]
fn a_bad_version_that_passes_is_noticed() {
    breaks(
        "a version without a regression is not rolled back, and one with a clear regression does not pass",
        &schedule(2, &[]),
        misreading(swap_arms),
    );
}

#[test]
fn a_bad_version_that_stays_is_noticed() {
    // Prometheus is there, and says nothing that could be used.
    let unmoved = misreading(|mut measurement| {
        for (_, outcome) in &mut measurement.metrics {
            if let MetricOutcome::Counters(arms) = outcome {
                arms.canary = Err(Gap::NoSeries("requests".to_owned()));
            }
        }
        measurement
    });
    breaks("a clear regression is taken back soon", &schedule(2, &[]), unmoved);
}

#[test]
fn a_foreign_field_that_is_changed_is_noticed() {
    let careless = instead(|effect| {
        let also = write(("gateway.networking.k8s.io/v1", "HTTPRoute"), &["spec", "rules", "0", "matches"], json!([]));
        let raise = effect.purpose() == Some(Purpose::Raise);
        std::iter::once(effect.clone()).chain(Some(also).filter(|_| raise)).collect()
    });
    breaks("what Siskin does not own it does not change", &schedule(1, &[]), careless);
}

#[test]
fn a_pin_that_stays_is_noticed() {
    let sloppy = instead(|effect| {
        // The status says that all is over, and the Service was never put back.
        if effect.purpose() == Some(Purpose::Unpin) { Vec::new() } else { vec![effect.clone()] }
    });
    let mut forgetting = sloppy;
    forgetting.lie = Some(Box::new(|observed| {
        let over = observed.rollout.status.as_ref().is_some_and(|status| status.phase == Phase::RollingBack);
        if let Some(service) = observed.service.as_ref().filter(|_| over) {
            let mut value = service.value().clone();
            if let Some(selector) = value["spec"]["selector"].as_object_mut() {
                selector.remove("pod-template-hash");
            }
            observed.service = Some(value.into());
        }
    }));
    breaks("when idle, the user's manifests are what runs", &schedule(2, &[]), forgetting);
}

#[test]
fn a_run_that_starts_by_itself_is_noticed() {
    let confused = lying(|observed| {
        let idle = observed.rollout.status.as_ref().is_some_and(|status| status.phase == Phase::Idle);
        if let Some(set) = observed.replica_sets.first_mut().filter(|_| idle) {
            let mut value = set.value().clone();
            value["spec"]["template"]["spec"]["newField"] = json!("default");
            *set = value.into();
        }
    });
    breaks("a restart, an upgrade or a new default never starts a rollout", &schedule(1, &[]), confused);
}

#[test]
fn stable_pods_that_go_too_early_are_noticed() {
    let hungry = instead(|effect| {
        let fewer = write(DEPLOYMENT, &["spec", "replicas"], json!(1));
        let raise = effect.purpose() == Some(Purpose::Raise);
        std::iter::once(effect.clone()).chain(Some(fewer).filter(|_| raise)).collect()
    });
    breaks("what Siskin does not own it does not change", &schedule(1, &[]), hungry);
    // A pin that stays in a promotion takes the new pods from the users, while the old ones go.
    let still_pinned =
        instead(|effect| if effect.purpose() == Some(Purpose::Unpin) { Vec::new() } else { vec![effect.clone()] });
    breaks("stable capacity is not reduced before the new version can carry the load", &schedule(1, &[]), still_pinned);
}

#[test]
fn a_version_that_is_released_unjudged_is_noticed() {
    let careless = instead(|effect| {
        let release = Effect::Patch {
            target: Key::new(DEPLOYMENT.0, DEPLOYMENT.1, "shop", "web"),
            patch: serde_json::from_value(json!([{"op": "remove", "path": "/spec/paused"}])).expect("a JSON patch"),
            purpose: Purpose::Unhold,
        };
        let begins = matches!(effect, Effect::Status(status) if status.phase == Phase::Preparing);
        std::iter::once(effect.clone()).chain(Some(release).filter(|_| begins)).collect()
    });
    breaks("a version that was not judged is never released", &schedule(1, &[]), careless);
}

#[test]
fn a_write_that_changes_nothing_is_noticed() {
    let chatty = instead(|effect| match effect {
        Effect::Apply { .. } => vec![effect.clone(), effect.clone()],
        _ => vec![effect.clone()],
    });
    breaks("no write changes nothing", &schedule(1, &[]), chatty);
}

#[test]
fn an_effect_that_defeats_another_is_noticed() {
    let twice = instead(|effect| match effect {
        Effect::Patch { purpose: Purpose::Pin, .. } => vec![effect.clone(), effect.clone()],
        _ => vec![effect.clone()],
    });
    breaks("no effect of a plan defeats another of the same plan", &schedule(1, &[]), twice);
}

#[test]
fn a_run_that_never_ends_is_noticed() {
    let stuck = instead(|effect| match effect {
        Effect::Status(status) if status.phase == Phase::Promoting => Vec::new(),
        Effect::Patch { purpose: Purpose::Unhold | Purpose::Unpin, .. } => Vec::new(),
        _ => vec![effect.clone()],
    });
    breaks("every run ends", &schedule(1, &[]), stuck);
}

#[test]
fn a_plan_that_does_not_come_to_rest_is_noticed() {
    let mut schedule = schedule(1, &[]);
    schedule.repeated = 1.0;
    let restless = lying(|observed| observed.rollout.metadata.finalizers = None);
    breaks("a plan comes to rest", &schedule, restless);
}

#[test]
fn a_person_may_release_what_a_sound_controller_would_not() {
    let report = run(&schedule(2, &[(33_000, Action::Say(Verb::Skip))]), Saboteur::default(), None);
    assert!(report.breaches.is_empty(), "{:?}", report.breaches);
    assert_eq!(report.outcomes.first().map(|outcome| outcome.outcome), Some(OutcomeKind::Promoted));
}
