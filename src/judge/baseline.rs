//! What the stable version's history says about its counts, learned once before a run and kept with it.

use std::f64::consts::SQRT_2;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::capped::cap_for;
use super::dispersion::{LEAST_TICKS, TickTotals, dispersion};
use super::margin::Margin;
use super::state::{self, StateError, StateKind};
use super::tick::PodCounts;

/// Events that a block of ticks should hold on average, so that its rate is told from chance.
const EVENTS_PER_BLOCK: f64 = 20.0;
/// A history is cut into at least so many blocks.
const LEAST_BLOCKS: usize = 16;
/// The cap fits a canary that has up to twice the ordinary events.
const ORDINARY: f64 = 2.0;
/// Ticks of so many seconds are not much shorter than a burst.
const COARSE: f64 = 9.9;
/// The dispersion that is assumed where nothing is known of the service yet.
pub(super) const UNKNOWN_DISPERSION: f64 = 2.0;
/// A history of so many seconds has shown what happens now and then.
const LONG_ENOUGH: f64 = 3_600.0;
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
    /// Ticks of history: at least 16, or 0 where the dispersion is known from elsewhere.
    pub ticks: u32,
    /// Variance of the counts relative to Poisson, from 1 to 50.
    pub dispersion_raw: f64,
    /// The block length in ticks that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u32>,
    /// How counts are capped; none where the history doesn't tell pods apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capping: Option<Capping>,
    /// How long the history is, in seconds; where nobody says, it is taken to be long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// How counts are capped per pod and tick. As JSON one string, exact to the bit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
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
#[derive(Clone, Copy, Debug, PartialEq)]
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
            seconds: None,
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
    /// A service whose dispersion is known from elsewhere and whose pods aren't told apart. `dispersion` is at least 1;
    /// counts of dispersion 1 are Poisson counts.
    pub fn of_dispersion(dispersion: f64) -> Self {
        Self { ticks: 0, dispersion_raw: dispersion, block: None, capping: None, seconds: None }
    }

    /// Whether the history is too short to have shown what goes wrong now and then. Of pods that fail once in 90 min for
    /// half a minute, four of which one is the canary, 65 % of the good releases were rolled back after a history of 40 s
    /// and 21 % after one of 30 min, when it was taken for the whole truth.
    ///
    /// One of fine ticks, as a young version has where Prometheus scrapes often, is believed all the same: a cap and a second
    /// opinion of so short a time withstand no burst of half a minute, and would only keep a bad release in front of users.
    pub fn is_short(&self) -> bool {
        let ticks = f64::from(self.ticks.max(1));
        self.seconds.is_some_and(|seconds| seconds < LONG_ENOUGH && seconds / ticks >= COARSE)
    }

    /// Variance of raw counts relative to Poisson, as evidence for harm takes it: a history that is too short leaves it as
    /// unknown as none does.
    pub fn raw_dispersion(&self) -> f64 {
        if self.is_short() { self.dispersion_raw.max(UNKNOWN_DISPERSION) } else { self.dispersion_raw }
    }

    /// The same of counts that are capped per pod; none where they can't be. The cap is no question of time: it takes most
    /// of a burst that nobody has seen yet. But of few ticks their dispersion is known roughly, so after a short history it
    /// is taken to be as high as chance allows (as many pairs of ticks as [`super::dispersion`] compares).
    pub fn capped_dispersion(&self) -> Option<f64> {
        let found = self.capping.as_ref()?.harm.dispersion;
        let pairs = f64::from(self.ticks.max(2)) / 2.0;
        Some(if self.is_short() { found * (1.0 + (2.0 / pairs).sqrt()) } else { found })
    }

    /// By how much evidence for harm comes later than of Poisson counts: by capped counts, where they can be.
    pub fn tempering(&self) -> f64 {
        self.capped_dispersion().unwrap_or(self.raw_dispersion())
    }

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

/// Two numbers of its own and four of each cap.
const STATE_NUMBERS: usize = 2 + 4 * (1 + WIDENINGS.len());

impl From<Capping> for String {
    fn from(capping: Capping) -> Self {
        let mut numbers = [0.0; STATE_NUMBERS];
        numbers[..2].copy_from_slice(&[capping.events, capping.requests]);
        let caps = std::iter::once(capping.harm).chain(capping.safe);
        for (numbers, Cap { fits, cap, kappa, dispersion }) in numbers[2..].chunks_exact_mut(4).zip(caps) {
            numbers.copy_from_slice(&[fits, cap, kappa, dispersion]);
        }
        state::encode(StateKind::Capping, &numbers)
    }
}

