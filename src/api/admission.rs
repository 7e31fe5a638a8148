//! Whether the API server would take an object of this group, told without one: by the same OpenAPI schema and the same CEL
//! rules that it has from the CRD.

use regex::Regex;
use serde_json::Value;

use super::{GROUP, crds};

/// What the API server would say against an object of this group, one sentence each. Empty: it would take it.
///
/// The status is passed over: the server ignores it where an object is created. An object of another group has nothing
/// against it.
pub fn objections(object: &Value) -> Vec<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    if version.split_once('/').is_none_or(|(group, _)| group != GROUP) {
        return Vec::new();
    }
    let crds = crds();
    let Some(crd) = crds.iter().find(|crd| crd.spec.names.kind == kind) else {
        return vec![format!("{GROUP} has no kind {kind}")];
    };
    let served = crd.spec.versions.iter().find(|known| format!("{GROUP}/{}", known.name) == version);
    let Some(schema) = served.and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref()) else {
        return vec![format!("{kind} has no version {version}")];
    };
    let Ok(schema) = serde_json::to_value(schema) else { return Vec::new() };
    let mut found = Vec::new();
    match (&schema["properties"]["spec"], object.get("spec")) {
        (_, None) => found.push("spec is missing".to_owned()),
        (schema, Some(spec)) => structure(schema, spec, "spec", &mut found),
    }
    // The rules are written for values of the right structure, and the server asks them of no others.
    if found.is_empty() {
        found.extend(rules(&schema, object));
    }
    found
}

/// What the CEL rules say against it, in their own words.
fn rules(schema: &Value, object: &Value) -> Vec<String> {
    let mut written = object.clone();
    if let Some(fields) = written.as_object_mut() {
        fields.remove("status");
    }
    match kube_cel::Validator::new().validate(schema, &written, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{}: {}", error.field_path, error.message)).collect(),
    }
}

/// What the schema says against a value, field by field.
fn structure(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let wanted = schema["type"].as_str().unwrap_or_default();
    match (wanted, value) {
        // The server drops it, and fills a default in where there is one.
        (_, Value::Null) if schema["nullable"] == true || schema.get("default").is_some() => {}
        ("object", Value::Object(fields)) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in required.filter(|name| !fields.contains_key(*name)) {
                found.push(format!("{path}.{name} is missing"));
            }
            for (name, value) in fields {
                let below = format!("{path}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                        structure(schema, value, &below, found);
                    }
                    (None, Some(Value::Bool(true))) => {}
                    (None, _) if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
                    (None, _) => found.push(format!("{below} is not a field that is known; is it misspelt?")),
                }
            }
        }
        ("array", Value::Array(items)) => {
            size(schema, "Items", items.len(), "entries", path, found);
            for (position, item) in items.iter().enumerate() {
                structure(&schema["items"], item, &format!("{path}[{position}]"), found);
            }
        }
        ("string", Value::String(text)) => {
            size(schema, "Length", text.chars().count(), "characters", path, found);
            let pattern = schema["pattern"].as_str().and_then(|pattern| Regex::new(pattern).ok());
            if let Some(pattern) = pattern.filter(|pattern| !pattern.is_match(text)) {
                found.push(format!("{path} is `{text}`, which is not of the form {pattern}"));
            }
            let names = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let names: Vec<&str> = names.collect();
            if !names.is_empty() && !names.contains(&text.as_str()) {
                found.push(format!("{path} is `{text}`; it has to be one of {}", names.join(", ")));
            }
        }
        ("integer", Value::Number(number)) if number.is_f64() => {
            found.push(format!("{path} is {number}; it has to be a whole number"));
        }
        ("integer" | "number", Value::Number(number)) => {
            let limit = |field: &str| schema[field].as_f64();
            let number_value = number.as_f64().unwrap_or_default();
            if let Some(minimum) = limit("minimum").filter(|minimum| number_value < *minimum) {
                found.push(format!("{path} is {number}; it has to be at least {minimum}"));
            }
            if let Some(maximum) = limit("maximum").filter(|maximum| number_value > *maximum) {
                found.push(format!("{path} is {number}; it has to be at most {maximum}"));
            }
        }
        ("boolean", Value::Bool(_)) | ("", _) => {}
        _ => found.push(format!("{path} has to be {}", described(wanted))),
    }
}

