//! What a report shows of a latency: the shares of slow requests at every edge, and quantiles with intervals. None of
//! this decides anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::LatencyBaseline;
use super::evidence::{ArmLatency, EdgeShares};
use super::mixture::EdgeMixture;
use super::series::Exceedances;
use crate::judge::counts::Counts;
use crate::judge::interval::{ArmReport, Interval, REPORT_LEVEL, rate_interval};
use crate::judge::ratio_interval::RatioSequence;

/// Quantiles that a report shows.
const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// Requests of both arms above each tracked edge, over all looks that compared them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Totals {
    canary: Exceedances,
    stable: Exceedances,
    /// How many of the slow requests of both arms would be the canary's, were it no slower: the canary's share of the
    /// traffic, look by look, times the slow requests. With it the ratio of the arms is neither misled by changes of
    /// the weights nor by incidents.
    expected: Exceedances,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arm {
    Canary,
    Stable,
}

/// One edge of a report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EdgeReport {
    /// The edge.
    pub edge: f64,
    /// The canary's requests and those above the edge.
    pub canary: ArmReport,
    /// The stable version's requests and those above the edge.
    pub stable: ArmReport,
    /// Variance of the counts above the edge relative to Poisson, as learned before the run.
    pub dispersion: f64,
    /// Evidence of harm at this edge alone.
    pub log_harm: f64,
    /// The canary's share above the edge relative to the stable version's, compared look by look; none before there was
    /// a request above the edge.
    pub ratio: Option<RatioBounds>,
}

/// What a ratio may be, at every look. Exact for equal arms, near enough for others (the weights of the looks are
/// pooled).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatioBounds {
    /// The likeliest.
    pub estimate: f64,
    /// It is at least this.
    pub low: f64,
    /// It is at most this; none when nothing bounds it.
    pub high: Option<f64>,
}

/// What a quantile may be: the edges between which it certainly lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuantileBounds {
    /// Interpolated between the edges around it; at most the largest edge that is tracked.
    pub estimate: f64,
    /// It is above this.
    pub low: f64,
    /// It is not above this; none when no tracked edge is high enough.
    pub high: Option<f64>,
}

/// One quantile of both arms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuantileReport {
    /// Which: 0.99 for the 99th percentile.
    pub quantile: f64,
    /// The canary's.
    pub canary: Option<QuantileBounds>,
    /// The stable version's.
    pub stable: Option<QuantileBounds>,
}

/// A latency as a report shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LatencyReport {
    /// Every edge that is bet on, ascending.
    pub edges: Vec<EdgeReport>,
    /// The median, the 90th and the 99th percentile.
    pub quantiles: Vec<QuantileReport>,
}

impl Totals {
    pub(super) fn add(&mut self, canary: &Exceedances, stable: &Exceedances) {
        self.canary.add(canary);
        self.stable.add(stable);
        let requests = canary.requests + stable.requests;
        if requests > 0.0 {
            let share = canary.requests / requests;
            let slow = canary.above.iter().zip(&stable.above).map(|(canary, stable)| (canary + stable) * share);
            self.expected.add(&Exceedances { requests: 0.0, above: slow.collect() });
        }
    }

    fn ratio(&self, index: usize) -> Option<RatioBounds> {
        let of = |counts: &Exceedances| counts.above.get(index).copied();
        let (canary, stable, expected) = (of(&self.canary)?, of(&self.stable)?, of(&self.expected)?);
        let mut sequence = RatioSequence::new();
        sequence.update(&Counts {
            canary_requests: expected,
            stable_requests: canary + stable - expected,
            canary_errors: canary,
            stable_errors: stable,
        });
        let Interval { estimate, low, high } = sequence.interval(REPORT_LEVEL);
        (canary + stable > 0.0).then(|| RatioBounds { estimate, low, high: high.is_finite().then_some(high) })
    }

    fn of(&self, arm: Arm) -> &Exceedances {
        match arm {
            Arm::Canary => &self.canary,
            Arm::Stable => &self.stable,
        }
    }
}

