//! A Deployment that was held in the middle of its rolling update has pods of two revisions, and no label that all of
//! them carry and a canary does not. Before a newer template is judged, one revision takes over from the others.
//!
//! Siskin only ever makes ReplicaSets smaller, within `maxUnavailable`. The Deployment's own controller keeps the number
//! of pods also while it is paused, and starts as many of the largest ReplicaSet.

use json_patch::{Patch, PatchOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};

use super::{current_replica_set, wanted};
use crate::model::Object;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Consolidation<'a> {
    /// One revision has all the pods that are wanted, and they are available.
    Done,
    /// This ReplicaSet gives up pods.
    Shrink(&'a Object, Patch),
    /// Pods are on their way.
    Wait,
    /// The pods of the current template, which nobody has judged, are the most already.
    Overtaken,
}

/// What brings a Deployment whose template is new to one of its older revisions.
pub fn consolidation<'a>(deployment: &Object, replica_sets: &'a [Object]) -> Consolidation<'a> {
    let unjudged = current_replica_set(deployment, replica_sets);
    let is_unjudged = |set: &Object| unjudged.is_some_and(|unjudged| unjudged.name() == set.name());
    let active = || replica_sets.iter().filter(|set| replicas(set) > 0);
    // The controller's own order: the larger one, then the newer one; but of equals never the one that nobody has judged.
    let order = |set: &&Object| (replicas(set), !is_unjudged(set), set.created());
    let Some(largest) = active().max_by_key(order) else { return Consolidation::Done };
    if is_unjudged(largest) {
        return Consolidation::Overtaken;
    }
    let mut others: Vec<&Object> = active().filter(|set| set.name() != largest.name()).collect();
    if others.is_empty() {
        let complete = available(largest) >= i64::from(wanted(deployment));
        return if complete { Consolidation::Done } else { Consolidation::Wait };
    }
    others.sort_by_key(|set| (!is_unjudged(set), replicas(set)));
    let least = i64::from(wanted(deployment)) - max_unavailable(deployment);
    let spare = (active().map(available).sum::<i64>() - least).max(0);
    let smaller = |set: &&'a Object| {
        let target = (available(set) - spare).max(0);
        (target < replicas(set)).then(|| (*set, shrink(set, target)))
    };
    others.iter().find_map(smaller).map_or(Consolidation::Wait, |(set, patch)| Consolidation::Shrink(set, patch))
}

/// How many pods fewer than wanted a rolling update of this Deployment may leave.
pub fn max_unavailable(deployment: &Object) -> i64 {
    let wanted = i64::from(wanted(deployment));
    let unavailable = part(deployment.at("/spec/strategy/rollingUpdate/maxUnavailable"), wanted, false);
    let surge = part(deployment.at("/spec/strategy/rollingUpdate/maxSurge"), wanted, true);
    if surge == 0 { unavailable.max(1) } else { unavailable }
}

/// A number, or a percentage of `of`, as the server's controllers round it.
fn part(value: Option<&Value>, of: i64, up: bool) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            (of * percent + if up { 99 } else { 0 }) / 100
        }
        _ => 0,
    }
}

fn replicas(set: &Object) -> i64 {
    set.number("/spec/replicas").unwrap_or(0)
}

/// At most as many as it will keep: a status may still count pods that are to go.
fn available(set: &Object) -> i64 {
    set.number("/status/availableReplicas").unwrap_or(0).min(replicas(set))
}