/// The limits of a length: `minItems` and `maxItems`, `minLength` and `maxLength`.
fn size(schema: &Value, what: &str, length: usize, unit: &str, path: &str, found: &mut Vec<String>) {
    let limit = |end: &str| schema[format!("{end}{what}")].as_u64().and_then(|limit| usize::try_from(limit).ok());
    match (limit("min"), limit("max")) {
        (Some(least), _) if length < least && length == 0 => found.push(format!("{path} is empty")),
        (Some(least), _) if length < least => {
            found.push(format!("{path} has {length} {unit}; it has to have at least {least}"));
        }
        (_, Some(most)) if length > most => {
            found.push(format!("{path} has {length} {unit}; it can have at most {most}"));
        }
        _ => {}
    }
}

fn described(kind: &str) -> String {
    match kind {
        "object" => "a mapping".to_owned(),
        "array" => "a list".to_owned(),
        "integer" => "a whole number".to_owned(),
        "string" => "a text (in quotes where it looks like a number)".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => format!("a {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn rollout(spec: &str) -> Vec<String> {
        let spec: Value = serde_saphyr::from_str(spec).unwrap();
        objections(&json!({
            "apiVersion": "siskin.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec,
        }))
    }

    /// A spec with one part replaced.
    fn with(part: &str, text: &str) -> String {
        let parts = [
            ("workloadRef", "{apiVersion: apps/v1, kind: Deployment, name: web}"),
            ("traffic", "{service: web, routes: [{kind: HTTPRoute, name: web}]}"),
            ("strategy", "{canary: {steps: [{weight: 5}, {weight: 25}]}}"),
        ];
        let parts = parts.map(|(name, usual)| format!("{name}: {}", if name == part { text } else { usual }));
        format!("{{{}}}", parts.join(", "))
    }

    #[test]
    fn a_rollout_that_the_server_takes_has_nothing_against_it() {
        assert_eq!(rollout(&with("", "")), Vec::<String>::new());
        let analysis = "{canary: {schedule: {linear: {by: 10, upTo: 50}, hold: {min: 1m, max: 1h30m}}}}";
        assert_eq!(rollout(&with("strategy", analysis)), Vec::<String>::new());
        assert_eq!(objections(&json!({"apiVersion": "v1", "kind": "Service", "spec": 7})), Vec::<String>::new());
    }

    #[test]
    fn each_objection_is_a_sentence_that_names_the_field() {
        let long = "checkout-service-with-a-very-long-descriptive-name-production";
        let route = "routes: [{kind: HTTPRoute, name: web}]";
        let twice = "routes: [{kind: HTTPRoute, name: web}, {kind: HTTPRoute, name: web, rules: [main]}]";
        let cases = [
            ("traffic", format!("{{service: '', {route}}}"), "spec.traffic.service is empty"),
            (
                "traffic",
                format!("{{service: {long}, {route}}}"),
                "spec.traffic.service has 61 characters; it can have at most 56",
            ),
            ("traffic", "{service: web, routes: []}".into(), "spec.traffic.routes is empty"),
            ("traffic", format!("{{service: web, {twice}}}"), "routes must not name the same route twice"),
            (
                "traffic",
                "{service: web, routes: [{kind: Ingress, name: web}]}".into(),
                "spec.traffic.routes[0].kind is `Ingress`; it has to be one of HTTPRoute, VirtualService",
            ),
            (
                "traffic",
                format!("{{service: web, {route}, pinservice: false}}"),
                "spec.traffic.pinservice is not a field that is known",
            ),
            ("traffic", format!("{{service: 7, {route}}}"), "spec.traffic.service has to be a text"),
            ("traffic", "{service: web, routes: {}}".into(), "spec.traffic.routes has to be a list"),
            (
                "traffic",
                format!("{{service: web, {route}, pinService: 'yes'}}"),
                "spec.traffic.pinService has to be true or false",
            ),
            ("traffic", "web".into(), "spec.traffic has to be a mapping"),
            ("traffic", "null".into(), "spec.traffic has to be a mapping"),
            (
                "workloadRef",
                "{apiVersion: apps/v1, kind: StatefulSet, name: web}".into(),
                "workloadRef must name a Deployment of apps/v1",
            ),
            ("workloadRef", "{kind: Deployment, name: web}".into(), "spec.workloadRef.apiVersion is missing"),
            ("strategy", "{}".into(), "strategy must have exactly one of: canary"),
            ("strategy", "{canary: {}}".into(), "canary must have exactly one of steps and schedule"),
            (
                "strategy",
                "{canary: {steps: [{weight: 25}, {weight: 5}]}}".into(),
                "the weights of the steps must ascend",
            ),
            (
                "strategy",
                "{canary: {steps: [{weight: 5}, {weight: 5}]}}".into(),
                "the weights of the steps must ascend",
            ),
            (
                "strategy",
                "{canary: {steps: [{weight: 0}]}}".into(),
                "spec.strategy.canary.steps[0].weight is 0; it has to be at least 1",
            ),
            ("strategy", "{canary: {steps: [{weight: 101}]}}".into(), "it has to be at most 100"),
            ("strategy", "{canary: {steps: [{weight: 2.5}]}}".into(), "it has to be a whole number"),
            (
                "strategy",
                "{canary: {steps: [{weight: 5, hold: {min: 2h, max: 1h}}]}}".into(),
                "hold.min must not be longer than hold.max",
            ),
            ("strategy", "{canary: {steps: [{weight: 5, hold: {min: 5 minutes}}]}}".into(), "which is not of the form"),
            (
                "strategy",
                "{canary: {steps: [{weight: 5, hold: {min: 800h}}]}}".into(),
                "a duration must be at least 1s and at most 744h",
            ),
            ("strategy", "{canary: {schedule: {}}}".into(), "schedule must have exactly one of linear and exponential"),
        ];
        for (part, text, sentence) in cases {
            let said = rollout(&with(part, &text)).join("\n");
            assert!(said.contains(sentence), "{part}: {text}: {said}");
        }
        assert_eq!(rollout("null"), ["spec has to be a mapping"]);
        assert_eq!(rollout("{}").len(), 3);
    }

    #[test]
    fn a_kind_that_there_is_not_is_told() {
        let of = |version: &str, kind: &str| objections(&json!({"apiVersion": version, "kind": kind, "spec": {}}));
        assert_eq!(of("siskin.dev/v1alpha1", "Rolout"), ["siskin.dev has no kind Rolout"]);
        assert_eq!(of("siskin.dev/v2", "Rollout"), ["Rollout has no version siskin.dev/v2"]);
    }

    #[test]
    fn nothing_in_the_schemas_is_passed_over() {
        const READ: [&str; 16] = [
            "type",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "enum",
            "pattern",
            "nullable",
            "default",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "x-kubernetes-validations",
        ];
        // Words for people, and a hint about the size of a number.
        const WITHOUT_MEANING: [&str; 2] = ["description", "format"];
        fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
            let Some(fields) = schema.as_object() else { return };
            found.extend(fields.keys().cloned());
            let below =
                fields.get("properties").and_then(Value::as_object).into_iter().flat_map(|fields| fields.values());
            below
                .chain(fields.get("items"))
                .chain(fields.get("additionalProperties"))
                .for_each(|schema| keywords(schema, found));
        }
        let mut found = BTreeSet::new();
        for crd in crds() {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
            keywords(&schema["openAPIV3Schema"]["properties"]["spec"], &mut found);
        }
        assert!(found.len() > 10);
        found.retain(|keyword| !READ.contains(&keyword.as_str()) && !WITHOUT_MEANING.contains(&keyword.as_str()));
        assert_eq!(found, BTreeSet::new());
    }
}
