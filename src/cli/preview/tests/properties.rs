//! Whatever is in the manifests, a preview answers.

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::{DEPLOYMENT, ROLLOUT, SERVICE, destination_rule, virtual_service};
use crate::cli::{
    preview::{documents::Documents, edit::edits, show},
    screen::Style,
};

/// Any JSON, with words that mean something among it.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "web",
        "web-canary",
        "siskin-stable",
        "shop",
        "main",
        "~",
        "a/b~1",
        "pod-template-hash",
        "Service",
        "\u{0}é",
        "web.shop.svc.",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..4)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Where every value of a document stands.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                pointers(value, &format!("{at}/{position}"), found);
            }
        }
        _ => {}
    }
}

/// The manifests of a Rollout with routes of both kinds and levels.
fn manifests() -> Vec<Value> {
    let route = virtual_service(
        "{hosts: [web], http: [{name: main, match: [{uri: {prefix: /}}], route: [{destination: {host: web.shop.svc.pasta.local, subset: main}, weight: 90}, {destination: {host: api}, weight: 10}]}]}",
    );
    let rule = destination_rule(
        "shop",
        "{host: web, trafficPolicy: {tls: {mode: SIMPLE}}, subsets: [{name: main, labels: {app: web}}, {name: old, labels: {a/b: '0'}}]}",
    );
    let rollout = ROLLOUT.replace(
        "[{kind: VirtualService, name: web}]",
        "[{kind: VirtualService, name: web}, {kind: HTTPRoute, name: web}]",
    );
    let rollout = rollout.replace("weight: 5}, {weight: 25}", "weight: 10}, {weight: 30}");
    let mut all: Vec<Value> =
        [rollout.as_str(), DEPLOYMENT, SERVICE, &route, &rule].map(|text| serde_saphyr::from_str(text).unwrap()).into();
    all.push(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}, {"name": "web-canary"}]}]},
    }));
    all.push(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "web"}]},
    }));
    all
}

/// Shows manifests in every form. The answer does not matter.
fn show_all(manifests: Vec<Value>) -> bool {
    match edits(&Documents::of_values(manifests), 10) {
        Ok(shown) => {
            let _ = (show::diff(&shown.edits, Style::Plain), show::documents(&shown.edits), show::list(&shown.edits));
            true
        }
        Err(failure) => {
            assert!(!failure.to_string().is_empty());
            false
        }
    }
}

#[test]
fn the_manifests_as_they_are_can_be_shown() {
    assert!(show_all(manifests()));
}

proptest! {
    #[test]
    fn any_value_in_any_place_of_any_manifest_is_answered(
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), any_value()), 1..4),
    ) {
        let mut manifests = manifests();
        for (document, place, value) in changes {
            let count = manifests.len();
            let document = &mut manifests[document.index(count)];
            let mut found = Vec::new();
            pointers(document, "", &mut found);
            if let Some(target) = document.pointer_mut(&found[place.index(found.len())]) {
                *target = value;
            }
        }
        show_all(manifests);
    }
}
