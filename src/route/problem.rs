//! Why a route, DestinationRule or Service cannot be used for a rollout: sentences that say what to do.

use super::{Backends, RouteKind};
use crate::model::Object;

/// What stands in the way of splitting a route.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum RouteProblem {
    /// No entry of the route names the Service, or none of those that do gets traffic.
    #[error(
        "{route} sends nothing to Service {service}; let one of its {entries} name the Service with a weight above 0, \
         or take the route out of `spec.traffic.routes`"
    )]
    RouteDoesNotSendToService {
        /// `HTTPRoute shop/web`
        route: String,
        /// `shop/web`
        service: String,
        /// Where the entries stand: `spec.rules[].backendRefs`.
        entries: String,
    },
    /// `rules` names a rule that the route does not have.
    #[error("{route} has no rule named `{rule}` ({known}); correct `rules` in `spec.traffic.routes`")]
    RuleNotFound {
        /// `HTTPRoute shop/web`
        route: String,
        /// The name that was looked for.
        rule: String,
        /// The names that there are, in words.
        known: String,
    },
    /// `rules` names a rule that does not send to the Service.
    #[error(
        "rule `{rule}` of {route} sends nothing to Service {service}; take it out of `rules` in `spec.traffic.routes`"
    )]
    RuleDoesNotSendToService {
        /// `HTTPRoute shop/web`
        route: String,
        /// The rule's name.
        rule: String,
        /// `shop/web`
        service: String,
    },
    /// A weight beside other destinations cannot be divided finely enough.
    #[error(
        "{rule} of {route} gives `{service}` the weight {total} beside other destinations, which cannot be divided to give \
         a canary {percent} % of it; multiply every weight of that rule by {factor} ({total} becomes {fine})"
    )]
    WeightTooCoarse {
        /// `HTTPRoute shop/web`
        route: String,
        /// `rule main`, `rule 2`
        rule: String,
        /// The Service's name.
        service: String,
        /// The weight as the user wrote it.
        total: i64,
        /// The canary's share that was asked for.
        percent: u32,
        /// The least factor that makes the weight divisible.
        factor: i64,
        /// The weight times the factor.
        fine: i64,
    },
    /// A route names a subset, and no DestinationRule has its host.
    #[error(
        "{route} sends to subset `{subset}` of host `{host}`, but no DestinationRule has that host; create it with that subset"
    )]
    DestinationRuleNotFound {
        /// `VirtualService shop/web`
        route: String,
        /// The host as the route has it.
        host: String,
        /// The subset.
        subset: String,
    },
    /// A route names a subset that its host's DestinationRule does not define.
    #[error(
        "{route} sends to subset `{subset}` of host `{host}`, which {destination_rule} does not define; add it there"
    )]
    SubsetNotFound {
        /// `VirtualService shop/web`
        route: String,
        /// `DestinationRule shop/web`
        destination_rule: String,
        /// The host as the route has it.
        host: String,
        /// The subset.
        subset: String,
    },
    /// All subsets that a route names are of other pods.
    #[error(
        "{route} sends to Service {service} only by subsets ({subsets}) whose labels the stable pods do not carry; \
         let a destination name a subset of labels that they have"
    )]
    SubsetsSelectOtherPods {
        /// `VirtualService shop/web`
        route: String,
        /// `shop/web`
        service: String,
        /// The subsets, in words.
        subsets: String,
    },
    /// The stable pods are reached by more than one subset, so that one pair of subsets cannot stand for them.
    #[error(
        "{route} reaches the stable pods of Service {service} by several subsets ({subsets}); let it use one of them, \
         or narrow it by `rules` in `spec.traffic.routes`"
    )]
    SeveralSubsets {
        /// `VirtualService shop/web`
        route: String,
        /// `shop/web`
        service: String,
        /// The subsets, in words.
        subsets: String,
    },
    /// The stable pods are reached both by a subset and without one.
    #[error(
        "{route} sends to Service {service} both by subset `{subset}` and without a subset; use the subset in all of these \
         destinations or in none, or narrow it by `rules` in `spec.traffic.routes`"
    )]
    MixedLevels {
        /// `VirtualService shop/web`
        route: String,
        /// `shop/web`
        service: String,
        /// The subset.
        subset: String,
    },
    /// After the promotion no pod would carry the labels of the user's subset.
    #[error(
        "subset `{subset}` of {destination_rule} wants the label {label}={wanted}, but the new pod template {has}: after the \
         promotion the subset would be empty; let the subset select by labels that stay the same from version to version"
    )]
    SubsetWouldBeEmpty {
        /// `DestinationRule shop/web`
        destination_rule: String,
        /// The subset.
        subset: String,
        /// The label's key.
        label: String,
        /// The value that the subset wants.
        wanted: String,
        /// What the template has instead, in words.
        has: String,
    },
    /// A subset beside the user's selects one revision by its hash, which a run would take for its own pin.
    #[error(
        "subset `{subset}` of {destination_rule} selects pods by the label pod-template-hash, which Siskin sets and removes in the \
         subsets of this DestinationRule; remove the label, or move the subset to a DestinationRule of its own"
    )]
    SubsetOfOneRevision {
        /// `DestinationRule shop/web`
        destination_rule: String,
        /// The subset.
        subset: String,
    },
    /// A Service selects pods of something else than the workload.
    #[error(
        "{service} selects {label}, which the pods of Deployment {workload} do not carry; name the Service of this workload"
    )]
    ServiceSelectsOthers {
        /// `Service shop/web`
        service: String,
        /// `app=web`
        label: String,
        /// The workload's name.
        workload: String,
    },
    /// A Service that selects no pods cannot tell stable pods from canary pods.
    #[error("{service} has no selector, so its pods cannot be told apart; give it the selector of the workload's pods")]
    ServiceWithoutSelector {
        /// `Service shop/web`
        service: String,
    },
    /// A Service that is a name elsewhere has no pods.
    #[error(
        "{service} is of type ExternalName and has no pods here; name the Service that selects the workload's pods"
    )]
    ServiceIsExternalName {
        /// `Service shop/web`
        service: String,
    },
}

