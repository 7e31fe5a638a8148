//! The objects that a run makes beside the workload, and the hold on the workload itself.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::{Patch, PatchOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};

use super::{draft::Draft, facts::Facts, seen::Seen};
use crate::{
    act::{Effect, Purpose},
    api::HoldMode,
    model::{Key, Object, POD_TEMPLATE_HASH},
    route::{
        self,
        destination_rule::{SubsetPin, set_subsets},
        host_policy,
    },
    workload::{TemplateIs, deployment},
};

/// Keeps the workload's new template from rolling out.
pub(super) fn hold(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    draft.patch(facts.workload.key(), deployment::hold(facts.workload), Purpose::Hold)
}

/// Lets the workload roll out what was seen of it.
pub(super) fn unhold(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    draft.patch(facts.workload.key(), deployment::unhold(facts.workload), Purpose::Unhold)
}

/// Whether the hold field is set at all times.
pub(super) fn always_held(facts: &Facts<'_>) -> bool {
    match facts.spec.hold {
        HoldMode::Always => true,
        HoldMode::Admission => false,
        HoldMode::Auto => !facts.observed.cluster.admission_hold,
    }
}

/// Keeps the canary away from whatever carries the stable traffic: the pinned Service, the `-stable` Service, the stable
/// subset. Says whether that was so already. A Service that is missing can't be a way to the canary.
pub(super) fn fence(draft: &mut Draft<'_>, facts: &Facts<'_>, stable: &str) -> bool {
    let mut changed = false;
    if let Some(service) = facts.service {
        if facts.pinned {
            changed |= draft.patch(service.key(), route::service::pin(service, stable), Purpose::Pin);
        }
        changed |= pin_others(draft, facts, stable);
        if facts.needs_stable_service() {
            host_policy(draft, facts, &facts.stable_service_name());
            let wanted = route::service::stable_service(service, facts.name(), &facts.owner(), Some(stable));
            changed |= apply_service(draft, facts.observed.stable_service.as_ref(), wanted, Purpose::Canary);
        }
    }
    let pod_labels = facts.workload.strings("/spec/template/metadata/labels");
    let pin = SubsetPin { hash: stable, pod_labels: &pod_labels };
    changed |= subsets(draft, facts, Some(&hash_label(stable)), Some(pin));
    !changed
}

/// Lets old, new and canary pods carry the stable traffic, for the time of the native rolling update.
pub(super) fn unfence(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    let mut changed = unpin(draft, seen);
    if let Some(service) = seen.service.filter(|_| seen.needs_stable_service()) {
        let wanted = route::service::stable_service(service, seen.name(), &seen.owner(), None);
        changed |= apply_service(draft, seen.observed.stable_service.as_ref(), wanted, Purpose::Unpin);
    }
    let users: Option<BTreeMap<String, String>> = seen
        .routes
        .iter()
        .find_map(|route| seen.destination_rule(route))
        .and_then(|(rule, subset)| route::destination_rule::subset_labels(rule, subset));
    if let Some(labels) = users {
        changed |= subsets(draft, seen, Some(&labels), None);
    }
    !changed
}

/// Keeps the canary out of the other Services that select the workload's pods and nothing else. Which ones is written down
/// before they are pinned. Says whether one was not yet.
fn pin_others(draft: &mut Draft<'_>, facts: &Facts<'_>, stable: &str) -> bool {
    let mut changed = false;
    for other in facts.observed.other_services.iter().filter(|_| facts.spec.traffic.pin_service) {
        if !other.shared_with.is_empty() || other.object.deleting() {
            continue;
        }
        let patch = route::service::pin(&other.object, stable);
        let name = other.object.name();
        let run = draft
            .status
            .run
            .as_mut()
            .filter(|run| patch.is_some() && !run.pinned_services.iter().any(|known| known == name));
        if let Some(run) = run {
            run.pinned_services.push(name.to_owned());
            draft.save();
        }
        changed |= draft.patch(other.object.key(), patch, Purpose::Pin);
    }
    changed
}

/// The Services as their user wrote them. Says whether one was not yet.
pub(super) fn unpin(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    let mut changed = false;
    if let Some(service) = seen.service {
        changed |= draft.patch(service.key(), route::service::unpin(service), Purpose::Unpin);
    }
    let pinned = draft.status.run.as_ref().map_or(Vec::new(), |run| run.pinned_services.clone());
    for other in
        seen.observed.other_services.iter().filter(|other| pinned.iter().any(|name| name == other.object.name()))
    {
        changed |= draft.patch(other.object.key(), route::service::unpin(&other.object), Purpose::Unpin);
    }
    changed
}

/// The two subsets of every DestinationRule that a route of ours splits by, and the pin of the user's own subsets.
fn subsets(
    draft: &mut Draft<'_>,
    seen: &Seen<'_>,
    stable: Option<&BTreeMap<String, String>>,
    pin: Option<SubsetPin<'_>>,
) -> bool {
    let canary = seen.canary_replica_set().and_then(deployment::revision).map(hash_label).filter(|_| stable.is_some());
    let mut changed = false;
    let mut patched = BTreeSet::new();
    for (rule, subset) in seen.routes.iter().filter_map(|route| seen.destination_rule(route)) {
        // Routes may share a DestinationRule; of two patches of one object the second would fail.
        if patched.insert(rule.name()) {
            let patch = set_subsets(rule, subset, stable, canary.as_ref(), pin);
            changed |= draft.patch(rule.key(), patch, Purpose::Subsets);
        }
    }
    changed
}

