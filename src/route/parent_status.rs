//! What the gateways and meshes that serve an HTTPRoute say of it.
//!
//! A parent writes two conditions. `Accepted` is about the route. `ResolvedRefs` is about everything that the route refers
//! to, in all its rules: where it is false, only the message says of what.

use serde_json::Value;

use super::{Acceptance, Backends};
use crate::model::Object;

/// Every parent of the route has to accept it as it is now. A parent that leaves `observedGeneration` out is taken by its
/// word, and one that says nothing of `ResolvedRefs` has nothing against the backends.
pub(super) fn acceptance(live: &Object, backends: &Backends<'_>) -> Acceptance {
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
        match of_parent(live, parent, backends) {
            Acceptance::Accepted => {}
            waiting @ Acceptance::Pending { .. } => {
                pending.get_or_insert(waiting);
            }
            refused @ Acceptance::Refused { .. } => return refused,
        }
    }
    pending.unwrap_or(Acceptance::Accepted)
}

/// What one parent says. Several controllers may answer for it.
fn of_parent(live: &Object, parent: &Value, backends: &Backends<'_>) -> Acceptance {
    let wait = |why: String| Acceptance::Pending { parent: describe(parent), why };
    let refuse = |condition: &Value| Acceptance::Refused {
        parent: describe(parent),
        reason: text(condition, "reason").to_owned(),
        message: text(condition, "message").to_owned(),
    };
    let mut pending = None;
    let mut answered = false;
    for answer in live.list("/status/parents").iter().filter(|answer| same_parent(live, parent, &answer["parentRef"])) {
        answered = true;
        let accepted = standing(live, answer, "Accepted");
        let resolved = standing(live, answer, "ResolvedRefs");
        let why = match (accepted, resolved) {
            (Standing::No(condition), _) => return refuse(condition),
            (_, Standing::No(condition)) => match whose(live, text(condition, "message"), backends) {
                Whose::Ours => return refuse(condition),
                Whose::Others if matches!(accepted, Standing::Yes) => continue,
                Whose::Others => "it has not accepted the route yet".into(),
                Whose::Unknown => {
                    format!("it says {}: {}", text(condition, "reason"), text(condition, "message"))
                }
            },
            (Standing::Yes, Standing::Yes | Standing::Missing) => continue,
            (Standing::Older(generation), _) | (_, Standing::Older(generation)) => format!(
                "what it says is about generation {generation} of the route, which is at generation {}",
                live.generation()
            ),
            (Standing::Missing | Standing::Unknown, _) => "it has not accepted the route yet".into(),
            (_, Standing::Unknown) => "it has not found the backends yet".into(),
        };
        pending.get_or_insert(why);
    }
    match pending {
        Some(why) => wait(why),
        None if answered => Acceptance::Accepted,
        None => wait("it has not said anything about the route".into()),
    }
}

/// How a condition stands to the route as it is now.
#[derive(Clone, Copy)]
enum Standing<'v> {
    Yes,
    No(&'v Value),
    Unknown,
    Missing,
    /// It is about this older generation.
    Older(i64),
}

fn standing<'v>(live: &Object, answer: &'v Value, kind: &str) -> Standing<'v> {
    let conditions = answer["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(condition) = conditions.iter().find(|condition| condition["type"] == kind) else {
        return Standing::Missing;
    };
    match condition["observedGeneration"].as_i64() {
        Some(generation) if generation < live.generation() => Standing::Older(generation),
        _ => match condition["status"].as_str() {
            Some("True") => Standing::Yes,
            Some("False") => Standing::No(condition),
            _ => Standing::Unknown,
        },
    }
}

/// Whose backends a message complains about.
enum Whose {
    Ours,
    Others,
    Unknown,
}

/// The condition itself does not say which backend it is about, but its message names it as a rule. Where the route refers
/// to nothing but our Services, it is about them whatever it says.
fn whose(live: &Object, message: &str, backends: &Backends<'_>) -> Whose {
    let ours = [backends.service.to_owned(), backends.stable_service(), backends.canary_service()];
    let mut referred = Vec::new();
    for rule in live.list("/spec/rules") {
        references(rule, &mut referred);
    }
    let is_ours = |(namespace, name): &(&str, &str)| {
        (namespace.is_empty() || *namespace == backends.namespace) && ours.iter().any(|service| service == name)
    };
    let (own, others): (Vec<_>, Vec<_>) = referred.into_iter().partition(is_ours);
    if others.is_empty() {
        return Whose::Ours;
    }
    let named = |references: &[(&str, &str)]| references.iter().any(|(_, name)| mentions(message, name));
    match (named(&own), named(&others)) {
        (true, false) => Whose::Ours,
        (false, true) => Whose::Others,
        _ => Whose::Unknown,
    }
}

/// Everything that a rule refers to, as namespace and name: its backends, and what its filters name (mirrors, extensions).
fn references<'v>(value: &'v Value, found: &mut Vec<(&'v str, &'v str)>) {
    const FIELDS: [&str; 3] = ["backendRefs", "backendRef", "extensionRef"];
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                if FIELDS.contains(&field.as_str()) {
                    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    found.extend(list.iter().map(|reference| (text(reference, "namespace"), text(reference, "name"))));
                }
                references(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Whether a sentence names an object: `web`, `shop/web`, `web:80` or `web.shop.svc.cluster.local`, but not `web-canary`.
fn mentions(message: &str, name: &str) -> bool {
    message
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '.')
        .any(|word| word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether two parentRefs name the same parent; one of them may have had its defaults filled in.
fn same_parent(live: &Object, one: &Value, other: &Value) -> bool {
    let or = |parent: &Value, field: &str, default: &str| parent[field].as_str().unwrap_or(default).to_owned();
    let same = |field, default| or(one, field, default) == or(other, field, default);
    // Linkerd's users write `core` for the group of a Service, which has none.
    let group = |parent: &Value| match or(parent, "group", "gateway.networking.k8s.io").as_str() {
        "core" => String::new(),
        group => group.to_owned(),
    };
    same("name", "")
        && same("namespace", live.namespace())
        && same("kind", "Gateway")
        && group(one) == group(other)
        && same("sectionName", "")
        && one["port"] == other["port"]
}

/// A parent in words: `Gateway edge`, `Gateway infra/edge section https`.
fn describe(parent: &Value) -> String {
    let filled = |field: &str| Some(text(parent, field)).filter(|text| !text.is_empty());
    let namespace = filled("namespace").map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let section = filled("sectionName").map(|section| format!(" section {section}")).unwrap_or_default();
    format!("{} {namespace}{}{section}", filled("kind").unwrap_or("Gateway"), text(parent, "name"))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}
