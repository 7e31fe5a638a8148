//! HTTPRoute: which backendRefs are ours.

use serde_json::Value;

use super::dialect::{Dialect, Name, Role};

/// What a backendRef is to a run.
pub(super) fn role(dialect: Dialect<'_>, entry: &Value) -> Role {
    let text = |field: &str, default| entry.get(field).and_then(Value::as_str).unwrap_or(default);
    let sends_to_a_service = text("kind", "Service") == "Service" && text("group", "").is_empty();
    if !sends_to_a_service || text("namespace", dialect.namespace) != dialect.backends.namespace {
        return Role::Foreign;
    }
    let name = text("name", "");
    if name.is_empty() {
        return Role::Foreign;
    }
    [Role::User, Role::Stable, Role::Canary]
        .into_iter()
        .find(|role| dialect.service(*role) == name)
        .unwrap_or(Role::Foreign)
}

/// How a backendRef of ours is called in another role.
pub(super) fn name(dialect: Dialect<'_>, role: Role) -> Name {
    Name { field: "/name", value: dialect.service(role) }
}
