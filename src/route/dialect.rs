//! What differs between the kinds of route, behind one type, so that the split itself is written once.

use serde_json::Value;

use super::{Backends, RouteKind, http_route, virtual_service};
use crate::model::Object;

/// What an entry of a rule (a backendRef, a destination) is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Not ours; never touched.
    Foreign,
    /// Names what the user wrote.
    User,
    /// Names the generated stable backend.
    Stable,
    /// Names the canary.
    Canary,
}

/// Reads and renames the entries of one route.
#[derive(Clone, Copy)]
pub(super) struct Dialect<'a> {
    pub(super) kind: RouteKind,
    /// The route's own namespace, where short names are looked up.
    pub(super) namespace: &'a str,
    pub(super) backends: &'a Backends<'a>,
}

/// A field of an entry that says where it sends to, and the value that it should have.
pub(super) struct Name {
    /// JSON pointer inside the entry.
    pub(super) field: &'static str,
    pub(super) value: String,
}

impl<'a> Dialect<'a> {
    pub(super) fn new(kind: RouteKind, live: &'a Object, backends: &'a Backends<'a>) -> Self {
        // A manifest that never saw a server may leave its namespace out.
        let namespace = if live.namespace().is_empty() { backends.namespace } else { live.namespace() };
        Self { kind, namespace, backends }
    }

    /// JSON pointer to the list of rules.
    pub(super) fn rules(self) -> &'static str {
        match self.kind {
            RouteKind::HttpRoute => "/spec/rules",
            RouteKind::VirtualService => "/spec/http",
        }
    }

    /// The field of a rule that lists its entries.
    pub(super) fn entries(self) -> &'static str {
        match self.kind {
            RouteKind::HttpRoute => "backendRefs",
            RouteKind::VirtualService => "route",
        }
    }

    /// The field of a rule that lists its matches.
    pub(super) fn matches(self) -> &'static str {
        match self.kind {
            RouteKind::HttpRoute => "matches",
            RouteKind::VirtualService => "match",
        }
    }

    /// The fields of an entry that say where it sends to, as JSON pointers.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self.kind {
            RouteKind::HttpRoute => &["/name"],
            RouteKind::VirtualService => &["/destination/host", "/destination/subset"],
        }
    }

    /// The port that an entry sends to, where it says one.
    pub(super) fn port(self, entry: &Value) -> Option<i64> {
        let pointer = match self.kind {
            RouteKind::HttpRoute => "/port",
            RouteKind::VirtualService => "/destination/port/number",
        };
        entry.pointer(pointer).and_then(Value::as_i64)
    }

    /// What a weight means. `only` says whether the entry stands alone in its rule.
    pub(super) fn meaning(self, written: Option<i64>, only: bool) -> i64 {
        match (self.kind, written) {
            (RouteKind::HttpRoute, None) => 1,
            // Istio sends everything to an only destination, and nothing to one of several that says no weight.
            (RouteKind::VirtualService, None | Some(0)) if only => 100,
            (RouteKind::VirtualService, None) => 0,
            (_, Some(weight)) => weight,
        }
    }

    /// The weight that a user most likely wrote, for an entry of which nothing was recorded.
    pub(super) fn usual_weight(self) -> Option<i64> {
        match self.kind {
            // The server fills it in.
            RouteKind::HttpRoute => Some(1),
            RouteKind::VirtualService => None,
        }
    }

    pub(super) fn role(self, entry: &Value) -> Role {
        match self.kind {
            RouteKind::HttpRoute => http_route::role(self, entry),
            RouteKind::VirtualService => virtual_service::role(self, entry),
        }
    }

    /// How an entry of ours is called in another role.
    pub(super) fn name(self, entry: &Value, role: Role) -> Name {
        match self.kind {
            RouteKind::HttpRoute => http_route::name(self, role),
            RouteKind::VirtualService => virtual_service::name(self, entry, role),
        }
    }

    /// The name of the Service that plays a role at host level.
    pub(super) fn service(self, role: Role) -> String {
        match role {
            Role::Canary => self.backends.canary_service(),
            Role::Stable => self.backends.stable_service(),
            Role::User | Role::Foreign => self.backends.service.to_owned(),
        }
    }
}

/// The weight that an entry states, within what both APIs allow.
pub(super) fn stated_weight(entry: &Value) -> Option<i64> {
    entry.get("weight").and_then(Value::as_i64).map(|weight| weight.clamp(0, i64::from(i32::MAX)))
}