/// The shares of slow requests at one of the edges that are bet on.
pub(super) fn shares(totals: &Totals, baseline: &LatencyBaseline, index: usize) -> Option<EdgeShares> {
    let place = usize::from(baseline.below.is_some()) + index;
    let share = |counts: &Exceedances| {
        let above = counts.above.get(place).copied().unwrap_or(0.0);
        if counts.requests > 0.0 { above / counts.requests } else { 0.0 }
    };
    let edge = baseline.edges.get(index)?.edge;
    Some(EdgeShares { edge, canary: share(&totals.canary), stable: share(&totals.stable) })
}

pub(super) fn report(totals: &Totals, baseline: &LatencyBaseline, harm: &EdgeMixture) -> LatencyReport {
    let quantiles = QUANTILES.iter().map(|&quantile| QuantileReport {
        quantile,
        canary: quantile_bounds(totals.of(Arm::Canary), baseline, quantile),
        stable: quantile_bounds(totals.of(Arm::Stable), baseline, quantile),
    });
    let offset = usize::from(baseline.below.is_some());
    let edges = edges(totals, baseline, harm).into_iter().enumerate();
    LatencyReport {
        edges: edges.map(|(index, edge)| EdgeReport { ratio: totals.ratio(offset + index), ..edge }).collect(),
        quantiles: quantiles.collect(),
    }
}

fn edges(totals: &Totals, baseline: &LatencyBaseline, harm: &EdgeMixture) -> Vec<EdgeReport> {
    let offset = usize::from(baseline.below.is_some());
    let arm = |arm: Arm, index: usize| {
        let counts = totals.of(arm);
        let errors = counts.above.get(offset + index).copied().unwrap_or(0.0);
        arm_report(counts.requests, errors)
    };
    let edges = baseline.edges.iter().enumerate().zip(harm.by_edge());
    edges
        .map(|((index, edge), log_harm)| EdgeReport {
            edge: edge.edge,
            canary: arm(Arm::Canary, index),
            stable: arm(Arm::Stable, index),
            dispersion: edge.dispersion,
            log_harm,
            ratio: None,
        })
        .collect()
}

pub(super) fn arm_latency(totals: &Totals, baseline: Option<&LatencyBaseline>, arm: Arm) -> ArmLatency {
    let counts = totals.of(arm);
    let quantile = |quantile: f64| {
        let baseline = baseline?;
        (counts.requests > 0.0).then(|| estimate(counts, baseline, quantile))
    };
    ArmLatency { requests: counts.requests, p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) }
}

fn arm_report(requests: f64, errors: f64) -> ArmReport {
    let errors = errors.min(requests);
    let rate = (requests > 0.0).then(|| rate_interval(errors, requests, REPORT_LEVEL));
    ArmReport { requests, errors, rate }
}

/// The edges between which a quantile certainly lies: where the interval of the share above an edge, at a level split
/// over all edges, is on one side of `1 - quantile`. Valid at every look.
fn quantile_bounds(counts: &Exceedances, baseline: &LatencyBaseline, quantile: f64) -> Option<QuantileBounds> {
    if counts.requests <= 0.0 {
        return None;
    }
    let tracked = baseline.tracked();
    let level = REPORT_LEVEL / tracked.len() as f64;
    let shares = counts.above.iter().map(|above| rate_interval(above.min(counts.requests), counts.requests, level));
    let (mut low, mut high) = (0.0, None);
    for (edge, share) in tracked.iter().zip(shares) {
        if share.low > 1.0 - quantile {
            low = *edge;
        }
        if share.high <= 1.0 - quantile && high.is_none() {
            high = Some(*edge);
        }
    }
    Some(QuantileBounds { estimate: estimate(counts, baseline, quantile), low, high })
}

/// Interpolated between the tracked edges, on the log scale where the buckets are exponential.
fn estimate(counts: &Exceedances, baseline: &LatencyBaseline, quantile: f64) -> f64 {
    let slower = (1.0 - quantile) * counts.requests;
    let (mut edge_before, mut above_before) = (0.0, counts.requests);
    for (edge, above) in baseline.tracked().into_iter().zip(&counts.above) {
        if *above <= slower {
            let part = ((above_before - slower) / (above_before - above)).clamp(0.0, 1.0);
            return if baseline.exponential && edge_before > 0.0 {
                edge_before * (edge / edge_before).powf(part)
            } else {
                edge_before + (edge - edge_before) * part
            };
        }
        (edge_before, above_before) = (edge, *above);
    }
    edge_before
}
