//! Performs a plan's effects in its order.

mod effect;
mod error;
mod perform;

pub use effect::{Effect, Notice, Purpose};
pub use error::{EffectError, Problem};
pub use perform::{FIELD_MANAGER, Performer, resource, rollout_key};
