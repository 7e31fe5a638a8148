//! API objects as the server sent them. Routes, workloads and Services belong to their users and may carry fields that
//! this program has never heard of, so they are kept as JSON and never put through a typed round trip.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

use super::Timestamp;

/// Names one object: what `kind.group/namespace/name` says, with the API version that it is read at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `apps/v1`, `v1`, `gateway.networking.k8s.io/v1`, …
    pub api_version: String,
    /// `Deployment`, `Service`, `HTTPRoute`, …
    pub kind: String,
    /// Empty for an object of the whole cluster.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl Key {
    /// The key of an object of this kind.
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(out, "{} {}", self.kind, self.name)
        } else {
            write!(out, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One object, shared and immutable. Cloning is cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Arc<Value>);

impl Object {
    /// Wraps an object's JSON.
    pub fn new(value: Value) -> Self {
        Self(Arc::new(value))
    }

    /// The whole JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The value at a JSON pointer (`/spec/template`).
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// The string at a JSON pointer, or "" where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole number at a JSON pointer.
    pub fn number(&self, pointer: &str) -> Option<i64> {
        self.at(pointer).and_then(Value::as_i64)
    }

    /// The list at a JSON pointer, empty where there is none.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `metadata.namespace`, "" for an object of the whole cluster.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// `metadata.resourceVersion`.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion")
    }

    /// `metadata.generation`, 0 for kinds that have none.
    pub fn generation(&self) -> i64 {
        self.number("/metadata/generation").unwrap_or_default()
    }

    /// When the server made the object.
    pub fn created(&self) -> Option<Timestamp> {
        self.text("/metadata/creationTimestamp").parse().ok()
    }

    /// Whether a deletion has been asked for.
    pub fn deleting(&self) -> bool {
        self.at("/metadata/deletionTimestamp").is_some()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.at("/metadata/labels")?.get(key)?.as_str()
    }

    /// An annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at("/metadata/annotations")?.get(key)?.as_str()
    }

    /// The uid of the controller that owns the object.
    pub fn controller_uid(&self) -> Option<&str> {
        self.list("/metadata/ownerReferences")
            .iter()
            .find(|owner| owner["controller"].as_bool() == Some(true))
            .and_then(|owner| owner["uid"].as_str())
    }

    /// The map of strings at a JSON pointer (a selector, labels).
    pub fn strings(&self, pointer: &str) -> BTreeMap<String, String> {
        let Some(Value::Object(map)) = self.at(pointer) else { return BTreeMap::new() };
        map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// The object's key.
    pub fn key(&self) -> Key {
        Key::new(self.text("/apiVersion"), self.text("/kind"), self.namespace(), self.name())
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}