fn shrink(set: &Object, target: i64) -> Patch {
    let path = |tokens: &[&str]| PointerBuf::from_tokens(tokens.iter().copied());
    let test = |tokens: &[&str], value: Value| PatchOperation::Test(TestOperation { path: path(tokens), value });
    Patch(vec![
        test(&["metadata", "uid"], json!(set.uid())),
        test(&["spec", "replicas"], json!(replicas(set))),
        PatchOperation::Replace(ReplaceOperation { path: path(&["spec", "replicas"]), value: json!(target) }),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(image: &str, wanted: i64, surge: &Value, unavailable: &Value) -> Object {
        Object::new(json!({
            "metadata": {"name": "web", "uid": "d"},
            "spec": {
                "replicas": wanted, "paused": true,
                "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
                "template": {"spec": {"image": image}},
            },
        }))
    }

    fn set(image: &str, replicas: i64, available: i64) -> Object {
        Object::new(json!({
            "metadata": {"name": format!("web-{image}"), "uid": image},
            "spec": {"replicas": replicas, "template": {"spec": {"image": image}}},
            "status": {"availableReplicas": available},
        }))
    }

    /// The size that one ReplicaSet is brought to, with its name.
    fn shrunk(deployment: &Object, sets: &[Object]) -> Option<(String, i64)> {
        let Consolidation::Shrink(set, patch) = consolidation(deployment, sets) else { return None };
        let mut value = set.value().clone();
        json_patch::patch(&mut value, &patch).unwrap();
        Some((set.name().to_owned(), value["spec"]["replicas"].as_i64().unwrap()))
    }

    #[test]
    fn the_smaller_revision_gives_up_what_is_more_than_enough() {
        let web = deployment("v3", 8, &json!("25%"), &json!("25%"));
        assert_eq!(shrunk(&web, &[set("v1", 6, 6), set("v2", 4, 4)]), Some(("web-v2".into(), 0)));
        assert_eq!(shrunk(&web, &[set("v1", 4, 4), set("v2", 6, 3)]), Some(("web-v1".into(), 3)));
    }

    #[test]
    fn nothing_is_given_up_that_would_leave_too_few() {
        let web = deployment("v3", 8, &json!(2), &json!(0));
        assert_eq!(consolidation(&web, &[set("v1", 6, 6), set("v2", 2, 2)]), Consolidation::Wait);
        assert_eq!(consolidation(&web, &[set("v1", 6, 5), set("v2", 3, 3)]), Consolidation::Wait);
        assert_eq!(
            shrunk(&web, &[set("v1", 6, 6), set("v2", 4, 2)]),
            Some(("web-v2".into(), 2)),
            "unready ones may go"
        );
        assert_eq!(shrunk(&web, &[set("v1", 6, 6), set("v2", 4, 3)]), Some(("web-v2".into(), 2)));
    }

    #[test]
    fn pods_that_are_to_go_are_not_counted_twice() {
        let web = deployment("v3", 8, &json!(2), &json!(0));
        let lagging = set("v2", 2, 4);
        assert_eq!(consolidation(&web, &[set("v1", 8, 6), lagging]), Consolidation::Wait);
    }

    #[test]
    fn one_revision_with_all_its_pods_is_the_end_of_it() {
        let web = deployment("v3", 8, &json!(2), &json!(0));
        assert_eq!(consolidation(&web, &[set("v1", 8, 8), set("v2", 0, 0)]), Consolidation::Done);
        assert_eq!(consolidation(&web, &[set("v1", 8, 7), set("v2", 0, 0)]), Consolidation::Wait);
        assert_eq!(consolidation(&deployment("v3", 0, &json!(1), &json!(0)), &[set("v1", 0, 0)]), Consolidation::Done);
    }

    #[test]
    fn what_nobody_has_judged_goes_first_unless_it_is_what_users_get() {
        let web = deployment("v3", 8, &json!(2), &json!(0));
        let judged = [set("v1", 5, 5), set("v2", 2, 2), set("v3", 3, 3)];
        assert_eq!(shrunk(&web, &judged), Some(("web-v3".into(), 1)));
        assert_eq!(consolidation(&web, &[set("v1", 2, 2), set("v3", 8, 8)]), Consolidation::Overtaken);
        let equals = [set("v1", 4, 4), set("v2", 4, 4), set("v3", 4, 4)];
        assert_eq!(shrunk(&web, &equals), Some(("web-v3".into(), 0)));
    }

    #[test]
    fn a_strategy_without_any_room_is_read_as_the_server_reads_it() {
        assert_eq!(max_unavailable(&deployment("v1", 10, &json!("0%"), &json!("5%"))), 1);
        assert_eq!(max_unavailable(&deployment("v1", 10, &json!(1), &json!("25%"))), 2);
    }
}
