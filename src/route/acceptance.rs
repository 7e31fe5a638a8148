//! Whether those who serve a route have taken it as it is now.

use super::{RouteKind, http_route, virtual_service};
use crate::model::Object;

/// What the gateways and meshes that serve a route say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// All of them serve it as it is now, as far as they tell.
    Accepted,
    /// One of them has not yet spoken of the route as it is now.
    Pending {
        /// Who is waited for: `Gateway infra/edge`.
        parent: String,
    },
    /// One of them refuses it.
    Refused {
        /// Who refuses: `Gateway infra/edge`.
        parent: String,
        /// Its own reason: `BackendNotFound`.
        reason: String,
        /// Its own words.
        message: String,
    },
}

/// Reads from a route's status whether it is served as it is now.
pub fn acceptance(kind: RouteKind, live: &Object) -> Acceptance {
    match kind {
        RouteKind::HttpRoute => http_route::acceptance(live),
        RouteKind::VirtualService => virtual_service::acceptance(live),
    }
}
