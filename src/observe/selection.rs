//! Which Services select a pod, and which Deployments' pods a Service selects, without a scan of the namespace.
//!
//! Names stand under one label pair of one namespace. They are candidates: whoever asks compares the labels ([`matches`]).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Kind,
    index::{Index, hash},
};
use crate::model::Object;

/// The label by which Kubernetes tells the revisions of a Deployment apart. A Service that is pinned to one selects by
/// it, for as long as a run goes on.
const REVISION_LABEL: &str = "pod-template-hash";

/// Labels, or what selects them.
pub(super) type Labels = BTreeMap<String, String>;

/// Names by the label pairs that they select or are selected by.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Each Service under the first pair of its selector: a pod that it selects has this pair among others.
    services: Index<Box<str>>,
    /// Each Deployment under every label of its pods.
    deployments: Index<Box<str>>,
}

impl Selection {
    /// Takes in an object that has just got into the cache.
    pub(super) fn insert(&mut self, kind: Kind, object: &Object) {
        self.change(kind, object, |names, pair| names.insert(pair, object.name().into()));
    }

    /// Takes out an object that has just left the cache.
    pub(super) fn remove(&mut self, kind: Kind, object: &Object) {
        self.change(kind, object, |names, pair| names.remove(pair, object.name().into()));
    }

    fn change(&mut self, kind: Kind, object: &Object, mut change: impl FnMut(&mut Index<Box<str>>, u64)) {
        match kind {
            Kind::Service => {
                if let Some(pair) = selector_of(object).first_key_value() {
                    change(&mut self.services, hash(&(object.namespace(), pair)));
                }
            }
            Kind::Deployment => {
                for pair in &pod_labels_of(object) {
                    change(&mut self.deployments, hash(&(object.namespace(), pair)));
                }
            }
            _ => {}
        }
    }

    /// Names of Services that may select pods with these labels.
    pub(super) fn services(&self, namespace: &str, labels: &Labels) -> BTreeSet<&str> {
        labels.iter().flat_map(|pair| self.services.under(hash(&(namespace, pair)))).map(|name| &**name).collect()
    }

    /// Names of Deployments whose pods this selector may select.
    pub(super) fn deployments(&self, namespace: &str, selector: &Labels) -> BTreeSet<&str> {
        let mut hashes: Vec<u64> = selector.iter().map(|pair| hash(&(namespace, pair))).collect();
        let mut fewest = usize::MAX;
        let mut rarest = None;
        for (position, hash) in hashes.iter().enumerate() {
            let count = self.deployments.under(*hash).take(fewest).count();
            if count < fewest {
                (fewest, rarest) = (count, Some(position));
            }
        }
        let Some(rarest) = rarest.map(|position| hashes.swap_remove(position)) else { return BTreeSet::new() };
        let has_all = |name: &&str| hashes.iter().all(|hash| self.deployments.contains(*hash, Box::from(*name)));
        self.deployments.under(rarest).map(|name| &**name).filter(has_all).collect()
    }
}

/// What a Service selects by, apart from a revision that it is pinned to.
pub(super) fn selector_of(service: &Object) -> Labels {
    without_revision(service.strings("/spec/selector"))
}

/// The labels that a Deployment gives its pods.
pub(super) fn pod_labels_of(deployment: &Object) -> Labels {
    deployment.strings("/spec/template/metadata/labels")
}

/// A selector without the revision that it may be pinned to.
pub(super) fn without_revision(mut selector: Labels) -> Labels {
    selector.remove(REVISION_LABEL);
    selector
}

/// Whether a selector selects these labels. An empty one selects nothing, as with a Service.
pub(super) fn matches(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Cache;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn service(name: &str, version: u64, selector: &Value) -> Value {
        json!({
            "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": version.to_string()},
            "spec": {"selector": selector},
        })
    }

    fn deployment(name: &str, labels: &Value) -> Value {
        json!({
            "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"},
            "spec": {"template": {"metadata": {"labels": labels}}},
        })
    }

    fn names(objects: &[Object]) -> Vec<&str> {
        objects.iter().map(Object::name).collect()
    }

    #[test]
    fn the_services_of_a_pod_are_those_whose_own_selector_it_meets() {
        let cache = Cache::new();
        for (name, selector) in [
            ("web", json!({"app": "web"})),
            ("web-pinned", json!({"app": "web", "pod-template-hash": "abc"})),
            ("web-front", json!({"app": "web", "tier": "front"})),
            ("web-back", json!({"app": "web", "tier": "back"})),
            ("every-front", json!({"tier": "front"})),
            ("hash-only", json!({"pod-template-hash": "abc"})),
            ("without", Value::Null),
            ("api", json!({"app": "api"})),
        ] {
            cache.put(Kind::Service, service(name, 1, &selector));
        }
        let mut elsewhere = service("web", 1, &json!({"app": "web"}));
        elsewhere["metadata"]["namespace"] = "other".into();
        cache.put(Kind::Service, elsewhere);

        let pod = labels(&[("app", "web"), ("tier", "front"), ("pod-template-hash", "xyz")]);
        let found = cache.read().services_selecting("shop", &pod);
        assert_eq!(names(&found), ["every-front", "web", "web-front", "web-pinned"]);
        assert!(cache.read().services_selecting("shop", &Labels::new()).is_empty());
    }

    #[test]
    fn the_deployments_of_a_selector_are_those_whose_pods_have_all_its_labels() {
        let cache = Cache::new();
        cache.put(Kind::Deployment, deployment("web", &json!({"app": "web", "tier": "front"})));
        cache.put(Kind::Deployment, deployment("web-worker", &json!({"app": "web", "tier": "back"})));
        cache.put(Kind::Deployment, deployment("api", &json!({"app": "api", "tier": "front"})));
        cache.put(Kind::Deployment, deployment("bare", &Value::Null));
        let found = |pairs: &[(&str, &str)]| {
            cache
                .read()
                .deployments_selected("shop", &labels(pairs))
                .iter()
                .map(|d| d.name().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&[("app", "web")]), ["web", "web-worker"]);
        assert_eq!(found(&[("app", "web"), ("tier", "front")]), ["web"]);
        assert_eq!(found(&[("app", "web"), ("pod-template-hash", "abc")]), ["web", "web-worker"], "a pin says nothing");
        assert!(found(&[("app", "nobody"), ("tier", "front")]).is_empty());
        assert!(found(&[]).is_empty(), "a Service without a selector selects nothing");
        assert!(cache.read().deployments_selected("other", &labels(&[("app", "web")])).is_empty());
    }

    #[test]
    fn what_changes_its_selector_or_goes_is_found_no_more() {
        let cache = Cache::new();
        let pod = labels(&[("app", "web")]);
        cache.put(Kind::Service, service("web", 1, &json!({"app": "web"})));
        cache.put(Kind::Service, service("old", 1, &json!({"app": "web"})));
        cache.put(Kind::Service, service("web", 2, &json!({"app": "api"})));
        assert_eq!(names(&cache.read().services_selecting("shop", &pod)), ["old"]);
        cache.delete(Kind::Service, "shop", "old", "old");
        assert!(cache.read().services_selecting("shop", &pod).is_empty());
    }
}
