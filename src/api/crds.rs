//! The CRDs as they are installed: generated from the types, never edited by hand.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use super::{AnalysisTemplate, ClusterAnalysisTemplate, Rollout};

/// Every kind of this API.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![Rollout::crd(), AnalysisTemplate::crd(), ClusterAnalysisTemplate::crd()]
}
