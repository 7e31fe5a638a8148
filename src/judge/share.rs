//! Share betting: a second e-process for harm that trusts no count inside an interval.
//!
//! Where errors come in clusters (retries, a bad pod), the counts vary more than Poisson counts do, and [`super::ratio`]
//! would take a cluster for a regression. This process looks only at the canary's share `Y` of all errors of a block
//! of intervals, and bets linearly against `E[Y] <= theta`, where `theta` is the share that a canary on the boundary
//! would have. That holds whenever clusters as a whole are assigned to an arm, however large they are. The smaller of
//! the two processes' evidence is valid if either is; used when the dispersion is above [`GUARD_DISPERSION`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::log_space::log_sum_exp;
use super::state::{self, StateError, StateKind};

/// Above this dispersion the evidence of harm must be confirmed by share betting.
pub const GUARD_DISPERSION: f64 = 2.0;

/// Sizes of the linear bets, as parts of the largest one that can't lose everything.
pub const SHARE_BETS: [f64; BETS] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];
const BETS: usize = 6;
const STATE_NUMBERS: usize = BETS + 6;

/// Where a share-betting process stands. As JSON one string, exact to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ShareState {
    /// Log capital of each bet, the equal split aside.
    capital: [f64; BETS],
    /// Counts of the block under way.
    block: Counts,
    /// Informative intervals in the block under way.
    filled: f64,
    /// How long they lasted.
    seconds: f64,
}

/// A running share-betting process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareProcess {
    ratio: f64,
    block_length: u32,
    least_seconds: f64,
    state: ShareState,
}

impl ShareProcess {
    /// A process against "the canary's rate is at most `ratio` times the stable one", which settles its bets once in
    /// `block_length` informative intervals. Longer blocks withstand clusters that last several intervals.
    pub fn new(ratio: f64, block_length: u32) -> Self {
        Self::resume(ratio, block_length, ShareState::default())
    }

    /// A process that goes on from a stored state.
    pub fn resume(ratio: f64, block_length: u32, state: ShareState) -> Self {
        Self { ratio, block_length, least_seconds: 0.0, state }
    }

    /// The same with blocks that last at least so many seconds: where intervals may be short, a number of them does not
    /// say how long a cluster a block withstands.
    #[must_use]
    pub fn lasting(self, least_seconds: f64) -> Self {
        Self { least_seconds, ..self }
    }

    /// Takes the counts of one interval. An interval in which one arm had no requests changes nothing.
    pub fn update(&mut self, counts: &Counts) {
        self.update_over(counts, None);
    }

    /// Takes the counts of one interval of so many seconds; where nobody says, it is long enough for a block.
    pub fn update_over(&mut self, counts: &Counts, seconds: Option<f64>) {
        let counts = counts.bounded();
        if !counts.is_informative() {
            return;
        }
        self.state.block += counts;
        self.state.filled += 1.0;
        self.state.seconds += seconds.unwrap_or(self.least_seconds);
        if self.state.seconds >= self.least_seconds && self.state.filled >= f64::from(self.block_length) {
            self.settle();
        }
    }

    /// Takes the counts of one tick, split into strata. The share that a canary on the boundary would have is reckoned
    /// within each stratum, given how many errors it had, so a different mix of the arms biases nothing.
    pub fn update_strata(&mut self, strata: &[Counts], seconds: Option<f64>) {
        let informative = || strata.iter().copied().map(Counts::bounded).filter(Counts::is_informative);
        let mut totals = Counts::default();
        let (mut errors, mut expected) = (0.0, 0.0);
        for counts in informative() {
            totals += counts;
            let both = counts.canary_errors + counts.stable_errors;
            errors += both;
            expected += both / (1.0 + counts.stable_requests / (self.ratio * counts.canary_requests));
        }
        if errors > 0.0 && informative().nth(1).is_some() {
            // The same requests in all, split so that the share on the boundary is the expected one.
            let share = expected / errors;
            let requests = totals.canary_requests + totals.stable_requests;
            totals.canary_requests = requests * share / (share + self.ratio * (1.0 - share));
            totals.stable_requests = requests - totals.canary_requests;
        }
        self.update_over(&totals, seconds);
    }

    /// `ln` of the e-value: the mean over the bets.
    pub fn log_evidence(&self) -> f64 {
        log_sum_exp(&self.state.capital) - (BETS as f64).ln()
    }

    /// Where it stands.
    pub fn state(&self) -> &ShareState {
        &self.state
    }

    fn settle(&mut self) {
        let block = std::mem::take(&mut self.state.block);
        (self.state.filled, self.state.seconds) = (0.0, 0.0);
        let errors = block.canary_errors + block.stable_errors;
        if errors <= 0.0 {
            return;
        }
        let share = block.canary_errors / errors;
        let share_on_boundary = 1.0 / (1.0 + block.stable_requests / (self.ratio * block.canary_requests));
        // The surplus has no upper bound when the canary's part of the traffic is vanishingly small.
        let surplus = ((share - share_on_boundary) / share_on_boundary).min(f64::MAX);
        for (capital, bet) in self.state.capital.iter_mut().zip(SHARE_BETS) {
            *capital += (bet * surplus).ln_1p();
        }
    }
}

impl From<ShareState> for String {
    fn from(state: ShareState) -> Self {
        let ShareState { capital, block, filled, seconds } = state;
        let mut numbers = [0.0; STATE_NUMBERS];
        numbers[..BETS].copy_from_slice(&capital);
        numbers[BETS..].copy_from_slice(&[
            block.canary_requests,
            block.stable_requests,
            block.canary_errors,
            block.stable_errors,
            filled,
            seconds,
        ]);
        state::encode(StateKind::Share, &numbers)
    }
}

impl TryFrom<String> for ShareState {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers: [f64; STATE_NUMBERS] = state::decode(StateKind::Share, &text)?;
        if let Some(position) = numbers.iter().position(|number| *number == f64::INFINITY) {
            return Err(state::impossible(position, numbers[position]));
        }
        let [c0, c1, c2, c3, c4, c5, canary_requests, stable_requests, canary_errors, stable_errors, filled, seconds] =
            numbers;
        Ok(Self {
            capital: [c0, c1, c2, c3, c4, c5],
            block: Counts { canary_requests, stable_requests, canary_errors, stable_errors },
            filled,
            seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_lasts_takes_no_burst_of_many_short_intervals_apart() {
        let quiet = Counts { canary_requests: 10.0, stable_requests: 90.0, canary_errors: 0.0, stable_errors: 1.0 };
        let burst = Counts { canary_errors: 6.0, ..quiet };
        let after = |least_seconds: f64| {
            let mut process = ShareProcess::new(1.0, 2).lasting(least_seconds);
            for interval in 0..20 {
                process.update_over(if interval < 12 { &burst } else { &quiet }, Some(2.0));
            }
            process.log_evidence()
        };
        assert!(after(0.0) > 3.0, "each pair of intervals was a bet of its own: {}", after(0.0));
        assert!(after(40.0) < 1.5, "{}", after(40.0));
    }
}
