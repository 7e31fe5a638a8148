//! The kinds of object that are watched, and how the API server calls them.

use std::fmt;

/// A kind of object that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The Rollouts themselves.
    Rollout,
    /// Metrics for the Rollouts of one namespace.
    AnalysisTemplate,
    /// Metrics for all Rollouts.
    ClusterAnalysisTemplate,
    /// Analyses.
    AnalysisRun,
    /// Workloads and canaries.
    Deployment,
    /// Revisions of workloads and canaries.
    ReplicaSet,
    /// What the routes send to.
    Service,
    /// Which pods are ready behind a Service.
    EndpointSlice,
    /// Routes of the Gateway API.
    HttpRoute,
    /// Routes of Istio.
    VirtualService,
    /// Subsets of Istio.
    DestinationRule,
}

/// What is fixed about a kind.
struct Facts {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Rollout,
        Self::AnalysisTemplate,
        Self::ClusterAnalysisTemplate,
        Self::AnalysisRun,
        Self::Deployment,
        Self::ReplicaSet,
        Self::Service,
        Self::EndpointSlice,
        Self::HttpRoute,
        Self::VirtualService,
        Self::DestinationRule,
    ];

    const fn facts(self) -> Facts {
        let (group, version, kind, plural) = match self {
            Self::Rollout => ("siskin.dev", "v1alpha1", "Rollout", "rollouts"),
            Self::AnalysisTemplate => ("siskin.dev", "v1alpha1", "AnalysisTemplate", "analysistemplates"),
            Self::ClusterAnalysisTemplate => {
                ("siskin.dev", "v1alpha1", "ClusterAnalysisTemplate", "clusteranalysistemplates")
            }
            Self::AnalysisRun => ("siskin.dev", "v1alpha1", "AnalysisRun", "analysisruns"),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::ReplicaSet => ("apps", "v1", "ReplicaSet", "replicasets"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::EndpointSlice => ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
            Self::HttpRoute => ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
            Self::VirtualService => ("networking.istio.io", "v1", "VirtualService", "virtualservices"),
            Self::DestinationRule => ("networking.istio.io", "v1", "DestinationRule", "destinationrules"),
        };
        Facts { group, version, kind, plural }
    }

    /// The API group, "" for the core group.
    pub const fn group(self) -> &'static str {
        self.facts().group
    }

    /// The version in which the kind is read and written.
    pub const fn version(self) -> &'static str {
        self.facts().version
    }

    /// The kind as objects state it.
    pub const fn kind(self) -> &'static str {
        self.facts().kind
    }

    /// The kind as URLs and RBAC rules state it.
    pub const fn plural(self) -> &'static str {
        self.facts().plural
    }

    /// `apps/v1`, `v1`, …
    pub fn api_version(self) -> String {
        let Facts { group, version, .. } = self.facts();
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
    }

    /// Whether a cluster may well not have the kind. All others are part of Kubernetes, or of every version of Siskin.
    pub const fn optional(self) -> bool {
        matches!(self, Self::AnalysisRun | Self::HttpRoute | Self::VirtualService | Self::DestinationRule)
    }

    /// Whether the cache keeps objects of the kind whole only where a Rollout names them, or what they are parts of. So the
    /// Rollouts have to be known first.
    pub const fn kept_where_named(self) -> bool {
        matches!(self, Self::Deployment | Self::ReplicaSet | Self::EndpointSlice)
    }

    /// Whether objects of the kind live in a namespace.
    pub const fn namespaced(self) -> bool {
        !matches!(self, Self::ClusterAnalysisTemplate)
    }

    /// The kind of an object that states this `apiVersion` and `kind`, if it is one that is watched.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|candidate| candidate.kind() == kind && candidate.api_version() == api_version)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_what_its_objects_state() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.api_version(), kind.kind()), Some(kind));
        }
        assert_eq!(Kind::of("apps/v1", "DaemonSet"), None);
    }
}
