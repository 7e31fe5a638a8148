//! The judge of one latency.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::LatencyBaseline;
use super::evidence::{LatencyEvidence, LatencyUnit};
use super::mixture::{EdgeDesign, EdgeMixture, harm_design};
use super::pair::{LatencyReading, Pair, PairState};
use super::report::{self, LatencyReport, Totals};
use super::series::{HistogramSamples, SeriesNotes};
use crate::judge::combine::log_threshold;
use crate::judge::counts::Counts;
use crate::judge::interval::DifferenceSums;
use crate::judge::margin::{Margin, StepWeight};
use crate::judge::planner::{self, Traffic};
use crate::judge::ratio::{RatioDesign, RatioProcess, RatioState};
use crate::judge::share::ShareState;

/// Evidence as shown is kept within what an exponential can hold; the state keeps the full value.
const LARGEST_SHOWN: f64 = 700.0;

/// How one latency is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencySettings {
    /// Up to here a canary is no slower: a boundary for the share of requests above any edge.
    pub dead_zone: Margin,
    /// What the last step must rule out at the edge nearest the 99th percentile; earlier steps rule out more.
    pub margin: Margin,
    /// Chance of rolling back a release that is no slower, for the whole rollout: in (0, 0.5).
    pub false_rollback: f64,
    /// Chance of passing a step with a canary at the margin: in (0, 0.5).
    pub missed_regression: f64,
    /// What the history says; none where there is none. A judge that goes on from a state keeps the baseline with which
    /// it began.
    pub baseline: Option<LatencyBaseline>,
    /// The unit of the edges, for sentences.
    pub unit: LatencyUnit,
}

impl Default for LatencySettings {
    fn default() -> Self {
        Self {
            dead_zone: Margin { ratio: 1.1, absolute: 1e-3 },
            margin: Margin { ratio: 1.5, absolute: 5e-3 },
            false_rollback: 0.01,
            missed_regression: 0.05,
            baseline: None,
            unit: LatencyUnit::Unknown,
        }
    }
}

/// All that must be kept between looks. The settings are not part of it, but for the baseline, of which only
/// dispersions may be raised during a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LatencyState {
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<LatencyBaseline>,
    /// Evidence for harm at each edge, since the rollout began.
    harm: Vec<RatioState>,
    /// The second opinion at each edge that needs one.
    guards: Vec<Option<ShareState>>,
    /// Evidence for safety, since the step began.
    #[serde(skip_serializing_if = "Option::is_none")]
    safe: Option<RatioState>,
    /// Requests above the edge of safety, for reports: since the step began.
    step: DifferenceSums,
    /// Requests above all tracked edges, for reports: since the rollout began.
    totals: Totals,
    series: PairState,
}

/// What a look at the histograms came to.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyOutcome {
    /// Whether something was compared, or why not.
    pub reading: LatencyReading,
    /// What was out of order.
    pub notes: SeriesNotes,
    /// For each edge that is bet on, ascending: all requests of both arms, and those above it as errors. Empty when
    /// nothing was compared.
    pub edges: Vec<(f64, Counts)>,
}

/// The judge of one latency.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyJudge {
    settings: LatencySettings,
    step_weight: StepWeight,
    /// Set by the first look that has both arms.
    betting: Option<Betting>,
    step: DifferenceSums,
    totals: Totals,
    series: PairState,
}

#[derive(Clone, Debug, PartialEq)]
struct Betting {
    baseline: LatencyBaseline,
    tracked: Vec<f64>,
    harm: EdgeMixture,
    safe: RatioProcess,
}

impl LatencyJudge {
    /// A judge that has seen nothing, at the first step.
    pub fn start(settings: LatencySettings, step: StepWeight) -> Self {
        Self::resume(settings, step, LatencyState::default())
    }