impl RouteProblem {
    /// The reason of a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::RouteDoesNotSendToService { .. } => "RouteDoesNotSendToService",
            Self::RuleNotFound { .. } => "RuleNotFound",
            Self::RuleDoesNotSendToService { .. } => "RuleDoesNotSendToService",
            Self::WeightTooCoarse { .. } => "WeightTooCoarse",
            Self::DestinationRuleNotFound { .. } => "DestinationRuleNotFound",
            Self::SubsetNotFound { .. } => "SubsetNotFound",
            Self::SubsetsSelectOtherPods { .. } => "SubsetsSelectOtherPods",
            Self::SeveralSubsets { .. } => "SeveralSubsets",
            Self::MixedLevels { .. } => "MixedLevels",
            Self::SubsetWouldBeEmpty { .. } => "SubsetWouldBeEmpty",
            Self::SubsetOfOneRevision { .. } => "SubsetOfOneRevision",
            Self::ServiceSelectsOthers { .. } => "ServiceSelectsOthers",
            Self::ServiceWithoutSelector { .. } => "ServiceWithoutSelector",
            Self::ServiceIsExternalName { .. } => "ServiceIsExternalName",
        }
    }

    /// How an object is called in the sentences.
    pub(super) fn object(kind: &str, live: &Object) -> String {
        match live.namespace() {
            "" => format!("{kind} {}", live.name()),
            namespace => format!("{kind} {namespace}/{}", live.name()),
        }
    }

    /// The problem of a route without an entry of ours.
    pub(super) fn does_not_send(kind: RouteKind, live: &Object, backends: &Backends<'_>) -> Self {
        Self::RouteDoesNotSendToService {
            route: Self::object(kind.kind(), live),
            service: format!("{}/{}", backends.namespace, backends.service),
            entries: match kind {
                RouteKind::HttpRoute => "`spec.rules[].backendRefs`".into(),
                RouteKind::VirtualService => "`spec.http[].route` destinations".into(),
            },
        }
    }
}
