//! The objects that a run makes beside the workload, and the hold on the workload itself.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::{Patch, PatchOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};

use super::{draft::Draft, facts::Facts};
use crate::{
    act::{Effect, Purpose},
    api::HoldMode,
    model::{Key, Object, POD_TEMPLATE_HASH},
    route::{
        self,
        destination_rule::{SubsetPin, set_subsets},
        host_policy,
    },
    workload::{deployment, same_template},
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
/// subset. Says whether that was so already.
pub(super) fn fence(draft: &mut Draft<'_>, facts: &Facts<'_>, stable: &str) -> bool {
    let mut changed = false;
    if facts.pinned {
        changed |= draft.patch(facts.service.key(), route::service::pin(facts.service, stable), Purpose::Pin);
    }
    if facts.needs_stable_service() {
        host_policy(draft, facts, &facts.stable_service_name());
        let wanted = route::service::stable_service(facts.service, facts.name(), &facts.owner(), Some(stable));
        changed |= apply_service(draft, facts.observed.stable_service.as_ref(), wanted, Purpose::Canary);
    }
    let pod_labels = facts.workload.strings("/spec/template/metadata/labels");
    let pin = SubsetPin { hash: stable, pod_labels: &pod_labels };
    changed |= subsets(draft, facts, Some(&hash_label(stable)), Some(pin));
    !changed
}

/// Lets old, new and canary pods carry the stable traffic, for the time of the native rolling update.
pub(super) fn unfence(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let mut changed = false;
    if facts.pinned {
        changed |= unpin(draft, facts);
    }
    if facts.needs_stable_service() {
        let wanted = route::service::stable_service(facts.service, facts.name(), &facts.owner(), None);
        changed |= apply_service(draft, facts.observed.stable_service.as_ref(), wanted, Purpose::Unpin);
    }
    let users: Option<BTreeMap<String, String>> = facts
        .routes
        .iter()
        .find_map(|route| facts.destination_rule(route))
        .and_then(|(rule, subset)| route::destination_rule::subset_labels(rule, subset));
    if let Some(labels) = users {
        changed |= subsets(draft, facts, Some(&labels), None);
    }
    !changed
}

/// The Service as its user wrote it.
pub(super) fn unpin(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    draft.patch(facts.service.key(), route::service::unpin(facts.service), Purpose::Unpin)
}

/// The two subsets of every DestinationRule that a route of ours splits by, and the pin of the user's own subsets.
fn subsets(
    draft: &mut Draft<'_>,
    facts: &Facts<'_>,
    stable: Option<&BTreeMap<String, String>>,
    pin: Option<SubsetPin<'_>>,
) -> bool {
    let canary = facts.canary_replica_set().and_then(deployment::revision).map(hash_label).filter(|_| stable.is_some());
    let mut changed = false;
    let mut seen = BTreeSet::new();
    for (rule, subset) in facts.routes.iter().filter_map(|route| facts.destination_rule(route)) {
        // Routes may share a DestinationRule; of two patches of one object the second would fail.
        if seen.insert(rule.name()) {
            let patch = set_subsets(rule, subset, stable, canary.as_ref(), pin);
            changed |= draft.patch(rule.key(), patch, Purpose::Subsets);
        }
    }
    changed
}

/// Takes the subsets and the pin out again. Says whether there was something to take.
pub(super) fn remove_subsets(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    subsets(draft, facts, None, None)
}

/// The canary's Service and Deployment, with at least this many pods. The Deployment never shrinks in a run.
pub(super) fn canary(draft: &mut Draft<'_>, facts: &Facts<'_>, replicas: u32) {
    if facts.needs_canary_service() {
        host_policy(draft, facts, &facts.canary_service_name());
        let wanted = route::service::canary_service(facts.service, facts.name(), &facts.owner(), facts.pinned);
        apply_service(draft, facts.observed.canary_service.as_ref(), wanted, Purpose::Canary);
    }
    let live = facts.canary();
    let same = live.is_some_and(|live| {
        same_template(&live.value()["spec"]["template"], &facts.workload.value()["spec"]["template"])
    });
    let replicas = if same { replicas.max(live.map_or(0, deployment::wanted)) } else { replicas };
    if !same || live.is_some_and(|live| deployment::wanted(live) != replicas) {
        let object = deployment::canary(facts.workload, &facts.canary_name(), facts.name(), &facts.owner(), replicas);
        draft.effect(Effect::Apply { object, purpose: Purpose::Canary });
    }
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
    let object = deployment::canary(facts.workload, &facts.canary_name(), facts.name(), &facts.owner(), 0);
    draft.effect(Effect::Apply { object, purpose: Purpose::Canary });
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
pub(super) fn delete_services(draft: &mut Draft<'_>, facts: &Facts<'_>) -> bool {
    let ours = |object: &Option<Object>| object.clone().filter(|object| facts.owns(object));
    let canary = delete(draft, ours(&facts.observed.canary_service).as_ref());
    let stable = delete(draft, ours(&facts.observed.stable_service).as_ref());
    let rules = facts.observed.destination_rules.iter().filter(|rule| facts.owns(rule));
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
