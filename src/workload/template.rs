//! Comparing pod templates as the server keeps them.
//!
//! Both sides of every comparison are templates that the API server has defaulted itself (of a Deployment, of a
//! ReplicaSet), so an upgrade that brings new defaults changes both alike and never looks like a change. No hash of
//! our own is ever taken.

use serde_json::{Map, Value};

use crate::model::{POD_TEMPLATE_HASH, VARIANT_LABEL};

/// Which version a workload's pod template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateIs {
    /// The one that users can rely on.
    Stable,
    /// The one that the canary runs.
    Canary,
    /// Neither: it is new.
    New,
}

/// Whether two pod templates are the same but for the labels that tell variants and revisions apart.
pub fn same_template(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else { return one == other };
    one.keys().chain(other.keys()).filter(|key| *key != "metadata").all(|key| one.get(key) == other.get(key))
        && same_metadata(one.get("metadata"), other.get("metadata"))
}

/// A short name for a pod template as the server gave it (FNV-1a, 64 bits, of its compact text). Only ever used to tell
/// that two are the same: where it differs, the templates themselves are compared.
pub(super) fn digest(template: &Value) -> String {
    let text = template.to_string();
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

fn same_metadata(one: Option<&Value>, other: Option<&Value>) -> bool {
    let (one, other) = (fields(one), fields(other));
    let plain = |map: &Map<String, Value>, key: &str| match map.get(key) {
        // A template read from a file has no creationTimestamp, one read from a ReplicaSet may have a null.
        None | Some(Value::Null) => None,
        Some(Value::Object(inner)) if inner.is_empty() => None,
        Some(value) => Some(value.clone()),
    };
    let labels = |map: &Map<String, Value>| {
        let mut labels = fields(map.get("labels"));
        labels.remove(POD_TEMPLATE_HASH);
        labels.remove(VARIANT_LABEL);
        labels
    };
    labels(&one) == labels(&other)
        && one
            .keys()
            .chain(other.keys())
            .filter(|key| *key != "labels")
            .all(|key| plain(&one, key) == plain(&other, key))
}

fn fields(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_of_revision_and_variant_do_not_make_a_difference() {
        let user = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let server = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "abc"}}, "spec": {"containers": []}});
        let canary =
            json!({"metadata": {"labels": {"app": "web", "siskin.dev/variant": "canary"}}, "spec": {"containers": []}});
        assert!(same_template(&user, &server) && same_template(&canary, &server));
    }

    #[test]
    fn any_other_difference_counts_even_in_fields_that_nobody_knows() {
        let one = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"future": 1}});
        assert!(!same_template(&one, &json!({"metadata": {"labels": {"app": "web"}}, "spec": {"future": 2}})));
        assert!(!same_template(&one, &json!({"metadata": {"labels": {"app": "shop"}}, "spec": {"future": 1}})));
        assert!(!same_template(
            &one,
            &json!({"metadata": {"annotations": {"restartedAt": "now"}, "labels": {"app": "web"}}, "spec": {"future": 1}})
        ));
    }
}
