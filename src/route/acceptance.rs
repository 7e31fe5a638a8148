//! Whether those who serve a route have taken it as it is now.

use super::{Backends, RouteKind, parent_status, virtual_service};
use crate::model::Object;

/// What the gateways and meshes that serve a route say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// All of them serve it as it is now, as far as they tell.
    Accepted,
    /// One of them has not yet spoken of the route as it is now. It may never do so (nothing serves that parent, or what
    /// served it is gone), so whoever waits needs a limit.
    Pending {
        /// Who is waited for: `Gateway infra/edge`.
        parent: String,
        /// What is missing, as the end of a sentence: `it has not said anything about the route`.
        why: String,
    },
    /// One of them refuses it as it is now, and not for a backend that is somebody else's.
    Refused {
        /// Who refuses: `Gateway infra/edge`.
        parent: String,
        /// Its own reason: `BackendNotFound`.
        reason: String,
        /// Its own words.
        message: String,
    },
}

/// Reads from a route's status whether it is served as it is now. `backends` tell which of its backends are ours.
pub fn acceptance(kind: RouteKind, live: &Object, backends: &Backends<'_>) -> Acceptance {
    match kind {
        RouteKind::HttpRoute => parent_status::acceptance(live, backends),
        RouteKind::VirtualService => virtual_service::acceptance(live),
    }
}
