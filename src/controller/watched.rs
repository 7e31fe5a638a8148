//! An object as watches read it: JSON as it came, without the API server's record of who wrote which field. That record
//! is half of an object, and a page of a list holds hundreds of them.

use std::{borrow::Cow, fmt};

use kube::{
    Resource,
    api::ObjectMeta,
    core::{ApiResource, DynamicResourceScope},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

const METADATA: &str = "metadata";
const RECORD: &str = "managedFields";

/// An object of any kind.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// Only what names the object and its version.
    identity: ObjectMeta,
    /// All of it, but for what is left out.
    pub(super) json: Value,
}

impl Watched {
    /// `metadata.namespace`, `metadata.name` and `metadata.uid`, "" where there is none.
    pub(super) fn identity(&self) -> [&str; 3] {
        let ObjectMeta { namespace, name, uid, .. } = &self.identity;
        [namespace, name, uid].map(|field| field.as_deref().unwrap_or_default())
    }
}

impl Resource for Watched {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.identity
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.identity
    }
}

impl<'de> Deserialize<'de> for Watched {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Part { within_metadata: false }.deserialize(deserializer)?;
        let text = |field: &str| json[METADATA][field].as_str().map(str::to_owned);
        let identity = ObjectMeta {
            namespace: text("namespace"),
            name: text("name"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Ok(Self { identity, json })
    }
}

/// Reads an object, or its metadata.
struct Part {
    within_metadata: bool,
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of the API server")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match (self.within_metadata, key.as_str()) {
                (true, RECORD) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (false, METADATA) => map.next_value_seed(Self { within_metadata: true })?,
                _ => map.next_value()?,
            };
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use kube::api::{ObjectList, WatchEvent};

    use super::*;

    const OBJECT: &str = r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7",
        "managedFields": [{"fieldsV1": {"f:metadata": {}}}], "labels": {"a": "b"}},
        "spec": {"managedFields": "not that one", "share": 0.1}, "extra": [null, 18446744073709551615]}"#;

    #[test]
    fn all_of_an_object_is_read_but_the_record_of_who_wrote_it() {
        let read: Watched = serde_json::from_str(OBJECT).expect("it is an object");
        let mut all: Value = serde_json::from_str(OBJECT).expect("it is JSON");
        all["metadata"].as_object_mut().expect("a map").remove("managedFields");
        assert_eq!(read.json, all);
        assert_eq!(read.identity(), ["shop", "web", "u"]);
        assert_eq!(read.meta().resource_version.as_deref(), Some("7"));
    }

    #[test]
    fn it_is_read_in_lists_and_events_and_an_odd_one_does_no_harm() {
        let text = format!(r#"{{"apiVersion": "v1", "kind": "List", "metadata": {{}}, "items": [{OBJECT}, {{}}]}}"#);
        let list: ObjectList<Watched> = serde_json::from_str(&text).expect("it is a list");
        assert_eq!(list.items.iter().map(|item| item.identity()[1]).collect::<Vec<_>>(), ["web", ""]);
        let text = format!(r#"{{"type": "MODIFIED", "object": {OBJECT}}}"#);
        let event: WatchEvent<Watched> = serde_json::from_str(&text).expect("it is an event");
        assert!(matches!(event, WatchEvent::Modified(object) if object.identity()[1] == "web"));
    }
}
