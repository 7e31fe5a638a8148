//! One analysis of two versions, whoever asks for it: a rollout, an `AnalysisRun`, or a person at the command line.
//! Pure: it says what to ask, takes what was measured, and keeps what came of it.
//!
//! [`resolve`] puts templates and arguments together into [`Metric`]s, [`request`] asks for all of them at one time, and
//! a [`Session`] takes each answer: it keeps the judges and the [`Clock`] of the step, and gives a [`LookResult`]. A
//! [`Replay`] takes a run that is over once more.

mod clock;
mod counts;
mod evidence;
mod gap;
mod gauge;
mod history;
pub mod kayenta;
mod labels;
mod latency;
mod looks;
mod metric;
mod pace;
pub mod power;
mod problem;
pub mod record;
mod recorder;
mod recording;
pub mod replay;
mod session;
mod settings;
mod sight;
mod threshold;
mod warm_up;
mod watch;

pub use clock::Clock;
pub use gap::Gap;
pub use history::{HistoryRequest, Usual, due, history, usual};
pub use looks::LookTime;
pub use metric::{Metric, render, request, resolve};
pub use problem::Problem;
pub use record::Record;
pub use recorder::Recorder;
pub use replay::{RecordedRun, Replay, ReplayProblem, Replayed};
pub use session::{LookResult, Session};
pub use settings::{Settings, Step};
pub use sight::Sight;

#[cfg(test)]
mod tests;
