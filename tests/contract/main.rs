//! The contract without a cluster: simulated rollouts, each watched by every check.
//!
//! - `schedules`: thousands of schedules drawn from seeds, with everything in them.
//! - `kills`: the controller killed before and after every single effect.
//! - `saboteurs`: each check is shown to fail on a controller that is broken on purpose.

mod kills;
mod saboteurs;
mod schedules;
