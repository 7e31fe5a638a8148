//! Which bucket edges a run looks at, and how much their counts vary: chosen from the stable version's history before
//! the run, or, where there is none, from what its pods have counted until the first look. Either way the choice is
//! made before the first bet and has no part in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::series::{HistogramSamples, SeriesHistogram};
use crate::judge::dispersion::{LEAST_TICKS, TickTotals, dispersion};
use crate::judge::histogram::{Histogram, Layout};
use crate::judge::share::GUARD_DISPERSION;

/// Shares of requests above an edge with which it is looked at: rarer ones say too little, and more frequent ones make
/// Poisson betting timid.
const RAREST: f64 = 5e-4;
const MOST_FREQUENT: f64 = 0.75;
/// The share of requests above the edge at which safety is shown.
const SAFE_EXCEEDANCE: f64 = 0.01;
/// Edges looked at, at most. Nine edges at a factor of the square root of 2 find a slowdown no later than four of
/// Prometheus' defaults; more would only make the state larger.
const MOST_EDGES: usize = 12;
/// Requests needed before edges are chosen without a history.
const LEAST_REQUESTS: f64 = 100.0;
/// The dispersion that is assumed where it can't be learned. With 2, arms whose latencies wander apart (log deviation
/// 0.1, memory of five looks) were rolled back 2 % of the time at a level of 1 %; with 3, 0.7 %. Share betting sets the
/// pace of detection either way.
const UNKNOWN_DISPERSION: f64 = 3.0;

/// One edge that a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaselineEdge {
    /// The edge, in the histogram's unit.
    pub edge: f64,
    /// Share of the stable version's requests above it, in the history.
    pub exceedance: f64,
    /// Variance of the number of requests above it relative to Poisson, at least 1.
    pub dispersion: f64,
}

/// From what a baseline was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BaselineSource {
    /// From the time before the run.
    History,
    /// From what the stable version's pods had counted at the first look.
    FirstLook,
}

/// The edges that a run looks at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBaseline {
    /// From what it was chosen.
    pub source: BaselineSource,
    /// Edges to bet on, ascending; at least one.
    pub edges: Vec<BaselineEdge>,
    /// Index of the edge at which safety is shown.
    pub safe: usize,
    /// Whether evidence of harm needs the confirmation of share betting: the counts vary much at some edge, or nobody
    /// knows. At all edges then: a slow spell of a pod that makes one edge vary shows at its neighbours, too, where it
    /// is drowned by usual requests in the history and still moves the canary.
    pub guarded: bool,
    /// The next edge below the first one, for quantiles in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// The next edge above the last one, for quantiles in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<f64>,
    /// Whether the buckets are exponential, so that quantiles are interpolated on the log scale.
    #[serde(default)]
    pub exponential: bool,
}

/// The stable version's histograms before the run, look by look.
#[derive(Clone, Debug, Default)]
pub struct LatencyHistory {
    last: BTreeMap<String, Histogram>,
    ticks: Vec<Histogram>,
}

impl LatencyHistory {
    /// Takes the stable version's histograms at the next tick. Ticks must be evenly spaced; one that could not be read
    /// is left out.
    pub fn push(&mut self, samples: &[SeriesHistogram]) {
        let first = self.last.is_empty();
        let mut tick: Option<Histogram> = None;
        for sample in sorted(samples) {
            let before = self.last.insert(sample.series.clone(), sample.histogram.clone());
            let came = match before {
                Some(before) => sample.histogram.since(&before),
                // The series of a new pod begin within the history.
                None if !first && sample.started_in_run => Some(sample.histogram.clone()),
                None => None,
            };
            if let Some(came) = came {
                tick = Some(match tick {
                    Some(sum) => sum.plus(&came),
                    None => came,
                });
            }
        }
        self.ticks.extend(tick);
    }

    /// Ticks in which something was counted.
    pub fn ticks(&self) -> usize {
        self.ticks.len()
    }

