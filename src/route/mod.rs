//! Edits of routes that their users own, on plain JSON: no client, no clock, no I/O.
//!
//! A route is never rewritten. [`split`] finds the entries of its rules that send to the Service of a rollout, and works
//! the canary into each of them in place: the user's entry becomes the stable backend, a copy of it beside it (filters,
//! port and unknown fields included) becomes the canary. [`restore`] takes that out again, field by field, so that what
//! the user changed meanwhile stays. Both give a JSON patch that fails when the object or a name it touches has changed.
//!
//! What else such a route has (other rules, destinations, filters, mirrors, tcp and tls rules) is never touched.
//!
//! | file | holds |
//! |---|---|
//! | `http_route`, `virtual_service` | what differs between the kinds: where names, weights and answers of the mesh stand |
//! | `parent_status` | what the parents of an HTTPRoute say of it |
//! | `rule` | the entries of a rule that are ours, stable and canary paired |
//! | `weight` | the arithmetic of a split |
//! | `split` | [`split`], [`restore`], [`canary_weight`] |
//! | `before` | what a route looked like before, kept in the Rollout's status |
//! | `inspect` | whether a route can be used at all, asked before anything starts |
//! | `destination_rule`, `service` | the subsets and Services that the entries name |
//! | `host_policy`, `carried` | what belongs to the user's host and Service, and so to the generated ones |
//! | `policy` | policies of the Service that can't be copied |
//! | `cluster_domain` | the domain of the cluster, as hosts tell it |

mod acceptance;
mod before;
mod carried;
mod cluster_domain;
pub mod destination_rule;
mod dialect;
mod host;
pub mod host_policy;
mod http_route;
mod inspect;
mod parent_status;
mod patch;
pub mod policy;
mod problem;
mod rule;
pub mod service;
mod split;
#[cfg(test)]
mod tests;
mod virtual_service;
mod weight;

use std::fmt;

pub use acceptance::{Acceptance, acceptance};
pub use before::{EntryBefore, RouteBefore};
pub use cluster_domain::cluster_domain;
pub use inspect::{Inspection, Level, inspect};
pub use patch::patched;
pub use problem::RouteProblem;
pub use split::{RouteEdit, canary_weight, restore, split};

/// Name of the subset that carries the stable pods during a run.
pub const STABLE_SUBSET: &str = "siskin-stable";
/// Name of the subset that carries the canary's pods.
pub const CANARY_SUBSET: &str = "siskin-canary";

/// The kinds of route that can be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// The Gateway API's, on a gateway or on a Service (GAMMA).
    HttpRoute,
    /// Istio's, on a gateway or on `mesh`.
    VirtualService,
}

impl RouteKind {
    /// The API version that routes of this kind are read and patched at.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::HttpRoute => "gateway.networking.k8s.io/v1",
            Self::VirtualService => "networking.istio.io/v1",
        }
    }

    /// The kind as manifests spell it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::HttpRoute => "HTTPRoute",
            Self::VirtualService => "VirtualService",
        }
    }

    /// The resource's name in the API's paths.
    pub fn plural(self) -> &'static str {
        match self {
            Self::HttpRoute => "httproutes",
            Self::VirtualService => "virtualservices",
        }
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind())
    }
}

/// What the entries of one route name, before and during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backends<'a> {
    /// The Service's namespace.
    pub namespace: &'a str,
    /// The Service that the user's entries name.
    pub service: &'a str,
    /// Whether the user's Service is pinned to the stable pods during a run and so is the stable backend itself. Means
    /// nothing at subset level. To be the same from a run's start to its end.
    pub pinned: bool,
    /// At subset level: the subset that the user's entries name. Before a run [`inspect`] tells it, during a run
    /// [`RouteBefore::subset`].
    pub subset: Option<&'a str>,
}

/// Whether the user's Service is pinned to the stable pods during a run, and so is the stable backend itself. `wanted` is what
/// the Rollout asks for, `subsets` what [`Inspection::subset`] says of each of its routes: subsets select among the endpoints
/// of the Service, so where a route splits by them the Service has to keep the canary's.
pub fn pins_service<'a>(wanted: bool, subsets: impl IntoIterator<Item = Option<&'a str>>) -> bool {
    wanted && subsets.into_iter().all(|subset| subset.is_none())
}

impl Backends<'_> {
    /// The Service that stable entries name during a run, at host level.
    pub fn stable_service(&self) -> String {
        if self.pinned { self.service.to_owned() } else { format!("{}-stable", self.service) }
    }

    /// The Service that canary entries name, at host level.
    pub fn canary_service(&self) -> String {
        format!("{}-canary", self.service)
    }
}
