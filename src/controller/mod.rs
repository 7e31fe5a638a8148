//! The wiring: watches fill the cache and wake Rollouts, the queue reconciles them one by one, and only the leader
//! writes.
//!
//! ```text
//! watch ──► cache ──► related Rollouts ──► queue ──► reconcile: observe, ask, decide, perform
//!             ▲                                                                      │
//!             └──────────────────────── the server's answers ◄───────────────────────┘
//! ```

mod analysis_runs;
mod api_calls;
mod checks;
mod cluster_world;
mod complaints;
mod effects;
mod fetch;
mod health;
mod hold;
mod leader;
mod looks;
mod memory;
mod metrics;
mod queue;
mod reconcile;
mod run;
mod slots;
mod stop;
mod telemetry;
mod troubles;
mod turn;
mod watch;
mod watched;
mod world;

pub use memory::Memory;
pub use queue::Queue;
pub use reconcile::reconcile;
pub use run::{LeaseName, Settings, run};
pub use stop::stop_on_signal;
pub use telemetry::{LogFormat, start_logging};
pub use turn::{Turn, Undisturbed, Work};
pub use world::{Again, Failed, RolloutKey, World, WriteError};