    /// The edges to look at and their dispersions; none when there was too little traffic, or no edge.
    pub fn baseline(&self) -> Option<LatencyBaseline> {
        let (first, rest) = self.ticks.split_first()?;
        let total = rest.iter().fold(first.clone(), |sum, tick| sum.plus(tick));
        let mut baseline = LatencyBaseline::choose(&total, BaselineSource::History)?;
        for edge in &mut baseline.edges {
            let ticks: Vec<TickTotals> = self
                .ticks
                .iter()
                .filter_map(|tick| Some(TickTotals { requests: tick.count(), events: tick.above(edge.edge)? }))
                .collect();
            let found = dispersion(&ticks);
            if found.block.is_some() {
                edge.dispersion = found.factor;
            }
        }
        baseline.guarded =
            baseline.edges.iter().any(|edge| edge.dispersion > GUARD_DISPERSION) || self.ticks.len() < LEAST_TICKS;
        Some(baseline)
    }
}

impl LatencyBaseline {
    /// All edges that are counted: those that are bet on, and their neighbours for reports.
    pub fn tracked(&self) -> Vec<f64> {
        let edges = self.edges.iter().map(|edge| edge.edge);
        self.below.into_iter().chain(edges).chain(self.beyond).collect()
    }

    /// This baseline with a newer one's dispersions where they are higher: of the edges that both have. Never lower: what
    /// was once seen to happen may happen again during the run.
    #[must_use]
    pub(super) fn raised(&self, newer: &Self) -> Self {
        let mut raised = self.clone();
        for edge in &mut raised.edges {
            let same = |other: &&BaselineEdge| other.edge.total_cmp(&edge.edge).is_eq();
            if let Some(newer) = newer.edges.iter().find(same) {
                edge.dispersion = edge.dispersion.max(newer.dispersion);
            }
        }
        raised.guarded |= raised.edges.iter().any(|edge| edge.dispersion > GUARD_DISPERSION);
        raised
    }

    /// The edge at which safety is shown.
    pub fn safe_edge(&self) -> Option<&BaselineEdge> {
        self.edges.get(self.safe)
    }

    /// The baseline as it fits the histograms of the first look that has both arms: edges that one of them doesn't
    /// know are left out. Without a history it is chosen from what the stable version has counted so far. The error
    /// says why there is none.
    pub(super) fn fit(history: Option<&Self>, samples: &HistogramSamples) -> Result<Self, super::LatencyReading> {
        use super::LatencyReading::{BothMissing, CanaryMissing, NoCommonEdge, StableMissing, TooFewRequests};
        let (canary, stable) = match (&samples.canary, &samples.stable) {
            (Some(canary), Some(stable)) => (sum(canary).ok_or(CanaryMissing)?, sum(stable).ok_or(StableMissing)?),
            (Some(_), None) => return Err(StableMissing),
            (None, Some(_)) => return Err(CanaryMissing),
            (None, None) => return Err(BothMissing),
        };
        let both = stable.plus(&canary);
        if let Some(fitting) = history.and_then(|history| history.restricted(&both)) {
            return Ok(fitting);
        }
        if stable.count() < LEAST_REQUESTS {
            return Err(TooFewRequests);
        }
        // The stable counts on the edges that both know: the sum less the canary's, edge by edge.
        let layout = both.layout();
        let known: Vec<(f64, f64)> = candidates(&both)
            .into_iter()
            .filter_map(|edge| Some((edge, stable.above(edge)? / stable.count())))
            .collect();
        Self::from_exceedances(&known, layout, BaselineSource::FirstLook).ok_or(NoCommonEdge)
    }

    fn choose(total: &Histogram, source: BaselineSource) -> Option<Self> {
        if total.count() < LEAST_REQUESTS {
            return None;
        }
        let known: Vec<(f64, f64)> =
            candidates(total).into_iter().filter_map(|edge| Some((edge, total.above(edge)? / total.count()))).collect();
        Self::from_exceedances(&known, total.layout(), source)
    }

