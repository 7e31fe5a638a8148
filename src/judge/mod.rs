//! The judge: pure statistics, from counts to a verdict. It has no clock, no I/O and no randomness, so the same
//! code runs on a cluster, in a simulation and in a replay, and gives the same bits each time.
//!
//! **For a reader without statistics.** Think of a gambler who is allowed to bet against a claim such as "the canary
//! fails at most as often as the stable version". The bets are made so fair that, while the claim is true, nobody can
//! expect to win: whoever starts with 1 coin reaches 100 coins with a chance of at most 1 in 100, however long they
//! play and whenever they stop. So when the purse does reach 100, either something happened that happens once in a
//! hundred rollouts, or the claim is false. The purse is called an *e-value*, the course of it an *e-process*, and
//! its logarithm is what this module calls *evidence*. The chance of a false alarm is spent once for the whole
//! rollout, not once a look: it costs nothing to look every second. Two such gamblers play for each metric. One bets
//! against "no worse than the stable version, apart from a small dead zone": when it wins, the rollout is rolled
//! back. The other bets against "worse by at least the margin": when it wins, the step has been shown to be safe.
//! While neither has won, the answer is "not yet", which is not a guess in either direction.
//!
//! The way of a look: [`counters`] turns raw counters into the counts of each pod in one interval, a [`tick`];
//! [`baseline`] knows from the service's history how counts vary ([`dispersion`]) and where to cut them off
//! ([`capped`]); [`ratio`] bets on them (guarded by [`share`] where errors come in clusters); [`interval`] and [`pods`]
//! keep the sums for reports; [`metric`] puts these together for one error rate; [`combine`] joins metrics; [`verdict`]
//! decides on the [`evidence`] of all of them.
//!
//! Latencies come as histograms: [`histogram`] decodes them, and [`latency`] bets on the requests above each bucket
//! edge. Values of pods are compared by [`gauge`], without bets. [`sample_ratio`] warns when the traffic is not split as
//! planned. [`classical`] has the tests of textbooks, for reports and comparisons.

pub mod baseline;
pub mod capped;
pub mod classical;
pub mod combine;
pub mod counters;
pub mod counts;
pub mod dispersion;
pub mod evidence;
mod explain;
mod format;
pub mod gauge;
mod harm;
pub mod histogram;
pub mod interval;
pub mod kayenta;
pub(crate) mod keyed;
pub mod latency;
pub mod limit;
pub mod log_space;
pub mod margin;
pub mod metric;
pub mod planner;
pub mod pods;
pub mod preset;
pub mod rate_limit;
pub mod ratio;
pub mod ratio_interval;
pub mod sample_ratio;
pub mod share;
pub mod standing;
pub mod state;
pub mod tick;
pub mod verdict;

pub use baseline::{Cap, Capping, CountBaseline, CountHistory};
pub use combine::{e_bh, log_threshold, log_weighted_mean};
pub use counters::{ArmSamples, CounterLook, CounterState, Reading, Sample, Samples};
pub use counts::Counts;
pub use dispersion::{Dispersion, TickTotals, dispersion};
pub use evidence::MetricEvidence;
pub use gauge::{GaugeEvidence, GaugeJudge, GaugeSettings, GaugeState, Worse};
pub use histogram::{Histogram, HistogramProblem};
pub use interval::{ArmReport, DifferenceSums, Interval};
pub use latency::{LatencyBaseline, LatencyEvidence, LatencyHistory, LatencyJudge, LatencySettings, LatencyState};
pub use limit::{Limit, LimitReading, LimitState};
pub use margin::{Margin, StepWeight};
pub use metric::{ErrorRateEvidence, ErrorRateJudge, ErrorRateSettings, ErrorRateState, LookOutcome, Spread};
pub use planner::{Growth, Traffic, growth, median_seconds};
pub use pods::{PodReport, PodWatch};
pub use preset::{Preset, PresetSettings};
pub use rate_limit::{RateLimit, RateLimitEvidence};
pub use ratio::{Direction, RatioDesign, RatioProcess, RatioState};
pub use ratio_interval::RatioSequence;
pub use sample_ratio::{SampleRatio, SampleRatioState};
pub use share::{ShareProcess, ShareState};
pub use standing::Standing;
pub use state::StateError;
pub(crate) use state::StateKind;
pub use tick::{PodCounts, Tick};
pub use verdict::{
    Decision, LimitLook, Look, MetricLook, OnTimeout, RollbackCause, StepClock, TimeoutAction, Verdict, Waiting, decide,
};
