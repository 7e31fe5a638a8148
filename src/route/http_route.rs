//! HTTPRoute: which backendRefs are ours, and whether every gateway or mesh that serves the route has taken it.

use serde_json::Value;

use super::{
    Acceptance,
    dialect::{Dialect, Name, Role},
};
use crate::model::Object;

/// What a backendRef is to a run.
pub(super) fn role(dialect: Dialect<'_>, entry: &Value) -> Role {
    let text = |field: &str, default| entry.get(field).and_then(Value::as_str).unwrap_or(default);
    let sends_to_a_service = text("kind", "Service") == "Service" && text("group", "").is_empty();
    if !sends_to_a_service || text("namespace", dialect.namespace) != dialect.backends.namespace {
        return Role::Foreign;
    }
    let name = text("name", "");
    [Role::User, Role::Stable, Role::Canary]
        .into_iter()
        .find(|role| dialect.service(*role) == name)
        .unwrap_or(Role::Foreign)
}

/// How a backendRef of ours is called in another role.
pub(super) fn name(dialect: Dialect<'_>, role: Role) -> Name {
    Name { field: "/name", value: dialect.service(role) }
}

/// Every parent of the route has to say, of this generation, that it is accepted and its backends are found.
pub(super) fn acceptance(live: &Object) -> Acceptance {
    let parents = live.list("/spec/parentRefs");
    if parents.is_empty() {
        return Acceptance::Refused {
            parent: String::new(),
            reason: "NoParents".into(),
            message: "the route has no parentRefs, so no gateway and no mesh serves it".into(),
        };
    }
    let mut pending = None;
    for parent in parents {
        let answers: Vec<_> = live
            .list("/status/parents")
            .iter()
            .filter(|status| same_parent(live, parent, &status["parentRef"]))
            .collect();
        let mut complete = !answers.is_empty();
        for (answer, condition) in answers.iter().flat_map(|answer| [(answer, "Accepted"), (answer, "ResolvedRefs")]) {
            match current(live, answer, condition) {
                Some(found) if found["status"] == "True" => {}
                Some(found) if found["status"] == "False" => {
                    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
                    return Acceptance::Refused {
                        parent: describe(parent),
                        reason: text("reason"),
                        message: text("message"),
                    };
                }
                _ => complete = false,
            }
        }
        if !complete {
            pending.get_or_insert_with(|| describe(parent));
        }
    }
    pending.map_or(Acceptance::Accepted, |parent| Acceptance::Pending { parent })
}

/// A parent's condition, if it speaks of the route as it is now.
fn current<'v>(live: &Object, answer: &'v Value, kind: &str) -> Option<&'v Value> {
    let conditions = answer["conditions"].as_array()?;
    conditions.iter().find(|condition| {
        condition["type"] == kind && condition["observedGeneration"].as_i64().unwrap_or_default() == live.generation()
    })
}

/// Whether two parentRefs name the same parent; one of them may have had its defaults filled in.
fn same_parent(live: &Object, one: &Value, other: &Value) -> bool {
    let text = |parent: &Value, field: &str, default: &str| parent[field].as_str().unwrap_or(default).to_owned();
    let same = |field, default| text(one, field, default) == text(other, field, default);
    same("name", "")
        && same("namespace", live.namespace())
        && same("kind", "Gateway")
        && same("group", "gateway.networking.k8s.io")
        && same("sectionName", "")
        && one["port"] == other["port"]
}

/// A parent in words: `Gateway edge`, `Gateway infra/edge section https`.
fn describe(parent: &Value) -> String {
    let text = |field: &str| parent[field].as_str().filter(|text| !text.is_empty());
    let namespace = text("namespace").map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let section = text("sectionName").map(|section| format!(" section {section}")).unwrap_or_default();
    format!("{} {namespace}{}{section}", text("kind").unwrap_or("Gateway"), text("name").unwrap_or_default())
}
