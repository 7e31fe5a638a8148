//! VirtualService: which destinations of its http rules are ours, at host level or at subset level.

use serde_json::Value;

use super::{
    Acceptance, CANARY_SUBSET, STABLE_SUBSET,
    dialect::{Dialect, Name, Role},
    host,
};
use crate::model::Object;

/// The host that a destination names, "" where it names none.
pub(super) fn host_of(entry: &Value) -> &str {
    entry.pointer("/destination/host").and_then(Value::as_str).unwrap_or_default()
}

/// The subset that a destination names.
pub(super) fn subset_of(entry: &Value) -> Option<&str> {
    entry.pointer("/destination/subset").and_then(Value::as_str).filter(|subset| !subset.is_empty())
}

/// What a destination is to a run.
pub(super) fn role(dialect: Dialect<'_>, entry: &Value) -> Role {
    let backends = dialect.backends;
    let sends_to = |service: &str| host::names(host_of(entry), dialect.namespace, backends.namespace, service);
    match (backends.subset, subset_of(entry)) {
        (Some(user), Some(subset)) if sends_to(backends.service) => match subset {
            STABLE_SUBSET => Role::Stable,
            CANARY_SUBSET => Role::Canary,
            subset if subset == user => Role::User,
            _ => Role::Foreign,
        },
        (None, None) => [Role::User, Role::Stable, Role::Canary]
            .into_iter()
            .find(|role| sends_to(&dialect.service(*role)))
            .unwrap_or(Role::Foreign),
        _ => Role::Foreign,
    }
}

/// How a destination of ours is called in another role.
pub(super) fn name(dialect: Dialect<'_>, entry: &Value, role: Role) -> Name {
    match dialect.backends.subset {
        Some(user) => {
            let subset = match role {
                Role::Stable => STABLE_SUBSET,
                Role::Canary => CANARY_SUBSET,
                Role::User | Role::Foreign => user,
            };
            Name { field: "/destination/subset", value: subset.to_owned() }
        }
        None => Name { field: "/destination/host", value: host::renamed(host_of(entry), &dialect.service(role)) },
    }
}

/// Istio says nothing of a VirtualService unless its status is switched on, so silence is consent.
pub(super) fn acceptance(live: &Object) -> Acceptance {
    let observed = match live.at("/status/observedGeneration") {
        // Istio's status is protobuf, whose 64-bit numbers are strings in JSON.
        Some(Value::String(text)) => text.parse().ok(),
        other => other.and_then(Value::as_i64),
    };
    if observed != Some(live.generation()) {
        return Acceptance::Accepted;
    }
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(error) = live.list("/status/validationMessages").iter().find(|message| message["level"] == "ERROR") {
        return Acceptance::Refused {
            parent: "Istio".into(),
            reason: text(error, "/type/name"),
            message: format!("{} {}", text(error, "/type/code"), text(error, "/documentationUrl")).trim().to_owned(),
        };
    }
    let reconciled = live.list("/status/conditions").iter().find(|condition| condition["type"] == "Reconciled");
    match reconciled {
        Some(condition) if condition["status"] == "False" => {
            Acceptance::Pending { parent: "Istio".into(), why: "it has not reached every proxy yet".into() }
        }
        _ => Acceptance::Accepted,
    }
}
