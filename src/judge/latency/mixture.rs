//! The betting on all edges at once: evidence of harm is the mean over them.

use crate::judge::counts::Counts;
use crate::judge::log_space::log_sum_exp;
use crate::judge::margin::Margin;
use crate::judge::ratio::{RatioDesign, RatioProcess, RatioState};
use crate::judge::share::{ShareProcess, ShareState};

/// Looks per block of the guard. Slow requests are many, so a block of one look says enough; longer blocks keep out no
/// more spells of slow pods, and find a slowdown later in proportion.
const GUARD_BLOCK: u32 = 1;

/// How one edge is bet on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeDesign {
    /// The betting on counts.
    pub ratio: RatioDesign,
    /// Whether share betting must confirm it.
    pub guarded: bool,
}

/// Evidence of harm at several edges.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeMixture {
    edges: Vec<EdgeProcess>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct EdgeProcess {
    ratio: RatioProcess,
    guard: Option<ShareProcess>,
}

impl EdgeMixture {
    /// Processes that have seen nothing.
    pub fn new(designs: &[EdgeDesign]) -> Self {
        Self::resume(designs, &[], &[])
    }

    /// Processes that go on from stored states; where one is missing the edge begins anew.
    pub(super) fn resume(designs: &[EdgeDesign], ratios: &[RatioState], guards: &[Option<ShareState>]) -> Self {
        let edges = designs.iter().enumerate().map(|(index, design)| EdgeProcess {
            ratio: ratios
                .get(index)
                .map_or_else(|| RatioProcess::new(design.ratio), |state| RatioProcess::resume(design.ratio, *state)),
            guard: design.guarded.then(|| {
                let state = guards.get(index).copied().flatten().unwrap_or_default();
                ShareProcess::resume(design.ratio.margin.ratio, GUARD_BLOCK, state)
            }),
        });
        Self { edges: edges.collect() }
    }

    /// Takes one look: for each edge the counts of its strata, with the requests above the edge as errors.
    pub fn update<'a>(&mut self, edges: impl Iterator<Item = &'a [Counts]>) {
        for (process, strata) in self.edges.iter_mut().zip(edges) {
            for counts in strata {
                process.ratio.update(counts);
            }
            if let Some(guard) = &mut process.guard {
                guard.update(&pooled(strata, process.ratio.design().margin));
            }
        }
    }

    /// `ln` of the mean of the e-values.
    pub fn log_evidence(&self) -> f64 {
        let edges: Vec<f64> = self.by_edge().collect();
        log_sum_exp(&edges) - (edges.len() as f64).ln()
    }

    /// `ln` of each edge's e-value: where the edge is guarded, the smaller of two opinions.
    pub fn by_edge(&self) -> impl Iterator<Item = f64> {
        self.edges.iter().map(|edge| {
            let bets = edge.ratio.log_evidence();
            edge.guard.map_or(bets, |guard| bets.min(guard.log_evidence()))
        })
    }

    /// Index of the edge with the most evidence.
    pub(super) fn loudest(&self) -> usize {
        let loudest = self.by_edge().enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        loudest.map_or(0, |(index, _)| index)
    }

    pub(super) fn ratio_states(&self) -> Vec<RatioState> {
        self.edges.iter().map(|edge| *edge.ratio.state()).collect()
    }

    pub(super) fn guard_states(&self) -> Vec<Option<ShareState>> {
        self.edges.iter().map(|edge| edge.guard.map(|guard| *guard.state())).collect()
    }
}

/// Strata as one pair of counts for share betting. The expected share of the canary differs between strata, so plain
/// sums would mislead: requests are chosen such that the expected share of the sum is the mean over the strata,
/// weighted with their slow requests.
fn pooled(strata: &[Counts], margin: Margin) -> Counts {
    let mut informative = strata.iter().filter(|counts| counts.is_informative());
    if let (Some(only), None) = (informative.next(), informative.next()) {
        return *only;
    }
    let mut pooled = Counts::default();
    for counts in strata.iter().filter(|counts| counts.is_informative()) {
        let events = counts.canary_errors + counts.stable_errors;
        let share = 1.0 / (1.0 + counts.stable_requests / (margin.ratio * counts.canary_requests));
        pooled += Counts {
            canary_requests: events * share / margin.ratio,
            stable_requests: events * (1.0 - share),
            canary_errors: counts.canary_errors,
            stable_errors: counts.stable_errors,
        };
    }
    pooled
}

/// The betting against harm at one edge.
pub(super) fn harm_design(dead_zone: Margin, dispersion: f64, guarded: bool) -> EdgeDesign {
    EdgeDesign { ratio: RatioDesign::harm(dead_zone, dispersion), guarded }
}