/// Takes the subsets and the pin out again. Says whether there was something to take.
pub(super) fn remove_subsets(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    subsets(draft, seen, None, None)
}

/// The canary's Service and Deployment, with at least this many pods. The Deployment never shrinks in a run. The Service
/// is there also where routes split by subsets: its endpoints tell which pods are the canary's.
pub(super) fn canary(draft: &mut Draft<'_>, facts: &Facts<'_>, replicas: u32) {
    if let Some(service) = facts.service {
        host_policy(draft, facts, &facts.canary_service_name());
        let wanted = route::service::canary_service(service, facts.name(), &facts.owner(), facts.pinned);
        apply_service(draft, facts.observed.canary_service.as_ref(), wanted, Purpose::Canary);
    }
    let Some(live) = facts.canary() else {
        let object = new_canary(facts, replicas);
        return draft.effect(Effect::Create { object, purpose: Purpose::Canary });
    };
    let replicas = if facts.template == TemplateIs::New { replicas } else { replicas.max(deployment::wanted(live)) };
    let patch = deployment::update_canary(live, facts.workload, facts.template == TemplateIs::New, replicas);
    draft.patch(live.key(), patch, Purpose::Canary);
}

fn new_canary(facts: &Facts<'_>, replicas: u32) -> Value {
    deployment::canary(facts.workload, &facts.canary_name(), facts.name(), &facts.owner(), replicas)
}

/// Ends the canary's pods. The Deployment stays, with none: it is how the server remembers the rejected template.
pub(super) fn scale_to_zero(draft: &mut Draft<'_>, canary: &Object) -> bool {
    if deployment::wanted(canary) == 0 {
        return false;
    }
    let path = |tokens: &[&str]| PointerBuf::from_tokens(tokens.iter().copied());
    let patch = Patch(vec![
        PatchOperation::Test(TestOperation { path: path(&["metadata", "uid"]), value: json!(canary.uid()) }),
        PatchOperation::Replace(ReplaceOperation { path: path(&["spec", "replicas"]), value: json!(0) }),
    ]);
    draft.patch(canary.key(), Some(patch), Purpose::CleanUp)
}

/// A canary Deployment without pods, for the template that the workload has now.
pub(super) fn memory(draft: &mut Draft<'_>, facts: &Facts<'_>) {
    draft.effect(Effect::Create { object: new_canary(facts, 0), purpose: Purpose::Canary });
}

/// How proxies talk to the host of a generated Service: as the user's DestinationRule says of the user's.
fn host_policy(draft: &mut Draft<'_>, facts: &Facts<'_>, generated: &str) {
    let rules = &facts.observed.destination_rules;
    let service = &facts.spec.traffic.service;
    for wanted in host_policy::copies(rules, facts.namespace(), service, generated, facts.name(), &facts.owner()) {
        let live = rules.iter().find(|rule| wanted["metadata"]["name"] == rule.name());
        // One of somebody else's by that name is left alone.
        if live.is_none_or(|live| facts.owns(live) && !host_policy::is_as_wanted(live, &wanted)) {
            draft.effect(Effect::Apply { object: wanted, purpose: Purpose::Canary });
        }
    }
}

/// Deletes an object of ours, if it is there. Says whether it was.
pub(super) fn delete(draft: &mut Draft<'_>, object: Option<&Object>) -> bool {
    let Some(object) = object else { return false };
    if !object.deleting() {
        draft.effect(Effect::Delete { target: object.key(), uid: object.uid().to_owned(), purpose: Purpose::CleanUp });
    }
    true
}

/// Deletes the generated Services, and each DestinationRule of their hosts. Says whether there were any.
pub(super) fn delete_services(draft: &mut Draft<'_>, seen: &Seen<'_>) -> bool {
    let canary = delete(draft, seen.canary_service());
    let stable = delete(draft, seen.stable_service());
    let rules = seen.observed.destination_rules.iter().filter(|rule| seen.owns(rule));
    let rules = rules.filter(|rule| delete(draft, Some(rule))).count();
    canary || stable || rules > 0
}

fn apply_service(draft: &mut Draft<'_>, live: Option<&Object>, wanted: Value, purpose: Purpose) -> bool {
    let same = live.is_some_and(|live| route::service::is_as_wanted(live, &wanted));
    if !same {
        draft.effect(Effect::Apply { object: wanted, purpose });
    }
    !same
}

fn hash_label(revision: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(POD_TEMPLATE_HASH.to_owned(), revision.to_owned())])
}

/// The key of the Rollout itself.
pub(super) fn rollout_key(draft: &Draft<'_>) -> Key {
    let metadata = &draft.observed.rollout.metadata;
    let version = format!("{}/{}", crate::api::GROUP, crate::api::VERSION);
    Key::new(
        &version,
        "Rollout",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}
