//! What the tests share: the installed chart, a controller a namespace, and a shop that is worth a rollout.

mod cli;
mod controller;
mod exclusive;
mod manifests;
mod random;
mod shop;
mod weights;

pub use controller::{Controller, SYSTEM};
pub use exclusive::{alone, elapse, together};
pub use manifests::{Mesh, deployment, rollout, route, service, template};
pub use random::Random;
pub use shop::{ANALYSIS, STEPS, Shop};