    /// A judge that goes on from a stored state, at the step in which it was stored.
    pub fn resume(settings: LatencySettings, step_weight: StepWeight, state: LatencyState) -> Self {
        let LatencyState { baseline, harm, guards, safe, step, totals, series } = state;
        let betting = baseline.filter(|baseline| !baseline.edges.is_empty()).map(|baseline| {
            let design = safe_design(&settings, &baseline, step_weight);
            Betting {
                tracked: baseline.tracked(),
                harm: EdgeMixture::resume(&harm_designs(&settings, &baseline), &harm, &guards),
                safe: safe.map_or_else(|| RatioProcess::new(design), |state| RatioProcess::resume(design, state)),
                baseline,
            }
        });
        Self { settings, step_weight, betting, step, totals, series }
    }

    /// What must be kept until the next look.
    pub fn state(&self) -> LatencyState {
        let betting = self.betting.as_ref();
        LatencyState {
            baseline: betting.map(|betting| betting.baseline.clone()),
            harm: betting.map(|betting| betting.harm.ratio_states()).unwrap_or_default(),
            guards: betting.map(|betting| betting.harm.guard_states()).unwrap_or_default(),
            safe: betting.map(|betting| *betting.safe.state()),
            step: self.step,
            totals: self.totals.clone(),
            series: self.series.clone(),
        }
    }

    /// Takes the histograms of one look.
    pub fn look(&mut self, samples: &HistogramSamples) -> LatencyOutcome {
        let Some(betting) = &mut self.betting else {
            return match LatencyBaseline::fit(self.settings.baseline.as_ref(), samples) {
                Ok(baseline) => self.begin(baseline, samples),
                Err(reading) => LatencyOutcome::without_edges(reading, SeriesNotes::default()),
            };
        };
        let (reading, pairs, notes) = self.series.look(samples, &betting.tracked);
        if pairs.is_empty() {
            return LatencyOutcome::without_edges(reading, notes);
        }
        for pair in &pairs {
            self.totals.add(&pair.canary, &pair.stable);
        }
        let edges = betting.update(&pairs, &mut self.step);
        LatencyOutcome { reading, notes, edges }
    }

    /// Takes what the stable version's history says after the first look: it can only raise the dispersions of the edges
    /// that are bet on. Says whether it changed anything.
    pub fn learn(&mut self, newer: &LatencyBaseline) -> bool {
        let Some(betting) = &mut self.betting else { return false };
        let raised = betting.baseline.raised(newer);
        if raised == betting.baseline {
            return false;
        }
        let (harm, guards) = (betting.harm.ratio_states(), betting.harm.guard_states());
        betting.harm = EdgeMixture::resume(&harm_designs(&self.settings, &raised), &harm, &guards);
        let design = safe_design(&self.settings, &raised, self.step_weight);
        betting.safe = RatioProcess::resume(design, *betting.safe.state());
        betting.baseline = raised;
        true
    }

    /// Begins a step: safety must be shown anew, with the step's own margin. Evidence of harm is never forgotten.
    pub fn new_step(&mut self, step: StepWeight) {
        self.step_weight = step;
        self.step = DifferenceSums::default();
        if let Some(betting) = &mut self.betting {
            betting.safe = RatioProcess::new(safe_design(&self.settings, &betting.baseline, step));
        }
    }

    /// The edges that are looked at; none before the first look that had both arms.
    pub fn baseline(&self) -> Option<&LatencyBaseline> {
        self.betting.as_ref().map(|betting| &betting.baseline)
    }

    /// Where the judgement stands. `step_elapsed` is how long the step has lasted, from which the time that is still
    /// needed is reckoned.
    pub fn evidence(&self, step_elapsed: Duration) -> LatencyEvidence {
        let betting = self.betting.as_ref();
        let log_safe_threshold = log_threshold(self.settings.missed_regression);
        let step = self.step.totals();
        let shown = |log: f64| log.clamp(-LARGEST_SHOWN, LARGEST_SHOWN);
        let arm = |arm| report::arm_latency(&self.totals, betting.map(|betting| &betting.baseline), arm);
        let shares = |index: fn(&Betting) -> usize| {
            betting.and_then(|betting| report::shares(&self.totals, &betting.baseline, index(betting)))
        };
        LatencyEvidence {
            unit: self.settings.unit,
            canary: arm(report::Arm::Canary),
            stable: arm(report::Arm::Stable),
            step_canary_requests: step.canary_requests,
            step_stable_requests: step.stable_requests,
            safe_edge: shares(|betting| betting.baseline.safe),
            loudest_edge: shares(|betting| betting.harm.loudest()),
            log_harm: shown(betting.map_or(0.0, |betting| betting.harm.log_evidence())),
            log_harm_threshold: log_threshold(self.settings.false_rollback),
            log_safe: shown(betting.map_or(0.0, |betting| betting.safe.log_evidence())),
            log_safe_threshold,
            inside_margin: self.step.is_inside(self.settings.margin.graduated(self.step_weight)),
            seconds_until_safe: betting
                .zip(Traffic::seen(step, step_elapsed))
                .and_then(|(betting, traffic)| planner::seconds_until(&betting.safe, log_safe_threshold, &traffic)),
        }
    }

