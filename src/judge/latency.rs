//! One latency judged over a whole rollout: histograms in, evidence for harm and for safety out.
//!
//! No quantile is compared. At each bucket edge the requests above it are events like errors, and [`super::ratio`]
//! bets on them; the evidence of harm is the mean over the edges, against "at no edge does the canary have more slow
//! requests than the dead zone allows" (stochastic order with tolerance). The mean of e-processes is one, so nothing
//! is paid for looking at several edges, and quantiles need no interpolation. Safety is shown at the edge nearest the
//! 99th percentile. Which edges are looked at is chosen before the betting begins ([`baseline`]), or the choice itself
//! would be a bet.
//!
//! Quantiles are for reports ([`report`]).

pub mod baseline;
mod evidence;
mod judge;
mod mixture;
mod pair;
mod report;
mod series;

pub use baseline::{BaselineEdge, BaselineSource, LatencyBaseline, LatencyHistory};
pub use evidence::{ArmLatency, LatencyEvidence, LatencyUnit};
pub use judge::{LatencyJudge, LatencyOutcome, LatencySettings, LatencyState};
pub use mixture::{EdgeDesign, EdgeMixture};
pub use pair::LatencyReading;
pub use report::{EdgeReport, LatencyReport, QuantileBounds, QuantileReport, RatioBounds};
pub use series::{HistogramSamples, SeriesHistogram, SeriesNotes};

#[cfg(test)]
mod tests;
