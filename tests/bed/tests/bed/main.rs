//! The bed holds what the other tests rely on.

mod gateway;
mod manifests;
mod mesh;
mod pods;
mod servers;
