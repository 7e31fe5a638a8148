//! Whole rollouts of one release, from the first step to promotion or rollback, as different systems make them.

mod kayenta;
mod release;
mod siskin;
mod thresholds;

pub use kayenta::stage;
pub use release::{Arms, Release};
pub use siskin::{Limits, rollout};
pub use thresholds::{Schedule, by_thresholds};

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// All steps were passed, at this second.
    Promoted(f64),
    /// Traffic was taken back.
    RolledBack {
        /// The second.
        at: f64,
        /// Errors of the canary beyond those that the stable version would have had.
        excess_errors: f64,
    },
    /// A step waits for a person, since this second.
    Undecided(f64),
}
