//! A simulated cluster, mesh, load and Prometheus on a virtual clock, driven by the same reconcile as production.
//!
//! A [`Schedule`] is drawn from a seed: where it takes place ([`Setting`]) and what happens ([`Action`]). [`run`] plays
//! it to its end under the eyes of the [contract](contract). Nothing depends on the machine: no threads, no wall clock,
//! no order of a hash map. So a seed that broke a promise breaks it again.

mod action;
mod admission;
mod clock;
pub mod contract;
mod deployments;
mod pods;
mod prometheus;
mod random;
mod run;
mod saboteur;
mod scene;
mod schedule;
mod setting;
mod store;
mod traffic;
mod world;

pub use action::Action;
pub use clock::{Millis, VirtualClock};
pub use pods::Version;
pub use random::Random;
pub use run::{Report, run};
pub use saboteur::Saboteur;
pub use scene::Scene;
pub use schedule::Schedule;
pub use setting::{RouteShape, Setting};
pub use world::{Kill, SimulatedWorld, WorldError};

/// The namespace of everything.
const NAMESPACE: &str = "shop";
