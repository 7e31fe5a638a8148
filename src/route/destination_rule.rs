//! The subsets that Siskin adds to the DestinationRule of a Service's host, and the pin of the user's own.
//!
//! Rules that the Rollout does not split (of the same route or of others, of tcp and tls too) go on naming the user's
//! subsets. So during a run those that would reach the canary's pods are pinned: one label more, the stable revision's
//! hash. It goes without a trace. Nothing else of the user's subsets is touched.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::{Map, Value, json};

use super::{
    CANARY_SUBSET, RouteProblem, STABLE_SUBSET, host,
    patch::{PatchBuilder, Path, put},
};
use crate::model::{Object, POD_TEMPLATE_HASH};

/// What keeps the user's subsets off the canary's pods.
#[derive(Clone, Copy, Debug)]
pub struct SubsetPin<'a> {
    /// The stable revision's hash.
    pub hash: &'a str,
    /// The labels of the workload's pod template, which the canary's pods carry: beside the subset that the routes name,
    /// every subset that selects by some of these is pinned.
    pub pod_labels: &'a BTreeMap<String, String>,
}

/// The DestinationRule of the Service's host that defines this subset, or any of them where no subset is asked for. Where
/// the user's subset was taken out in mid-run, the one that still has ours.
///
/// Of several (Istio merges them) one of the Service's own namespace comes first. One for a wildcard host is never taken:
/// its subsets are those of many Services.
pub fn find<'a>(
    destination_rules: &'a [Object],
    namespace: &str,
    service: &str,
    subset: Option<&str>,
) -> Option<&'a Object> {
    destination_rules
        .iter()
        .filter(|rule| host::names(rule.text("/spec/host"), rule.namespace(), namespace, service))
        .filter_map(|rule| {
            let lacks = subset.is_some_and(|subset| position(rule, subset).is_none());
            let ours = || [STABLE_SUBSET, CANARY_SUBSET].iter().any(|subset| position(rule, subset).is_some());
            (!lacks || ours()).then_some((lacks, rule.namespace() != namespace, rule))
        })
        .min_by_key(|(lacks, elsewhere, rule)| (*lacks, *elsewhere, rule.namespace(), rule.name()))
        .map(|(_, _, rule)| rule)
}

/// The labels of a subset; those of the user's without the pin. `None` where the DestinationRule does not define it.
pub fn subset_labels(live: &Object, subset: &str) -> Option<BTreeMap<String, String>> {
    let position = position(live, subset)?;
    let mut labels = live.strings(&format!("/spec/subsets/{position}/labels"));
    if !is_ours(subset) {
        labels.remove(POD_TEMPLATE_HASH);
    }
    Some(labels)
}

/// Adds, changes or removes the two subsets that are Siskin's, each a copy of the user's subset (its traffic policy
/// included) with another name and these labels; and pins the user's subsets, or takes the pin off. `None`: the
/// DestinationRule is already so.
///
/// A subset has to be there before a route names it, and to stay until no route does. The pin has to be there before the
/// canary has pods, and to stay until it has none or they may carry all traffic.
pub fn set_subsets(
    live: &Object,
    user_subset: &str,
    stable: Option<&BTreeMap<String, String>>,
    canary: Option<&BTreeMap<String, String>>,
    pin: Option<SubsetPin<'_>>,
) -> Option<Patch> {
    // Where someone took the user's subset out, ours still have what they were copied with.
    let model = [user_subset, STABLE_SUBSET, CANARY_SUBSET]
        .into_iter()
        .find_map(|name| position(live, name))
        .map_or_else(|| json!({}), |position| live.list("/spec/subsets")[position].clone());
    let wanted = [(STABLE_SUBSET, stable), (CANARY_SUBSET, canary)].map(|(name, labels)| {
        let subset = labels.map(|labels| {
            let mut subset = model.clone();
            put(&mut subset, "/name", Value::from(name));
            put(&mut subset, "/labels", json!(labels));
            subset
        });
        (name, subset)
    });
    let mut builder = PatchBuilder::default();
    let subsets = live.list("/spec/subsets");
    let ours = |subset: &Value| wanted.iter().find(|(name, _)| subset["name"] == *name);

    // From the end, so that what is removed moves nothing that is still to be changed.
    for (position, subset) in subsets.iter().enumerate().rev() {
        let path = Path::new("/spec/subsets").element(position);
        let edits = builder.edits();
        match ours(subset) {
            Some((_, wanted)) if wanted.as_ref() == Some(subset) => {}
            Some((_, wanted)) => builder.set(&path, Some(subset), wanted.clone()),
            // The server takes only mappings with a name; a manifest that never saw one may have anything.
            None if subset.is_object() => {
                set_pin(&mut builder, &path, subset, pin.filter(|pin| pin.concerns(subset, user_subset)));
            }
            None => {}
        }
        if builder.edits() > edits
            && let Some(name) = subset.get("name")
        {
            builder.test(&path.field("name"), name);
        }
    }
    let missing: Vec<Value> = wanted
        .iter()
        .filter(|(name, _)| !subsets.iter().any(|subset| subset["name"] == *name))
        .filter_map(|(_, subset)| subset.clone())
        .collect();
    if live.at("/spec/subsets").is_some_and(Value::is_array) {
        for subset in missing {
            builder.add(&Path::new("/spec/subsets").field("-"), subset);
        }
    } else if !missing.is_empty() {
        builder.add(&Path::new("/spec/subsets"), Value::from(missing));
    }
    builder.finish(live)
}

