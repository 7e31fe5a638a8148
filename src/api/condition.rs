//! Types and reasons of conditions and events: the strings that are API, in one place.

/// Whether the Rollout can do its work at all.
pub const READY: &str = "Ready";
/// Whether a run is on its way.
pub const PROGRESSING: &str = "Progressing";
/// Whether the newest version is what users get.
pub const HEALTHY: &str = "Healthy";

/// Whether the steps can find what they promise to rule out.
pub const DETECTABLE: &str = "Detectable";
/// Whether the canary gets its share of the requests.
pub const ROUTED: &str = "Routed";

/// Whether the API server takes what Siskin writes. Only said where it did not.
pub const WRITABLE: &str = "Writable";

/// Reasons of [`WRITABLE`].
pub mod writable {
    /// It takes everything again.
    pub const TAKEN: &str = "Taken";
    /// It refuses something; the message has its words.
    pub const REFUSED: &str = "WriteRefused";
}

/// Reasons of [`DETECTABLE`].
pub mod detectable {
    /// Every step can show what it promises, at the usual traffic.
    pub const FORESEEN: &str = "Foreseen";
    /// Some step can't.
    pub const TOO_LITTLE: &str = "TooLittleTrafficOrTime";
    /// Nobody can tell.
    pub const UNKNOWN: &str = "NoHistory";
}

/// Reasons of [`ROUTED`].
pub mod routed {
    /// It does.
    pub const AS_PLANNED: &str = "AsPlanned";
    /// Somebody who serves a route refuses it.
    pub const ROUTE_REFUSED: &str = "RouteRefused";
    /// The routing is not honoured.
    pub const NOT_HONOURED: &str = "RoutingNotHonoured";
}

/// Reasons of [`READY`], each with a sentence that says what to do.
pub mod ready {
    /// All that is needed was found.
    pub const FOUND: &str = "Found";
    /// The workload does not exist.
    pub const WORKLOAD_NOT_FOUND: &str = "WorkloadNotFound";
    /// The workload was deleted and made again in the middle of a run.
    pub const WORKLOAD_REPLACED: &str = "WorkloadReplaced";
    /// The workload is in the middle of a rolling update of its own.
    pub const WORKLOAD_UPDATING: &str = "WorkloadUpdating";
    /// The Service does not exist.
    pub const SERVICE_NOT_FOUND: &str = "ServiceNotFound";
    /// The Service does not select the workload's pods.
    pub const SERVICE_SELECTS_OTHERS: &str = "ServiceSelectsOthers";
    /// A Service selects other workloads' pods too, and can't be kept from the canary.
    pub const SERVICE_SHARED: &str = "ServiceShared";
    /// The workload's own rolling update may end all pods at once.
    pub const CAPACITY_WOULD_BE_LOST: &str = "CapacityWouldBeLost";
    /// A route does not exist.
    pub const ROUTE_NOT_FOUND: &str = "RouteNotFound";
    /// The route's kind is not installed in this cluster.
    pub const ROUTE_KIND_NOT_INSTALLED: &str = "RouteKindNotInstalled";
    /// An older Rollout has the same workload.
    pub const WORKLOAD_TAKEN: &str = "WorkloadTaken";
    /// An object that would be generated exists and is somebody else's.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// Two routes split by different subsets of one DestinationRule.
    pub const SEVERAL_SUBSETS: &str = "SeveralSubsets";
    /// An analysis template does not exist.
    pub const TEMPLATE_NOT_FOUND: &str = "TemplateNotFound";
    /// A template uses a variable that nothing defines, or is no template.
    pub const TEMPLATE_INVALID: &str = "TemplateInvalid";
    /// Prometheus refuses a query.
    pub const QUERY_REFUSED: &str = "QueryRefused";
    /// A metric names a Prometheus that the operator did not allow.
    pub const ADDRESS_NOT_ALLOWED: &str = "AddressNotAllowed";
    /// The spec asks for the admission policy, and this cluster has none of ours.
    pub const HOLD_NOT_AVAILABLE: &str = "HoldNotAvailable";
}