    /// Chooses among edges (ascending) with the share of requests above them.
    fn from_exceedances(known: &[(f64, f64)], layout: Layout, source: BaselineSource) -> Option<Self> {
        let fits = |exceedance: f64| (RAREST..=MOST_FREQUENT).contains(&exceedance);
        let mut chosen: Vec<usize> = (0..known.len()).filter(|index| fits(known[*index].1)).collect();
        if chosen.is_empty() {
            // All edges are too high or too low; the nearest one is better than none.
            let middle = |index: &usize| (known[*index].1.max(1e-9).ln() - SAFE_EXCEEDANCE.ln()).abs();
            chosen = (0..known.len()).min_by(|a, b| middle(a).total_cmp(&middle(b))).into_iter().collect();
        }
        if chosen.len() > MOST_EDGES {
            let (last, count) = (chosen.len() - 1, MOST_EDGES - 1);
            chosen = (0..=count).map(|place| chosen[(place * last + count / 2) / count]).collect();
        }
        let (first, last) = (*chosen.first()?, *chosen.last()?);
        let edges = chosen.iter().map(|index| BaselineEdge {
            edge: known[*index].0,
            exceedance: known[*index].1,
            dispersion: UNKNOWN_DISPERSION,
        });
        let mut baseline = Self {
            source,
            edges: edges.collect(),
            safe: 0,
            guarded: true,
            below: first.checked_sub(1).map(|index| known[index].0),
            beyond: known.get(last + 1).map(|(edge, _)| *edge),
            exponential: matches!(layout, Layout::Exponential { .. }),
        };
        baseline.choose_safe_edge();
        Some(baseline)
    }

    /// The baseline without the edges that a histogram doesn't know; none when no edge is left.
    fn restricted(&self, histogram: &Histogram) -> Option<Self> {
        let known = |edge: &f64| histogram.above(*edge).is_some();
        let mut baseline = self.clone();
        baseline.edges.retain(|edge| known(&edge.edge));
        baseline.below = baseline.below.filter(known);
        baseline.beyond = baseline.beyond.filter(known);
        baseline.choose_safe_edge();
        (!baseline.edges.is_empty()).then_some(baseline)
    }

    fn choose_safe_edge(&mut self) {
        let distance = |edge: &BaselineEdge| (edge.exceedance.max(1e-9).ln() - SAFE_EXCEEDANCE.ln()).abs();
        let nearest = self.edges.iter().enumerate().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        self.safe = nearest.map_or(0, |(index, _)| index);
    }
}

/// Edges to choose from, ascending. For exponential buckets these are the edges of the finest schema with which no more
/// than [`MOST_EDGES`] lie where the requests are, so that a histogram that becomes coarser in mid-run still knows
/// them.
fn candidates(total: &Histogram) -> Vec<f64> {
    let Layout::Exponential { schema } = total.layout() else {
        return total.edges().collect();
    };
    let quantile = |part: f64| total.quantile(part).filter(|value| *value > 0.0);
    let (Some(low), Some(high)) = (quantile(1.0 - MOST_FREQUENT), quantile(1.0 - RAREST)) else {
        return Vec::new();
    };
    let doublings = (high / low).log2();
    let fits = |schema: i8| doublings * 2f64.powi(i32::from(schema)) <= MOST_EDGES as f64;
    let schema = (-4..=schema).rev().find(|schema| fits(*schema)).unwrap_or(-4);
    let per_doubling = 2f64.powi(i32::from(schema));
    let (first, last) = ((low.log2() * per_doubling).floor() - 1.0, (high.log2() * per_doubling).ceil() + 1.0);
    let mut edges = Vec::new();
    let mut index = first;
    while index <= last {
        edges.push((index / per_doubling).exp2());
        index += 1.0;
    }
    edges
}

fn sum(samples: &[SeriesHistogram]) -> Option<Histogram> {
    let mut sum: Option<Histogram> = None;
    for sample in sorted(samples) {
        sum = Some(sum.map_or_else(|| sample.histogram.clone(), |sum| sum.plus(&sample.histogram)));
    }
    sum
}

/// By name, so that sums are taken in the same order at each replay.
fn sorted(samples: &[SeriesHistogram]) -> Vec<&SeriesHistogram> {
    let mut sorted: Vec<&SeriesHistogram> = samples.iter().collect();
    sorted.sort_by(|a, b| a.series.cmp(&b.series));
    sorted
}