impl SubsetPin<'_> {
    /// Whether a subset of the user's would reach the canary's pods.
    fn concerns(&self, subset: &Value, user_subset: &str) -> bool {
        let reaches = |labels: &Map<String, Value>| {
            labels
                .iter()
                .filter(|(key, _)| *key != POD_TEMPLATE_HASH)
                .all(|(key, value)| self.pod_labels.get(key).map(String::as_str) == value.as_str())
        };
        subset["name"] == user_subset || labels_of(subset).is_none_or(reaches)
    }
}

/// Pins one subset to a hash, or takes the pin off. A subset that had no labels has none afterwards.
fn set_pin(builder: &mut PatchBuilder, path: &Path, subset: &Value, pin: Option<SubsetPin<'_>>) {
    let labels = path.field("labels");
    let hash = pin.map(|pin| Value::from(pin.hash));
    match (labels_of(subset), hash) {
        (None, Some(hash)) => builder.set(&labels, subset.get("labels"), Some(json!({ POD_TEMPLATE_HASH: hash }))),
        (Some(pinned), None) if pinned.len() == 1 && pinned.contains_key(POD_TEMPLATE_HASH) => builder.remove(&labels),
        (Some(own), hash) => builder.set(&labels.field(POD_TEMPLATE_HASH), own.get(POD_TEMPLATE_HASH), hash),
        (None, None) => {}
    }
}

fn labels_of(subset: &Value) -> Option<&Map<String, Value>> {
    subset.get("labels").and_then(Value::as_object)
}

/// Whether a subset is one that Siskin adds.
fn is_ours(subset: &str) -> bool {
    [STABLE_SUBSET, CANARY_SUBSET].contains(&subset)
}

/// At rest the pin's label is nowhere. A subset that selects by it is somebody else's way of naming one revision, which a
/// run would take for its own and take away. The user's subset itself is passed over: there it is the pin of a run whose
/// Rollout was taken away by force, and the next run takes it off.
pub fn check_hashes(live: &Object, user_subset: &str) -> Result<(), RouteProblem> {
    let mut names = live.list("/spec/subsets").iter().filter_map(|subset| {
        labels_of(subset)?.get(POD_TEMPLATE_HASH)?;
        subset["name"].as_str()
    });
    match names.find(|name| !is_ours(name) && *name != user_subset) {
        None => Ok(()),
        Some(subset) => Err(RouteProblem::SubsetOfOneRevision {
            destination_rule: RouteProblem::object("DestinationRule", live),
            subset: subset.to_owned(),
        }),
    }
}

/// Whether pods of a new template will be in the user's subset. If they were not, it would be empty after promotion.
pub fn check_template(
    live: &Object,
    subset: &str,
    template_labels: &BTreeMap<String, String>,
) -> Result<(), RouteProblem> {
    let labels = subset_labels(live, subset).unwrap_or_default();
    match labels.into_iter().find(|(key, value)| template_labels.get(key) != Some(value)) {
        None => Ok(()),
        Some((label, wanted)) => Err(RouteProblem::SubsetWouldBeEmpty {
            destination_rule: RouteProblem::object("DestinationRule", live),
            subset: subset.to_owned(),
            has: template_labels
                .get(&label)
                .map_or_else(|| "does not have it".into(), |value| format!("has {label}={value}")),
            label,
            wanted,
        }),
    }
}

