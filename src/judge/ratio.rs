//! The betting on error counts: one e-process for "is the canary worse than the dead zone allows?" and one for "has a
//! degradation of the margin been ruled out?".
//!
//! Exact for Poisson and Bernoulli errors under any traffic weight, any drift and any incident that hits both arms:
//! only the canary's *share* of the errors is bet on, and the stable rate cancels out. With `k` the canary's requests
//! per stable request, a bet that the true ratio is `r` while the null says `rho`, `delta` gains in one interval
//!
//! ```text
//! x_c ln(r/rho) - (x_c + x_b) ln(1 + k (r - rho)/(1 + k rho)) - delta n_c (r - rho)/(rho (1 + k r))
//! ```
//!
//! because `E[a^X] <= exp(E[X] (a - 1))` for a sum of independent Bernoulli or Poisson counts and any `a > 0`.
//! Bets of [`BET_LOG_SIZES`] are mixed, so that nobody needs to know the size of a regression beforehand; part of the
//! capital is held back as cash and paid out over time, so that a regression which starts late is found soon, too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::log_space::{log_add_exp, log_sum_exp};
use super::margin::Margin;
use super::state::{self, StateError, StateKind};

/// Distances of the bets from the null on the log scale: `0.05 * 2^(j/2)`. A spacing of `sqrt 2` costs less than 0.25
/// in log evidence against the best bet.
pub const BET_LOG_SIZES: [f64; BETS] = [
    0.05,
    0.070_710_678_118_654_75,
    0.1,
    0.141_421_356_237_309_5,
    0.2,
    0.282_842_712_474_619,
    0.4,
    0.565_685_424_949_238,
    0.8,
    1.131_370_849_898_476,
    1.6,
    2.262_741_699_796_952,
    3.2,
];
const BETS: usize = 13;
/// Beyond this dispersion the two largest bets are left out: heavy clusters of errors would ruin them by chance.
const DISPERSION_WITHOUT_LARGE_BETS: f64 = 1.5;
const BETS_WITHOUT_LARGE: usize = 11;
/// The hazard of a late start after `n` intervals is `1 / (2 (n + START_DELAY))`.
const START_DELAY: f64 = 10.0;
const STATE_NUMBERS: usize = BETS + 2;

/// Which claim the process bets against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Against "the canary is at most as bad as the boundary": evidence grows when it is worse.
    Harm,
    /// Against "the canary is at least as bad as the boundary": evidence grows when it is better.
    Safe,
}

/// What a process bets against, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioDesign {
    /// Which side of the boundary is the claim.
    pub direction: Direction,
    /// The boundary.
    pub margin: Margin,
    /// Variance of the counts relative to Poisson, at least 1: bets are tempered by it.
    pub dispersion: f64,
    /// Part of the capital that bets from the first interval on, in (0, 1]; the rest is cash for late starts.
    pub start_share: f64,
}

impl RatioDesign {
    /// A process that looks for harm: half of the capital waits for regressions that start late.
    pub fn harm(dead_zone: Margin, dispersion: f64) -> Self {
        Self { direction: Direction::Harm, margin: dead_zone, dispersion, start_share: 0.5 }
    }

    /// A process that shows safety. It begins anew at each step, so all capital bets at once.
    pub fn safe(margin: Margin, dispersion: f64) -> Self {
        Self { direction: Direction::Safe, margin, dispersion, start_share: 1.0 }
    }

    /// The same process where lower is worse: the boundary is unchanged, the claim is on its other side.
    #[must_use]
    pub fn reversed(self) -> Self {
        let direction = match self.direction {
            Direction::Harm => Direction::Safe,
            Direction::Safe => Direction::Harm,
        };
        Self { direction, ..self }
    }

    /// The bets of this design: `ln(r / rho)` of each.
    pub(super) fn bets(&self) -> impl Iterator<Item = f64> {
        let sign = match self.direction {
            Direction::Harm => 1.0,
            Direction::Safe => -1.0,
        };
        BET_LOG_SIZES[..self.bet_count()].iter().map(move |size| sign * size)
    }

    fn bet_count(&self) -> usize {
        if self.dispersion > DISPERSION_WITHOUT_LARGE_BETS { BETS_WITHOUT_LARGE } else { BETS }
    }
}

/// Where a process stands. As JSON one string, exact to the bit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RatioState {
    /// Log capital on each bet; negative infinity for bets that are left out.
    capital: [f64; BETS],
    /// Log capital held back for late starts; negative infinity when there is none.
    cash: f64,
    /// Intervals so far in which both arms had requests.
    informative: f64,
}

/// A running e-process. [`update`](Self::update) allocates nothing and can't fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioProcess {
    design: RatioDesign,
    state: RatioState,
}

