//! One analysis of two versions, whoever asks for it: a rollout, an `AnalysisRun`, or a person at the command line.
//! Pure: it says what to ask, takes what was measured, and keeps what came of it.

pub mod power;
pub mod record;

pub use record::Record;