fn position(live: &Object, subset: &str) -> Option<usize> {
    live.list("/spec/subsets").iter().position(|candidate| candidate["name"] == subset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::patch::patched;

    fn rule(subsets: &str) -> Object {
        let text = format!(
            "{{kind: DestinationRule, metadata: {{name: web, namespace: shop, resourceVersion: '5'}}, spec: {{host: web, subsets: {subsets}}}}}"
        );
        Object::new(serde_saphyr::from_str(&text).unwrap())
    }

    fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    const USERS: &str = "[{name: main, labels: {app: web}, trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}, {name: legacy, labels: {app: old}}]";

    #[test]
    fn our_subsets_are_added_changed_and_removed_and_the_users_stay() {
        let user = rule(USERS);
        let (stable, canary) = (labels("pod-template-hash", "1"), labels("siskin.dev/variant", "canary"));

        let patch = set_subsets(&user, "main", Some(&stable), Some(&canary), None);
        insta::assert_json_snapshot!("destination_rule_added", patch);
        let added = Object::new(patched(&user, patch.as_ref()));
        assert_eq!(set_subsets(&added, "main", Some(&stable), Some(&canary), None), None);

        let patch = set_subsets(&added, "main", Some(&labels("app", "web")), Some(&canary), None);
        insta::assert_json_snapshot!("destination_rule_unpinned", patch);
        let unpinned = Object::new(patched(&added, patch.as_ref()));
        assert_eq!(subset_labels(&unpinned, STABLE_SUBSET), subset_labels(&unpinned, "main"));

        let patch = set_subsets(&unpinned, "main", None, None, None);
        assert_eq!(Object::new(patched(&unpinned, patch.as_ref())), user);
        assert_eq!(set_subsets(&user, "main", None, None, None), None);
    }

    /// The rule and the subset of a case from the field: others of its routes name the same subset.
    const SHARED: &str = "[{name: main, labels: {app: web}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}, \
        {name: old, labels: {app: web, version: '0'}}, {name: twin, labels: {app: web}}, {name: all}, \
        {name: testers, labels: {app: web, siskin.dev/variant: canary}}]";

    fn pod_labels() -> BTreeMap<String, String> {
        BTreeMap::from([("app".to_owned(), "web".to_owned()), ("version".to_owned(), "1".to_owned())])
    }

    /// The labels of each subset, as they stand.
    fn all_labels(live: &Object) -> Vec<(String, Value)> {
        let subsets = live.list("/spec/subsets").iter();
        subsets
            .map(|subset| (subset["name"].as_str().unwrap_or_default().to_owned(), subset["labels"].clone()))
            .collect()
    }

    #[test]
    fn during_a_run_no_subset_of_the_users_reaches_the_canary_unless_it_asks_for_it() {
        let user = rule(SHARED);
        let (stable, canary, pod_labels) =
            (labels("pod-template-hash", "1"), labels("pod-template-hash", "2"), pod_labels());
        let pin = SubsetPin { hash: "1", pod_labels: &pod_labels };
        let patch = set_subsets(&user, "main", Some(&stable), Some(&canary), Some(pin));
        let pinned = Object::new(patched(&user, patch.as_ref()));
        let labels_now = [
            ("main", json!({"app": "web", "pod-template-hash": "1"})),
            ("old", json!({"app": "web", "version": "0"})),
            ("twin", json!({"app": "web", "pod-template-hash": "1"})),
            ("all", json!({"pod-template-hash": "1"})),
            ("testers", json!({"app": "web", "siskin.dev/variant": "canary"})),
            (STABLE_SUBSET, json!({"pod-template-hash": "1"})),
            (CANARY_SUBSET, json!({"pod-template-hash": "2"})),
        ];
        assert_eq!(all_labels(&pinned), labels_now.map(|(name, labels)| (name.to_owned(), labels)));
        assert_eq!(set_subsets(&pinned, "main", Some(&stable), Some(&canary), Some(pin)), None);
        assert_eq!(subset_labels(&pinned, "main"), Some(labels("app", "web")), "the pin is not the user's label");
        assert_eq!(check_template(&pinned, "main", &pod_labels), Ok(()));
        let copy = &pinned.list("/spec/subsets")[5];
        assert_eq!(copy["trafficPolicy"], user.list("/spec/subsets")[0]["trafficPolicy"]);

        let released =
            patched(&pinned, set_subsets(&pinned, "main", Some(&labels("app", "web")), Some(&canary), None).as_ref());
        assert_eq!(all_labels(&Object::new(released))[..5], all_labels(&user)[..]);
        assert_eq!(Object::new(patched(&pinned, set_subsets(&pinned, "main", None, None, None).as_ref())), user);
    }

    #[test]
    fn a_pin_follows_the_stable_revision_and_comes_back_after_someone_took_it_off() {
        let (stable, pod_labels) = (labels("pod-template-hash", "1"), pod_labels());
        let pinned = |hash: &str, live: &Object| {
            let pin = SubsetPin { hash, pod_labels: &pod_labels };
            Object::new(patched(live, set_subsets(live, "main", Some(&stable), None, Some(pin)).as_ref()))
        };
        let first = pinned("1", &rule(SHARED));
        assert_eq!(all_labels(&pinned("9", &first))[0].1, json!({"app": "web", "pod-template-hash": "9"}));
        let mut applied = first.value().clone();
        applied["spec"]["subsets"][0]["labels"] = json!({"app": "web"});
        assert_eq!(pinned("1", &Object::new(applied)), first);
    }

    #[test]
    fn a_subset_that_names_one_revision_of_its_own_is_refused() {
        let live = rule("[{name: main, labels: {app: web}}, {name: v7, labels: {app: web, pod-template-hash: 77aa}}]");
        assert_eq!(check_hashes(&live, "main").map_err(|problem| problem.reason()), Err("SubsetOfOneRevision"));
        let left = rule(
            "[{name: main, labels: {app: web, pod-template-hash: 77aa}}, {name: siskin-stable, labels: {pod-template-hash: 77aa}}]",
        );
        assert_eq!(check_hashes(&left, "main"), Ok(()), "a run that was taken away by force left this");
        assert_eq!(check_hashes(&rule(SHARED), "main"), Ok(()));
    }

    #[test]
    fn subsets_of_any_shape_are_pinned_without_harm() {
        let pod_labels = pod_labels();
        for subsets in ["{name: main}", "[1, null, {name: main, labels: 3}]", "[[], {labels: {}}]", "main"] {
            let live = rule(subsets);
            let pin = SubsetPin { hash: "1", pod_labels: &pod_labels };
            let patch = set_subsets(&live, "main", Some(&labels("a", "b")), None, Some(pin)).unwrap();
            let mut object = live.value().clone();
            json_patch::patch(&mut object, &patch).unwrap();
        }
    }

    #[test]
    fn a_traffic_policy_that_changed_in_mid_run_holds_for_our_subsets_too() {
        let stable = labels("pod-template-hash", "1");
        let added =
            Object::new(patched(&rule(USERS), set_subsets(&rule(USERS), "main", Some(&stable), None, None).as_ref()));
        let mut value = added.value().clone();
        value["spec"]["subsets"][0]["trafficPolicy"] = json!({"loadBalancer": {"simple": "RANDOM"}});
        let touched = Object::new(value);
        let followed = patched(&touched, set_subsets(&touched, "main", Some(&stable), None, None).as_ref());
        assert_eq!(
            followed["spec"]["subsets"][2]["trafficPolicy"],
            touched.value()["spec"]["subsets"][0]["trafficPolicy"]
        );
    }

    #[test]
    fn subsets_that_someone_took_out_come_back() {
        let stable = labels("pod-template-hash", "1");
        let bare = Object::new(
            json!({"kind": "DestinationRule", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"host": "web"}}),
        );
        let back = Object::new(patched(&bare, set_subsets(&bare, "main", Some(&stable), None, None).as_ref()));
        assert_eq!(subset_labels(&back, STABLE_SUBSET), Some(stable));
    }

    #[test]
    fn the_rule_of_the_host_that_defines_the_subset_is_found() {
        let other = Object::new(
            json!({"metadata": {"name": "a", "namespace": "mesh"}, "spec": {"host": "web.shop", "subsets": [{"name": "main"}]}}),
        );
        let policy = Object::new(json!({"metadata": {"name": "b", "namespace": "shop"}, "spec": {"host": "web"}}));
        let foreign = Object::new(
            json!({"metadata": {"name": "c", "namespace": "shop"}, "spec": {"host": "*.shop.svc.cluster.local", "subsets": [{"name": "v9"}]}}),
        );
        let rules = [other, policy, foreign, rule(USERS)];
        assert_eq!(find(&rules, "shop", "web", Some("main")).map(Object::name), Some("web"));
        assert_eq!(find(&rules, "shop", "web", None).map(Object::name), Some("b"));
        assert_eq!(find(&rules, "shop", "web", Some("v9")), None);
        let ours = rule("[{name: siskin-stable, labels: {pod-template-hash: '1'}}]");
        assert_eq!(find(&[ours], "shop", "web", Some("main")).map(Object::name), Some("web"));
        assert_eq!(find(&rules[..1], "shop", "web", Some("main")).map(Object::name), Some("a"));
    }

    #[test]
    fn a_subset_that_would_be_empty_after_promotion_is_refused() {
        let live = rule("[{name: v1, labels: {app: web, version: v1}}]");
        let template = |version: &str| {
            BTreeMap::from([("app".to_owned(), "web".to_owned()), ("version".to_owned(), version.to_owned())])
        };
        assert_eq!(check_template(&live, "v1", &template("v1")), Ok(()));
        let problem = check_template(&live, "v1", &template("v2")).unwrap_err();
        assert_eq!(problem.reason(), "SubsetWouldBeEmpty");
        insta::assert_snapshot!("subset_would_be_empty", problem);
    }
}
