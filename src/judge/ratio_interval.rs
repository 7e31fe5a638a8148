//! A confidence sequence for the ratio of the two error rates, for reports: valid at every look, under any weights and
//! any drift that both arms share, as long as the ratio itself is constant.
//!
//! It keeps a likelihood on a grid of ratios (3 kB), so it is rebuilt from the counts of a run instead of being stored.

use super::combine::log_threshold;
use super::counts::Counts;
use super::interval::Interval;
use super::log_space::log_sum_exp;

/// Log ratios of the grid in hundredths: from, to, step. Fine around "equal", coarse outside.
const GRID: [(i32, i32, usize); 3] = [(-400, -105, 5), (-100, 100, 1), (105, 700, 5)];

/// A running confidence sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioSequence {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    // All three are logarithms.
    log_ratio: f64,
    prior: f64,
    likelihood: f64,
}

impl RatioSequence {
    /// A sequence that has seen nothing: every ratio is possible.
    pub fn new() -> Self {
        let log_ratios: Vec<f64> = GRID
            .iter()
            .flat_map(|&(from, to, step)| (from..=to).step_by(step))
            .map(|hundredths| f64::from(hundredths) / 100.0)
            .collect();
        let last = log_ratios.len() - 1;
        // A standard normal prior on the log ratio; each node stands for half the way to both neighbours.
        let width = |index: usize| match index {
            0 => log_ratios[1] - log_ratios[0],
            _ if index == last => log_ratios[last] - log_ratios[last - 1],
            _ => (log_ratios[index + 1] - log_ratios[index - 1]) / 2.0,
        };
        let unscaled: Vec<f64> = log_ratios
            .iter()
            .enumerate()
            .map(|(index, log_ratio)| width(index).ln() - log_ratio * log_ratio / 2.0)
            .collect();
        let scale = log_sum_exp(&unscaled);
        let nodes = log_ratios
            .iter()
            .zip(&unscaled)
            .map(|(&log_ratio, &weight)| Node { log_ratio, prior: weight - scale, likelihood: 0.0 })
            .collect();
        Self { nodes }
    }

    /// Takes the counts of one interval. An interval in which one arm had no requests changes nothing.
    pub fn update(&mut self, counts: &Counts) {
        let counts = counts.bounded();
        if !counts.is_informative() {
            return;
        }
        let canary_share = counts.canary_requests / (counts.canary_requests + counts.stable_requests);
        let errors = counts.canary_errors + counts.stable_errors;
        for node in &mut self.nodes {
            node.likelihood +=
                counts.canary_errors * node.log_ratio - errors * (canary_share * node.log_ratio.exp_m1()).ln_1p();
        }
    }

    /// `ln` of the e-value against "the rates are equal".
    pub fn log_evidence(&self) -> f64 {
        let weighted: Vec<f64> = self.nodes.iter().map(|node| node.likelihood + node.prior).collect();
        log_sum_exp(&weighted)
    }

    /// The log ratios that are still possible at `level`; an open end is infinite. The estimate is the likeliest node.
    pub fn log_interval(&self, level: f64) -> Interval {
        let cut = self.log_evidence() - log_threshold(level);
        let best = self
            .nodes
            .iter()
            .fold(self.nodes[0], |best, node| if node.likelihood > best.likelihood { *node } else { best });
        Interval {
            estimate: best.log_ratio,
            low: outer_bound(self.nodes.iter(), cut, f64::NEG_INFINITY),
            high: outer_bound(self.nodes.iter().rev(), cut, f64::INFINITY),
        }
    }

    /// The ratios that are still possible at `level`: 0 and infinity stand for open ends.
    pub fn interval(&self, level: f64) -> Interval {
        let Interval { estimate, low, high } = self.log_interval(level);
        Interval { estimate: estimate.exp(), low: low.exp(), high: high.exp() }
    }
}

impl Default for RatioSequence {
    fn default() -> Self {
        Self::new()
    }
}

/// The bound on the side from which `nodes` come: the likelihood is concave, so the line through the two outermost
/// nodes above the cut meets the cut outside of the true bound; the next node, being below the cut, is outside too.
fn outer_bound<'a>(mut nodes: impl Iterator<Item = &'a Node>, cut: f64, open: f64) -> f64 {
    let mut below = None;
    let Some(outermost) = nodes.by_ref().find(|node| {
        let included = node.likelihood > cut;
        if !included {
            below = Some(node.log_ratio);
        }
        included
    }) else {
        return open;
    };
    let Some(next_below) = below else {
        return open;
    };
    let Some(inner) = nodes.next().filter(|node| node.likelihood > outermost.likelihood) else {
        return next_below;
    };
    let slope = (outermost.log_ratio - inner.log_ratio) / (inner.likelihood - outermost.likelihood);
    let crossing = outermost.log_ratio + (outermost.likelihood - cut) * slope;
    if open > 0.0 { crossing.min(next_below) } else { crossing.max(next_below) }
}
