//! What the tests share: the installed chart, a controller a namespace, and a shop that is worth a rollout.

mod controller;
mod exclusive;
mod manifests;
mod shop;

pub use controller::Controller;
pub use exclusive::{alone, together};
pub use manifests::{Mesh, deployment, template};
pub use shop::Shop;
