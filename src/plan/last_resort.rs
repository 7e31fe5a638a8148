//! Where a route that sends to the canary refuses to be written, what it names for the canary is made to mean the stable
//! pods: the canary's Service, or its subset, selects them. So its users are safe, whatever becomes of the route.

use std::collections::BTreeMap;

use json_patch::{Patch, PatchOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};

use super::{
    draft::Draft,
    seen::{Route, Seen, template_labels},
};
use crate::{
    act::Purpose,
    model::{Object, POD_TEMPLATE_HASH},
    route::{
        self, CANARY_SUBSET, STABLE_SUBSET,
        destination_rule::{SubsetPin, set_subsets},
    },
    workload::deployment,
};

/// Lets what refused routes name for the canary select the stable pods.
pub(super) fn cut_off(draft: &mut Draft<'_>, seen: &Seen<'_>) {
    let refused: Vec<&Route<'_>> = seen.routes.iter().filter(|route| is_stuck(draft, seen, route)).collect();
    let Some(stable) = stable_labels(seen).filter(|_| !refused.is_empty()) else { return };
    if refused.iter().any(|route| route.subset.is_none())
        && let Some(service) = seen.canary_service()
    {
        let selector = json!(service_selector(seen, &stable));
        draft.patch(service.key(), select(service, &selector), Purpose::Lower);
    }
    for (rule, subset) in refused.iter().filter_map(|route| seen.destination_rule(route)) {
        let kept = route::destination_rule::subset_labels(rule, STABLE_SUBSET);
        let hash = stable[POD_TEMPLATE_HASH].as_str();
        let pod_labels = seen.workload.map(template_labels).unwrap_or_default();
        let pin = SubsetPin { hash, pod_labels: &pod_labels };
        let patch = set_subsets(rule, subset, kept.as_ref(), Some(&stable), Some(pin));
        draft.patch(rule.key(), patch, Purpose::Lower);
    }
}

/// Whether no route sends anything to the canary's pods: none gives it a share, but for those whose share is cut off.
pub(super) fn canary_has_no_traffic(seen: &Seen<'_>) -> bool {
    seen.routes.iter().all(|route| seen.live_weight_of(route).unwrap_or(0) == 0 || is_cut_off(seen, route))
}

/// Whether a route still gives the canary a share, and the last write to it was refused.
fn is_stuck(draft: &Draft<'_>, seen: &Seen<'_>, route: &Route<'_>) -> bool {
    seen.live_weight_of(route).unwrap_or(0) > 0 && draft.observed.writes.is_refused(&route.key(), draft.now)
}

/// Whether what a route names for the canary selects the stable pods.
fn is_cut_off(seen: &Seen<'_>, route: &Route<'_>) -> bool {
    let Some(stable) = stable_labels(seen) else { return false };
    match seen.destination_rule(route) {
        Some((rule, _)) => route::destination_rule::subset_labels(rule, CANARY_SUBSET) == Some(stable),
        None => seen
            .canary_service()
            .is_some_and(|service| service.strings("/spec/selector") == service_selector(seen, &stable)),
    }
}

/// The label by which the stable pods are known; nothing where there are none.
fn stable_labels(seen: &Seen<'_>) -> Option<BTreeMap<String, String>> {
    let stable = seen.stable.filter(|set| set.number("/spec/replicas").unwrap_or(0) > 0)?;
    Some(BTreeMap::from([(POD_TEMPLATE_HASH.to_owned(), deployment::revision(stable)?.to_owned())]))
}

fn service_selector(seen: &Seen<'_>, stable: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut selector = seen.service.map(route::service::selector).unwrap_or_default();
    selector.extend(stable.clone());
    selector
}

fn select(service: &Object, selector: &Value) -> Option<Patch> {
    if service.at("/spec/selector") == Some(selector) {
        return None;
    }
    let path = |tokens: &[&str]| PointerBuf::from_tokens(tokens.iter().copied());
    Some(Patch(vec![
        PatchOperation::Test(TestOperation { path: path(&["metadata", "uid"]), value: json!(service.uid()) }),
        PatchOperation::Replace(ReplaceOperation { path: path(&["spec", "selector"]), value: selector.clone() }),
    ]))
}
