//! The CRDs as they are installed: generated from the types, never edited by hand.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;

use super::{AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Rollout};

/// Every kind of this API.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [Rollout::crd(), AnalysisTemplate::crd(), AnalysisRun::crd(), ClusterAnalysisTemplate::crd()]
        .map(without_foreign_formats)
        .into()
}

/// Takes out the formats that only Rust knows: an API server ignores them, and warns whoever installs the CRD.
fn without_foreign_formats(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas =
        crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    schemas.for_each(drop_foreign_formats);
    crd
}

fn drop_foreign_formats(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint")) {
        schema.format = None;
    }
    schema.properties.iter_mut().flat_map(BTreeMap::values_mut).for_each(drop_foreign_formats);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        drop_foreign_formats(items);
    }
}
