//! Evidence that the canary is worse, from raw counts and from counts capped per pod, each confirmed by share betting
//! where a service's counts are known to vary more than Poisson counts do.
//!
//! The mean of two e-values is one, so half of the capital is bet on each. Capped counts find what is wrong with all of
//! the canary's pods soon, however bursty the service is; raw counts find what only raises the size of the bursts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::{CountBaseline, UNKNOWN_DISPERSION};
use super::counts::Counts;
use super::log_space::log_add_exp;
use super::margin::Margin;
use super::ratio::{RatioDesign, RatioProcess, RatioState};
use super::share::{GUARD_DISPERSION, ShareProcess, ShareState};

/// A block of the guard on raw counts: bursts that last several ticks fall into one. With looks every 2 s instead of 10 s
/// blocks of six looks alone took bursts of 30 s apart: 4 to 5 % of the good releases were rolled back at 1 %.
const RAW_BLOCK: Block = Block { ticks: 6, seconds: 45.0 };
/// The same on capped counts, of which a burst takes little.
const CAPPED_BLOCK: Block = Block { ticks: 2, seconds: 15.0 };
/// The same where nothing is known of the service yet: the shortest that withstands clusters (measured with looks every
/// second and every 10 s: clusters of 3 and 10 and negative binomial noise roll back at most 0.4 % at 1 %), and still
/// finds 20 % errors against none, or against 0.5 %, in 6 to 8 looks. Against bursts that last many looks only a history
/// helps: at one look a second, bursts of 30 s roll back 14 %.
const UNKNOWN_BLOCK: Block = Block { ticks: 2, seconds: 0.0 };

/// After how much share betting settles its bets: so many ticks, and so many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    ticks: u32,
    seconds: f64,
}

/// How one of the two processes bets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bets {
    dispersion: f64,
    /// The second opinion, where one is needed.
    guard: Option<Block>,
}

/// A running pair of processes for harm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HarmProcess {
    raw: Guarded,
    capped: Option<Guarded>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HarmState {
    raw: GuardedState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capped: Option<GuardedState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GuardedState {
    ratio: RatioState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guard: Option<ShareState>,
}

/// A process, and a second opinion where one is needed. The smaller of two opinions is valid if either is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Guarded {
    ratio: RatioProcess,
    guard: Option<ShareProcess>,
}

/// What is bet against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HarmDesign {
    /// The dead zone, mirrored where lower is worse.
    pub(super) dead_zone: Margin,
    /// Whether a lower rate is the worse one.
    pub(super) lower_is_worse: bool,
}

impl HarmDesign {
    pub(super) fn ratio(&self, dispersion: f64) -> RatioDesign {
        let design = RatioDesign::harm(self.dead_zone, dispersion);
        if self.lower_is_worse { design.reversed() } else { design }
    }

    /// Share betting knows only "the first has too large a share": where lower is worse, the stable version is first.
    fn share_ratio(&self) -> f64 {
        if self.lower_is_worse { 1.0 / self.dead_zone.ratio } else { self.dead_zone.ratio }
    }
}

impl HarmProcess {
    pub(super) fn new(design: HarmDesign, baseline: Option<&CountBaseline>) -> Self {
        Self {
            raw: Guarded::new(design, &raw_bets(baseline)),
            capped: capped_bets(baseline).map(|bets| Guarded::new(design, &bets)),
        }
    }

    pub(super) fn resume(design: HarmDesign, baseline: Option<&CountBaseline>, state: &HarmState) -> Self {
        let capped = capped_bets(baseline).map(|bets| match &state.capped {
            Some(state) => Guarded::resume(design, &bets, state),
            None => Guarded::new(design, &bets),
        });
        Self { raw: Guarded::resume(design, &raw_bets(baseline), &state.raw), capped }
    }

    pub(super) fn state(&self) -> HarmState {
        HarmState { raw: self.raw.state(), capped: self.capped.map(|capped| capped.state()) }
    }

    /// Takes one tick's raw counts, stratum by stratum.
    pub(super) fn update(&mut self, design: HarmDesign, strata: &[Counts], seconds: Option<f64>) {
        self.raw.update(design, strata, seconds);
    }

    /// Takes one tick's capped counts, stratum by stratum.
    pub(super) fn update_capped(&mut self, design: HarmDesign, strata: &[Counts], seconds: Option<f64>) {
        if let Some(capped) = &mut self.capped {
            capped.update(design, strata, seconds);
        }
    }

    pub(super) fn log_evidence(&self) -> f64 {
        let raw = self.raw.log_evidence();
        self.capped.map_or(raw, |capped| log_add_exp(raw, capped.log_evidence()) - std::f64::consts::LN_2)
    }

    /// The process on raw counts, from which times are foretold.
    pub(super) fn raw(&self) -> &RatioProcess {
        &self.raw.ratio
    }
}

impl Guarded {
    fn new(design: HarmDesign, bets: &Bets) -> Self {
        let guard = |block: Block| Bets::share_betting(design, block, ShareState::default());
        Self { ratio: RatioProcess::new(design.ratio(bets.dispersion)), guard: bets.guard.map(guard) }
    }

    fn resume(design: HarmDesign, bets: &Bets, state: &GuardedState) -> Self {
        let guard = |block: Block| Bets::share_betting(design, block, state.guard.unwrap_or_default());
        Self { ratio: RatioProcess::resume(design.ratio(bets.dispersion), state.ratio), guard: bets.guard.map(guard) }
    }

    fn state(&self) -> GuardedState {
        GuardedState { ratio: *self.ratio.state(), guard: self.guard.map(|guard| *guard.state()) }
    }

    fn update(&mut self, design: HarmDesign, strata: &[Counts], seconds: Option<f64>) {
        for counts in strata {
            self.ratio.update(counts);
        }
        if let Some(guard) = &mut self.guard {
            if design.lower_is_worse {
                let swapped: Vec<Counts> = strata.iter().map(|counts| counts.swapped()).collect();
                guard.update_strata(&swapped, seconds);
            } else {
                guard.update_strata(strata, seconds);
            }
        }
    }

    fn log_evidence(&self) -> f64 {
        let log_evidence = self.ratio.log_evidence();
        self.guard.map_or(log_evidence, |guard| log_evidence.min(guard.log_evidence()))
    }
}

impl Bets {
    fn share_betting(design: HarmDesign, block: Block, state: ShareState) -> ShareProcess {
        ShareProcess::resume(design.share_ratio(), block.ticks, state).lasting(block.seconds)
    }
}

fn raw_bets(baseline: Option<&CountBaseline>) -> Bets {
    let Some(baseline) = baseline else {
        return Bets { dispersion: UNKNOWN_DISPERSION, guard: Some(UNKNOWN_BLOCK) };
    };
    let varies = baseline.dispersion_raw > GUARD_DISPERSION;
    let unknown = baseline.is_short().then_some(UNKNOWN_BLOCK);
    Bets { dispersion: baseline.raw_dispersion(), guard: if varies { Some(RAW_BLOCK) } else { unknown } }
}

fn capped_bets(baseline: Option<&CountBaseline>) -> Option<Bets> {
    let baseline = baseline?;
    let guard = (baseline.dispersion_raw > GUARD_DISPERSION).then_some(CAPPED_BLOCK);
    Some(Bets { dispersion: baseline.capped_dispersion()?, guard })
}