    /// Evidence for harm alone, as [`evidence`](Self::evidence) has it: for many simulated looks.
    pub fn log_harm(&self) -> f64 {
        self.betting.as_ref().map_or(0.0, |betting| betting.harm.log_evidence())
    }

    /// All that a report shows: every edge, and quantiles of both arms with intervals.
    pub fn report(&self) -> LatencyReport {
        self.betting
            .as_ref()
            .map(|betting| report::report(&self.totals, &betting.baseline, &betting.harm))
            .unwrap_or_default()
    }

    /// Takes the edges and the first look as base. Its counts are not bet on, even where they could be told: the edges
    /// may have been chosen by them.
    fn begin(&mut self, baseline: LatencyBaseline, samples: &HistogramSamples) -> LatencyOutcome {
        let (_, _, notes) = self.series.look(samples, &baseline.tracked());
        self.betting = Some(Betting {
            tracked: baseline.tracked(),
            harm: EdgeMixture::new(&harm_designs(&self.settings, &baseline)),
            safe: RatioProcess::new(safe_design(&self.settings, &baseline, self.step_weight)),
            baseline,
        });
        LatencyOutcome::without_edges(LatencyReading::FirstSight, notes)
    }
}

impl LatencyOutcome {
    fn without_edges(reading: LatencyReading, notes: SeriesNotes) -> Self {
        Self { reading, notes, edges: Vec::new() }
    }
}

impl Betting {
    fn update(&mut self, pairs: &[Pair], step: &mut DifferenceSums) -> Vec<(f64, Counts)> {
        let offset = usize::from(self.baseline.below.is_some());
        let by_edge: Vec<Vec<Counts>> = (0..self.baseline.edges.len())
            .map(|edge| pairs.iter().map(|pair| counts(pair, offset + edge)).collect())
            .collect();
        self.harm.update(by_edge.iter().map(Vec::as_slice));
        for counts in &by_edge[self.baseline.safe] {
            self.safe.update(counts);
            step.update(counts);
        }
        let sum = |strata: &Vec<Counts>| {
            strata.iter().fold(Counts::default(), |mut sum, counts| {
                sum += *counts;
                sum
            })
        };
        self.baseline.edges.iter().zip(&by_edge).map(|(edge, strata)| (edge.edge, sum(strata))).collect()
    }
}

fn counts(pair: &Pair, edge: usize) -> Counts {
    Counts {
        canary_requests: pair.canary.requests,
        stable_requests: pair.stable.requests,
        canary_errors: pair.canary.above.get(edge).copied().unwrap_or(0.0),
        stable_errors: pair.stable.above.get(edge).copied().unwrap_or(0.0),
    }
}

fn harm_designs(settings: &LatencySettings, baseline: &LatencyBaseline) -> Vec<EdgeDesign> {
    baseline.edges.iter().map(|edge| harm_design(settings.dead_zone, edge.dispersion, baseline.guarded)).collect()
}

fn safe_design(settings: &LatencySettings, baseline: &LatencyBaseline, step: StepWeight) -> RatioDesign {
    let dispersion = baseline.safe_edge().map_or(1.0, |edge| edge.dispersion);
    RatioDesign::safe(settings.margin.graduated(step), dispersion)
}