impl RatioProcess {
    /// A process that has seen nothing: its evidence is 0 (an e-value of 1).
    pub fn new(design: RatioDesign) -> Self {
        let active = design.bet_count();
        let mut capital = [f64::NEG_INFINITY; BETS];
        capital[..active].fill((design.start_share / active as f64).ln());
        let cash = (1.0 - design.start_share).ln();
        Self { design, state: RatioState { capital, cash, informative: 0.0 } }
    }

    /// A process that goes on from a stored state.
    pub fn resume(design: RatioDesign, state: RatioState) -> Self {
        Self { design, state }
    }

    /// Takes the counts of one interval. An interval in which one arm had no requests changes nothing.
    pub fn update(&mut self, counts: &Counts) {
        let counts = counts.bounded();
        if !counts.is_informative() {
            return;
        }
        self.pay_out_cash();
        let Self { design, state } = self;
        let increment = Increment::new(design.margin, &counts);
        for (capital, bet) in state.capital.iter_mut().zip(design.bets()) {
            *capital += increment.of(bet) / design.dispersion;
        }
        state.informative += 1.0;
    }

    /// `ln` of the e-value. Under the null its exponential is a supermartingale from 1, so it ever reaches
    /// `ln(1/alpha)` with a probability of at most `alpha`.
    pub fn log_evidence(&self) -> f64 {
        log_add_exp(self.state.cash, log_sum_exp(&self.state.capital))
    }

    /// What this process bets against.
    pub fn design(&self) -> &RatioDesign {
        &self.design
    }

    /// Where it stands.
    pub fn state(&self) -> &RatioState {
        &self.state
    }

    /// Log capital on each bet of the design.
    pub(super) fn log_capital(&self) -> &[f64] {
        &self.state.capital[..self.design.bet_count()]
    }

    /// Cash that is bet later starts at its own value, so the total stays a supermartingale.
    fn pay_out_cash(&mut self) {
        let active = self.design.bet_count();
        let state = &mut self.state;
        if state.informative == 0.0 || state.cash == f64::NEG_INFINITY {
            return;
        }
        let hazard = 1.0 / (2.0 * (state.informative + START_DELAY));
        let paid = hazard.ln() + state.cash - (active as f64).ln();
        for capital in &mut state.capital[..active] {
            *capital = log_add_exp(*capital, paid);
        }
        state.cash += (-hazard).ln_1p();
    }
}

/// What an interval gains or costs a bet, written in shares of the traffic instead of `k`, which has no upper bound.
struct Increment {
    margin: Margin,
    canary_errors: f64,
    errors: f64,
    canary_requests: f64,
    canary_share: f64,
    stable_share: f64,
}

impl Increment {
    fn new(margin: Margin, counts: &Counts) -> Self {
        Self {
            margin,
            canary_errors: counts.canary_errors,
            errors: counts.canary_errors + counts.stable_errors,
            canary_requests: counts.canary_requests,
            canary_share: 1.0 / (1.0 + counts.stable_requests / counts.canary_requests),
            stable_share: 1.0 / (1.0 + counts.canary_requests / counts.stable_requests),
        }
    }

    /// The gain of the bet on `r = rho * exp(bet)`.
    fn of(&self, bet: f64) -> f64 {
        let Margin { ratio, absolute } = self.margin;
        let excess = ratio * bet.exp_m1();
        let under_null = self.stable_share + self.canary_share * ratio;
        let under_bet = under_null + self.canary_share * excess;
        self.canary_errors * bet
            - self.errors * (self.canary_share * excess / under_null).ln_1p()
            - absolute * self.canary_requests * self.stable_share * excess / (ratio * under_bet)
    }
}

/// The expected gain per interval of the bet, for rates in place of counts; used by the planner.
pub(super) fn expected_gain(margin: Margin, counts: &Counts, bet: f64) -> f64 {
    Increment::new(margin, counts).of(bet)
}

impl From<RatioState> for String {
    fn from(state: RatioState) -> Self {
        let mut numbers = [0.0; STATE_NUMBERS];
        numbers[..BETS].copy_from_slice(&state.capital);
        numbers[BETS] = state.cash;
        numbers[BETS + 1] = state.informative;
        state::encode(StateKind::Ratio, &numbers)
    }
}

impl TryFrom<String> for RatioState {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers: [f64; STATE_NUMBERS] = state::decode(StateKind::Ratio, &text)?;
        // Capital can be used up (negative infinity) but never be infinite, which would roll back at once.
        if let Some(position) = numbers.iter().position(|number| *number == f64::INFINITY) {
            return Err(state::impossible(position, numbers[position]));
        }
        let mut capital = [0.0; BETS];
        capital.copy_from_slice(&numbers[..BETS]);
        let informative = numbers[BETS + 1];
        if informative < 0.0 {
            return Err(state::impossible(BETS + 1, informative));
        }
        Ok(Self { capital, cash: numbers[BETS], informative })
    }
}
