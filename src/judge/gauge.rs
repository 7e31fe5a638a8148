//! One gauge (CPU, memory, queue length) judged over a whole rollout.
//!
//! At each look the mean over the canary's pods is compared with the mean over the stable ones, as the difference of
//! their logarithms, which takes out what both share (load, time of day). Successive looks resemble each other, so the
//! variance of their mean comes from batches, corrected for the correlation that is left ([`batches`]). A pod that
//! happens to be heavier stays so for the whole run; the term for that comes from the spread between pods ([`pods`]).
//! With both, a bound of the difference holds at every look, for many looks: it is asymptotic, not exact, and gives no
//! e-value. So gauges warn, unless the user makes them decide; then they need two canary pods at least.

pub mod batches;
mod evidence;
mod judge;
pub mod pods;
mod slope;

pub use evidence::{GaugeEvidence, GaugeScale, Trend, Worse};
pub use judge::{GaugeJudge, GaugeOutcome, GaugeReading, GaugeSample, GaugeSamples, GaugeSettings, GaugeState};
pub use slope::Slope;

#[cfg(test)]
mod tests;
