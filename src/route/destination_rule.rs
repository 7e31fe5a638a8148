//! The subsets that Siskin adds to the DestinationRule of a Service's host. The user's own are never touched.

use std::collections::BTreeMap;

use json_patch::Patch;
use serde_json::{Value, json};

use super::{
    CANARY_SUBSET, RouteProblem, STABLE_SUBSET, host,
    patch::{PatchBuilder, put},
};
use crate::model::Object;

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

/// The labels of a subset; `None` where the DestinationRule does not define it.
pub fn subset_labels(live: &Object, subset: &str) -> Option<BTreeMap<String, String>> {
    let position = position(live, subset)?;
    Some(live.strings(&format!("/spec/subsets/{position}/labels")))
}

/// Adds, changes or removes the two subsets that are Siskin's, each a copy of the user's subset (its traffic policy
/// included) with another name and these labels. `None`: the DestinationRule is already so.
///
/// A subset has to be there before a route names it, and to stay until no route does.
pub fn set_subsets(
    live: &Object,
    user_subset: &str,
    stable: Option<&BTreeMap<String, String>>,
    canary: Option<&BTreeMap<String, String>>,
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
        let Some((name, wanted)) = ours(subset) else { continue };
        let path = format!("/spec/subsets/{position}");
        if wanted.as_ref() != Some(subset) {
            builder.test(&format!("{path}/name"), &Value::from(*name));
            builder.set(&path, Some(subset), wanted.clone());
        }
    }
    let missing: Vec<Value> = wanted
        .iter()
        .filter(|(name, _)| !subsets.iter().any(|subset| subset["name"] == *name))
        .filter_map(|(_, subset)| subset.clone())
        .collect();
    if live.at("/spec/subsets").is_none() && !missing.is_empty() {
        builder.add("/spec/subsets", Value::from(missing));
    } else {
        for subset in missing {
            builder.add("/spec/subsets/-", subset);
        }
    }
    builder.finish(live)
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

        let patch = set_subsets(&user, "main", Some(&stable), Some(&canary));
        insta::assert_json_snapshot!("destination_rule_added", patch);
        let added = Object::new(patched(&user, patch.as_ref()));
        assert_eq!(set_subsets(&added, "main", Some(&stable), Some(&canary)), None);

        let patch = set_subsets(&added, "main", Some(&labels("app", "web")), Some(&canary));
        insta::assert_json_snapshot!("destination_rule_unpinned", patch);
        let unpinned = Object::new(patched(&added, patch.as_ref()));
        assert_eq!(subset_labels(&unpinned, STABLE_SUBSET), subset_labels(&unpinned, "main"));

        let patch = set_subsets(&unpinned, "main", None, None);
        assert_eq!(Object::new(patched(&unpinned, patch.as_ref())), user);
        assert_eq!(set_subsets(&user, "main", None, None), None);
    }

    #[test]
    fn a_traffic_policy_that_changed_in_mid_run_holds_for_our_subsets_too() {
        let stable = labels("pod-template-hash", "1");
        let added = Object::new(patched(&rule(USERS), set_subsets(&rule(USERS), "main", Some(&stable), None).as_ref()));
        let mut value = added.value().clone();
        value["spec"]["subsets"][0]["trafficPolicy"] = json!({"loadBalancer": {"simple": "RANDOM"}});
        let touched = Object::new(value);
        let followed = patched(&touched, set_subsets(&touched, "main", Some(&stable), None).as_ref());
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
        let back = Object::new(patched(&bare, set_subsets(&bare, "main", Some(&stable), None).as_ref()));
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
