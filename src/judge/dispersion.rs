//! How much more than Poisson counts a service's errors vary, learned from its own history before a rollout.
//!
//! Errors that come in clusters (retries, a bad pod, a burst) make every test that trusts Poisson counts reject too
//! often: a stream of clusters of three is rolled back always. The variance relative to Poisson is found by comparing
//! neighbouring blocks of ticks, so that bursts count and slow drift doesn't.

/// Lengths of the blocks in ticks. The largest value over them counts: bursts that last some ticks only show in blocks
/// of about their length.
const BLOCKS: [u32; 5] = [1, 3, 6, 12, 24];
/// Pairs of blocks below which a length says nothing.
const LEAST_PAIRS: usize = 8;
/// Ticks of history below which nothing is learned.
pub const LEAST_TICKS: usize = 16;
/// What is believed at most. Beyond it there is no evidence to be had.
const LARGEST: f64 = 50.0;

/// Requests and events of one arm in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TickTotals {
    /// Requests.
    pub requests: f64,
    /// Errors, or whatever is counted among the requests.
    pub events: f64,
}

/// The variance of counts relative to Poisson.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    /// The factor, from 1 to 50.
    pub factor: f64,
    /// The length of the blocks that showed it, in ticks; none where there was too little history for any length.
    pub block: Option<u32>,
}

/// What blocks of one length showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockDispersion {
    /// Length of the blocks in ticks.
    pub block: u32,
    /// Pairs of neighbouring blocks.
    pub pairs: usize,
    /// Variance relative to Poisson, less what chance alone adds to the largest of several estimates.
    pub factor: f64,
}

/// The dispersion of a history of one arm, ticks in order: the largest over block lengths, at least 1 and at most 50.
pub fn dispersion(ticks: &[TickTotals]) -> Dispersion {
    let largest = dispersion_by_block(ticks).max_by(|a, b| a.factor.total_cmp(&b.factor));
    Dispersion {
        factor: largest.map_or(1.0, |largest| largest.factor.clamp(1.0, LARGEST)),
        block: largest.map(|largest| largest.block),
    }
}

/// What each block length shows that has at least eight pairs of blocks.
pub fn dispersion_by_block(ticks: &[TickTotals]) -> impl Iterator<Item = BlockDispersion> {
    BLOCKS.into_iter().filter_map(|block| {
        let pairs = ticks.len() / (2 * block as usize);
        (pairs >= LEAST_PAIRS).then(|| BlockDispersion { block, pairs, factor: factor(ticks, block as usize, pairs) })
    })
}

/// Pearson's statistic of the first block's part of each pair's events, over its expectation.
fn factor(ticks: &[TickTotals], block: usize, pairs: usize) -> f64 {
    let (mut found, mut expected) = (0.0, 0.0);
    for pair in ticks.chunks_exact(2 * block) {
        let (first, second) = pair.split_at(block);
        let (first, second) = (sum(first), sum(second));
        let requests = first.requests + second.requests;
        if requests <= 0.0 {
            continue;
        }
        let share = first.requests / requests;
        let events = first.events + second.events;
        let surplus = first.events - events * share;
        found += surplus * surplus;
        expected += events * share * (1.0 - share);
    }
    if expected <= 0.0 {
        return 0.0;
    }
    found / expected / (1.0 + (2.0 / pairs as f64).sqrt())
}

fn sum(ticks: &[TickTotals]) -> TickTotals {
    ticks.iter().fold(TickTotals::default(), |sum, tick| TickTotals {
        requests: sum.requests + tick.requests,
        events: sum.events + tick.events,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(events: impl IntoIterator<Item = f64>) -> Vec<TickTotals> {
        events.into_iter().map(|events| TickTotals { requests: 1000.0, events }).collect()
    }

    #[test]
    fn without_events_or_with_little_history_nothing_is_overdispersed() {
        assert_eq!(dispersion(&ticks([0.0; 100])).factor.to_bits(), 1f64.to_bits());
        let short = dispersion(&ticks([0.0, 50.0, 0.0, 50.0]));
        assert_eq!(short, Dispersion { factor: 1.0, block: None });
    }

    #[test]
    fn a_burst_of_three_ticks_is_found_in_blocks_of_its_length() {
        let bursts = (0..240).map(|tick| if tick % 60 < 3 { 60.0 } else { 3.0 });
        let found = dispersion(&ticks(bursts));
        assert!(found.factor > 20.0 && found.block > Some(1), "{found:?}");
    }

    #[test]
    fn slow_drift_is_no_dispersion() {
        let drift = (0..240).map(|tick| 3.0 + f64::from(tick) / 10.0);
        assert!(dispersion(&ticks(drift)).factor < 1.5);
    }
}