impl TryFrom<String> for Capping {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers: [f64; STATE_NUMBERS] = state::decode(StateKind::Capping, &text)?;
        if let Some(position) = numbers.iter().position(|number| !number.is_finite() || *number < 0.0) {
            return Err(state::impossible(position, numbers[position]));
        }
        let cap = |index: usize| {
            let at = 2 + 4 * index;
            Cap { fits: numbers[at], cap: numbers[at + 1], kappa: numbers[at + 2], dispersion: numbers[at + 3] }
        };
        Ok(Self {
            events: numbers[0],
            requests: numbers[1],
            harm: cap(0),
            safe: std::array::from_fn(|index| cap(index + 1)),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Four pods, each with a hundred requests and the given events a tick.
    fn history(ticks: u32, events: impl Fn(u32, u32) -> f64) -> CountHistory {
        let mut history = CountHistory::default();
        for tick in 0..ticks {
            let pod = |pod: u32| PodCounts {
                pod: format!("pod-{pod}"),
                stratum: String::new(),
                requests: 100.0,
                events: events(tick, pod),
            };
            history.push(&(0..4).map(pod).collect::<Vec<_>>());
        }
        history
    }

    fn one_in_two(tick: u32, pod: u32) -> f64 {
        f64::from((tick * 7 + pod * 3) % 5 % 2)
    }

    fn bursty(tick: u32, pod: u32) -> f64 {
        if tick % 100 < 3 && pod == tick / 100 % 4 { 40.0 } else { one_in_two(tick, pod) }
    }

    #[test]
    fn fewer_than_sixteen_ticks_tell_nothing() {
        assert_eq!(history(15, one_in_two).baseline(Margin::ERROR_RATE_LIMIT), None);
        assert!(history(16, one_in_two).baseline(Margin::ERROR_RATE_LIMIT).is_some());
    }

    #[test]
    fn a_cap_takes_the_bursts_out_of_the_dispersion() {
        let baseline = history(800, bursty).baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        let capping = baseline.capping.unwrap();
        assert!(baseline.dispersion_raw > 10.0 && capping.harm.dispersion < 3.0, "{baseline:?}");
        assert!((0.3..0.8).contains(&capping.harm.kappa), "{baseline:?}");
        assert!((0.3..0.5).contains(&capping.events), "bursts don't raise it: {baseline:?}");
    }

    #[test]
    fn a_wide_margin_of_an_early_step_has_a_cap_that_fits_a_canary_at_it() {
        let capping = history(800, bursty).baseline(Margin::ERROR_RATE_LIMIT).unwrap().capping.unwrap();
        let at = |widening: f64| capping.safe(widening).unwrap().fits;
        assert!(at(1.0) <= 2.0 * capping.events + 1e-12, "{capping:?}");
        let margin = Margin::ERROR_RATE_LIMIT.widened(4.0);
        assert!(at(3.9) >= margin.ratio * capping.events + margin.absolute * capping.requests - 1e-12, "{capping:?}");
        assert_eq!(capping.safe(12.0), None);
    }

    #[test]
    fn without_the_names_of_pods_nothing_is_capped() {
        let mut history = CountHistory::default();
        for _ in 0..20 {
            history.push(&[PodCounts { requests: 100.0, events: 1.0, ..PodCounts::default() }]);
        }
        let baseline = history.baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        assert_eq!(baseline, CountBaseline { ticks: 20, block: Some(1), ..CountBaseline::of_dispersion(1.0) });
    }

    #[test]
    fn the_routes_of_a_pod_are_one_pod() {
        let mut history = CountHistory::default();
        let entry = |stratum: &str| PodCounts { pod: "a".into(), stratum: stratum.into(), requests: 10.0, events: 1.0 };
        for _ in 0..16 {
            history.push(&[entry("/buy"), entry("/look")]);
        }
        let capping = history.baseline(Margin::ERROR_RATE_LIMIT).unwrap().capping.unwrap();
        assert_eq!((capping.requests.to_bits(), capping.events.to_bits()), (20f64.to_bits(), 2f64.to_bits()));
    }

    #[test]
    fn a_short_history_leaves_room_for_what_it_has_not_shown() {
        let calm = history(64, one_in_two).baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        let of = |seconds| CountBaseline { seconds: Some(seconds), ..calm };
        let found = calm.capping.unwrap().harm.dispersion;
        assert_eq!((calm.raw_dispersion(), calm.capped_dispersion()), (calm.dispersion_raw, Some(found)));
        assert_eq!(of(LONG_ENOUGH).capped_dispersion(), Some(found));
        assert_eq!(of(640.0).raw_dispersion().to_bits(), UNKNOWN_DISPERSION.to_bits());
        assert!((of(640.0).capped_dispersion().unwrap() / found - 1.25).abs() < 1e-12, "32 pairs of ticks");
        assert!(!of(512.0).is_short(), "ticks of eight seconds");
    }

    #[test]
    fn a_baseline_is_only_ever_raised() {
        let calm = history(800, one_in_two).baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        let wild = history(800, bursty).baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        assert_eq!(wild.raised(&calm), wild);
        let raised = calm.raised(&wild);
        assert_eq!(raised.dispersion_raw.to_bits(), wild.dispersion_raw.to_bits());
        assert_eq!(raised.capping.unwrap().harm.cap.to_bits(), calm.capping.unwrap().harm.cap.to_bits());
    }

    #[test]
    fn a_baseline_survives_json_to_the_bit() {
        let baseline = history(800, bursty).baseline(Margin::ERROR_RATE_LIMIT).unwrap();
        let text = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<CountBaseline>(&text).unwrap(), baseline);
    }
}
