//! Performs a plan's effects in its order.

mod effect;

pub use effect::{Effect, Notice, Purpose};
