//! What the stable version's history says about its counts, learned once before a run and kept with it.

use std::f64::consts::SQRT_2;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::capped::cap_for;
use super::dispersion::{LEAST_TICKS, TickTotals, dispersion};
use super::margin::Margin;
use super::tick::PodCounts;

/// Events that a block of ticks should hold on average, so that its rate is told from chance.
const EVENTS_PER_BLOCK: f64 = 20.0;
/// A history is cut into at least so many blocks.
const LEAST_BLOCKS: usize = 16;
/// The cap fits a canary that has up to twice the ordinary events.
const ORDINARY: f64 = 2.0;
/// How much wider than the last step's a margin may be (see [`Margin::graduated`]), in steps of the square root of 2.
const WIDENINGS: [f64; 8] = [1.0, SQRT_2, 2.0, 2.0 * SQRT_2, 4.0, 4.0 * SQRT_2, 8.0, 8.0 * SQRT_2];

/// The stable version's ticks before a run, oldest first, each with the counts of its pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountHistory {
    ticks: Vec<Vec<PodCounts>>,
}

/// What is known of a service's counts before a run. Chosen once, so that evidence can't depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountBaseline {
    /// Ticks of history, at least 16.
    pub ticks: u32,
    /// Variance of the counts relative to Poisson, from 1 to 50.
    pub dispersion_raw: f64,
    /// The block length in ticks that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u32>,
    /// How counts are capped; none where the history doesn't tell pods apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capping: Option<Capping>,
}

/// How counts are capped per pod and tick.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capping {
    /// Ordinary events per pod and tick: a median, so that bursts don't raise it.
    pub events: f64,
    /// Mean requests per pod and tick.
    pub requests: f64,
    /// For evidence of harm: fits twice the ordinary events.
    pub harm: Cap,
    /// For evidence of safety, by how much the step's margin is wider than the last one's: fits a canary at the margin,
    /// which would be taken for safe if the cap cut off what makes it unsafe.
    pub safe: [Cap; WIDENINGS.len()],
}

/// One cap, and what it does to the history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cap {
    /// The mean count per pod and tick that it fits.
    pub fits: f64,
    /// What a pod counts at most in a tick of the history's length and traffic.
    pub cap: f64,
    /// What is left of all events of the history, as a share.
    pub kappa: f64,
    /// Variance of the capped counts relative to Poisson, from 1 to 50.
    pub dispersion: f64,
}

impl CountHistory {
    /// Adds a tick: the counts of the stable version's pods in it.
    pub fn push(&mut self, pods: &[PodCounts]) {
        let mut merged = pods.to_vec();
        // Strata are pooled: a burst of one pod hits all of them.
        merged.sort_by(|a, b| a.pod.cmp(&b.pod));
        merged.dedup_by(|next, kept| {
            let same = next.pod == kept.pod;
            if same {
                kept.requests += next.requests;
                kept.events += next.events;
            }
            same
        });
        self.ticks.push(merged);
    }

    /// Ticks so far.
    pub fn len(&self) -> usize {
        self.ticks.len()
    }

    /// Whether there is no tick yet.
    pub fn is_empty(&self) -> bool {
        self.ticks.is_empty()
    }

    /// What the history says, for a metric whose last step must rule out `margin`; none with fewer than 16 ticks.
    pub fn baseline(&self, margin: Margin) -> Option<CountBaseline> {
        if self.ticks.len() < LEAST_TICKS {
            return None;
        }
        let raw = dispersion(&self.totals(f64::INFINITY));
        Some(CountBaseline {
            ticks: u32::try_from(self.ticks.len()).unwrap_or(u32::MAX),
            dispersion_raw: raw.factor,
            block: raw.block,
            capping: self.capping(margin),
        })
    }

    fn capping(&self, margin: Margin) -> Option<Capping> {
        let pods: usize = self.ticks.iter().map(Vec::len).sum();
        let known = self.ticks.iter().flatten().all(|pod| !pod.pod.is_empty());
        if pods == 0 || !known {
            return None;
        }
        let requests = self.ticks.iter().flatten().map(|pod| pod.requests).sum::<f64>() / pods as f64;
        let events = self.ordinary_events();
        let harm = self.cap(ORDINARY * events);
        let safe = WIDENINGS.map(|widening| {
            let margin = margin.widened(widening);
            let at_margin = margin.ratio * events + margin.absolute * requests;
            if at_margin <= harm.fits { harm } else { self.cap(at_margin) }
        });
        Some(Capping { events, requests, harm, safe })
    }

    fn cap(&self, fits: f64) -> Cap {
        let cap = cap_for(fits);
        let capped = self.totals(cap);
        let sum = |ticks: &[TickTotals]| ticks.iter().map(|tick| tick.events).sum::<f64>();
        let (left, all) = (sum(&capped), sum(&self.totals(f64::INFINITY)));
        let kappa = if all > 0.0 { left / all } else { 1.0 };
        Cap { fits, cap, kappa, dispersion: dispersion(&capped).factor }
    }

    fn totals(&self, cap: f64) -> Vec<TickTotals> {
        self.ticks
            .iter()
            .map(|pods| {
                pods.iter().fold(TickTotals::default(), |sum, pod| TickTotals {
                    requests: sum.requests + pod.requests,
                    events: sum.events + pod.events.min(cap),
                })
            })
            .collect()
    }

    /// The median over blocks of ticks of the events per pod and tick.
    fn ordinary_events(&self) -> f64 {
        let totals = self.totals(f64::INFINITY);
        let per_tick = totals.iter().map(|tick| tick.events).sum::<f64>() / totals.len() as f64;
        let longest = totals.len() / LEAST_BLOCKS;
        // The shortest that holds enough.
        let block = (1..longest).find(|block| *block as f64 * per_tick >= EVENTS_PER_BLOCK).unwrap_or(longest).max(1);
        let mut rates: Vec<f64> = self
            .ticks
            .chunks_exact(block)
            .filter_map(|ticks| {
                let pods: usize = ticks.iter().map(Vec::len).sum();
                let events: f64 = ticks.iter().flatten().map(|pod| pod.events).sum();
                (pods > 0).then(|| events / pods as f64)
            })
            .collect();
        median(&mut rates)
    }
}

impl CountBaseline {
    /// This baseline with a newer one's dispersions where they are higher. Never lower: what was once seen to happen
    /// may happen again during the run.
    #[must_use]
    pub fn raised(mut self, newer: &Self) -> Self {
        if newer.dispersion_raw > self.dispersion_raw {
            self.dispersion_raw = newer.dispersion_raw;
            self.block = newer.block;
        }
        if let (Some(capping), Some(newer)) = (&mut self.capping, &newer.capping) {
            let raise = |cap: &mut Cap, newer: &Cap| cap.dispersion = cap.dispersion.max(newer.dispersion);
            raise(&mut capping.harm, &newer.harm);
            for (cap, newer) in capping.safe.iter_mut().zip(&newer.safe) {
                raise(cap, newer);
            }
        }
        self
    }
}

impl Capping {
    /// The cap for evidence of safety at a margin that is `widening` times as wide as the last step's; none when no cap
    /// fits a margin so wide.
    pub fn safe(&self, widening: f64) -> Option<&Cap> {
        // A rounding error must not skip a level.
        WIDENINGS.iter().position(|level| widening <= level * (1.0 + 1e-9)).map(|index| &self.safe[index])
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values {
        [] => 0.0,
        _ if values.len() % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
