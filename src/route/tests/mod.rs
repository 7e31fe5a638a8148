//! Tests of the edits: by example for each kind of route, and by properties for any route and any course of events.

mod acceptance;
mod drift;
mod http_route;
mod inspect;
mod properties;
mod virtual_service;

use serde_json::Value;

use super::{Backends, RouteBefore, RouteEdit, RouteKind, split};
use crate::model::Object;

/// An object from its manifest.
fn object(yaml: &str) -> Object {
    Object::new(serde_saphyr::from_str(yaml).unwrap())
}

/// Service shop/web, pinned during a run.
const PINNED: Backends<'static> = Backends { namespace: "shop", service: "web", pinned: true, subset: None };
/// Service shop/web, with a generated Service for the stable pods.
const UNPINNED: Backends<'static> = Backends { pinned: false, ..PINNED };
/// Host web.shop, whose stable pods are in the user's subset `main`.
const BY_SUBSET: Backends<'static> = Backends { subset: Some("main"), ..PINNED };

/// A split of all rules that has to succeed.
#[track_caller]
fn split_all(
    kind: RouteKind,
    live: &Object,
    backends: &Backends<'_>,
    before: Option<&RouteBefore>,
    weight: u32,
) -> RouteEdit {
    split(kind, live, &[], backends, before, weight).unwrap()
}

/// A route's rules after an edit, for comparison with what a person would write.
fn after(edit: &RouteEdit) -> Object {
    Object::new(edit.object.clone())
}

/// The list at a pointer of an object, as JSON from YAML.
fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}
