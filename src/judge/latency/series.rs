//! From raw histograms to what came between two looks, series by series, at the edges that are tracked.
//!
//! The rules are those of counters: a histogram in which a count fell has been reset and counts from nothing; a new
//! series counts from nothing if what it belongs to started during the run, otherwise its first sight is the base; a
//! series that vanishes keeps its base. A series whose layout no longer knows the tracked edges, or whose buckets had to
//! be repaired by more than 1 %, is left out of the look.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::histogram::Histogram;
use crate::judge::keyed::{self, SeriesKey};
use crate::judge::state::{self, StateError, StateKind};

/// The most that may have been repaired, as a share of the requests.
const MOST_REPAIRED: f64 = 0.01;

/// The histogram of one series at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesHistogram {
    /// What tells the series from others over the whole run.
    pub series: String,
    /// What the arms are compared within, such as a route; empty where there are no strata.
    pub stratum: String,
    /// Its buckets, counted since the source started.
    pub histogram: Histogram,
    /// Whether the source started after the run did, so that its counts began at 0 within the run.
    pub started_in_run: bool,
    /// Whether the source is so young that its requests don't count yet (cold caches, just-in-time compilers). What it
    /// counts while this is set is never compared.
    pub warming_up: bool,
}

/// The histograms of one look. An arm is `None` when it could not be read whole: a query failed, gave a part, or no
/// series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramSamples {
    /// The canary's histograms.
    pub canary: Option<Vec<SeriesHistogram>>,
    /// The stable version's histograms.
    pub stable: Option<Vec<SeriesHistogram>>,
}

/// What was out of order in a look's histograms: numbers of series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesNotes {
    /// Left out: their buckets have other edges than before.
    pub changed_layout: u32,
    /// Left out: more than 1 % of their requests had to be moved to make cumulative counts rise.
    pub broken: u32,
    /// Counted after a repair of at most 1 %.
    pub repaired: u32,
    /// Counted without requests above the largest edge: the `+Inf` bucket is missing.
    pub open: u32,
    /// Left out: just started.
    pub warming_up: u32,
}

/// Requests of one stratum, and how many of them were above each tracked edge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Exceedances {
    pub(super) requests: f64,
    pub(super) above: Vec<f64>,
}

/// What one arm counted since the last look, by stratum.
pub(super) struct ArmGrowth {
    pub(super) strata: BTreeMap<String, Exceedances>,
    /// Whether any series had a base to count from.
    pub(super) counted: bool,
}

/// The histograms of one arm as last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub(super) struct ArmSeries {
    bases: BTreeMap<SeriesKey, Base>,
}

/// One histogram as last seen, at the tracked edges.
#[derive(Clone, Debug, PartialEq)]
struct Base {
    open: bool,
    seen: Exceedances,
}

impl SeriesNotes {
    /// What was out of order, as a sentence without a full stop; none when nothing was.
    pub fn explain(&self) -> Option<String> {
        let notes = [
            (self.changed_layout, "left out because their bucket edges changed"),
            (self.broken, "left out because cumulative counts fall from bucket to bucket"),
            (self.repaired, "repaired because cumulative counts fall from bucket to bucket"),
            (self.open, "without a +Inf bucket, so that their slowest requests are not seen"),
        ];
        let notes: Vec<String> = notes
            .iter()
            .filter(|(series, _)| *series > 0)
            .map(|(series, what)| format!("{series} series {what}"))
            .collect();
        (!notes.is_empty()).then(|| notes.join(", "))
    }
}

impl ArmSeries {
    /// The growth since the last look; none when there is no series at all.
    pub(super) fn take(
        &mut self,
        samples: &[SeriesHistogram],
        edges: &[f64],
        notes: &mut SeriesNotes,
    ) -> Option<ArmGrowth> {
        let mut growth = ArmGrowth { strata: BTreeMap::new(), counted: false };
        for (series, sample) in by_series(samples) {
            let Some(now) = Base::of(&sample.histogram, edges) else {
                notes.changed_layout += 1;
                self.bases.remove(&SeriesKey::of(series));
                continue;
            };
            if sample.histogram.repaired() > MOST_REPAIRED * now.seen.requests {
                notes.broken += 1;
                continue;
            }
            let known = self.bases.insert(SeriesKey::of(series), now.clone());
            if sample.warming_up {
                notes.warming_up += 1;
                growth.counted |= known.is_some();
                continue;
            }
            let base = match known {
                Some(known) if known.open != now.open || known.seen.above.len() != edges.len() => {
                    notes.changed_layout += 1;
                    continue;
                }
                Some(known) => known.seen,
                None if sample.started_in_run => Exceedances::none(edges.len()),
                None => continue,
            };
            growth.counted = true;
            let Some((came, repaired)) = now.seen.since(&base) else {
                notes.broken += 1;
                continue;
            };
            notes.repaired += u32::from(repaired || sample.histogram.repaired() > 0.0);
            notes.open += u32::from(now.open);
            growth.strata.entry(sample.stratum.clone()).or_insert_with(|| Exceedances::none(edges.len())).add(&came);
        }
        (!samples.is_empty()).then_some(growth)
    }
}

/// Sorted by name, so that sums are taken in the same order at each replay. Samples of the same name are added up.
fn by_series(samples: &[SeriesHistogram]) -> BTreeMap<&str, std::borrow::Cow<'_, SeriesHistogram>> {
    use std::borrow::Cow;
    let mut sorted: BTreeMap<&str, Cow<'_, SeriesHistogram>> = BTreeMap::new();
    for sample in samples {
        sorted
            .entry(&sample.series)
            .and_modify(|sum| {
                let sum = sum.to_mut();
                sum.histogram = sum.histogram.plus(&sample.histogram);
                sum.started_in_run &= sample.started_in_run;
                sum.warming_up |= sample.warming_up;
            })
            .or_insert(Cow::Borrowed(sample));
    }
    sorted
}

impl Base {
    fn of(histogram: &Histogram, edges: &[f64]) -> Option<Self> {
        let above = edges.iter().map(|edge| histogram.above(*edge)).collect::<Option<Vec<f64>>>()?;
        Some(Self { open: histogram.is_open(), seen: Exceedances { requests: histogram.count(), above } })
    }
}

impl Exceedances {
    pub(super) fn none(edges: usize) -> Self {
        Self { requests: 0.0, above: vec![0.0; edges] }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        if self.above.len() < other.above.len() {
            self.above.resize(other.above.len(), 0.0);
        }
        for (sum, more) in self.above.iter_mut().zip(&other.above) {
            *sum += more;
        }
    }

    /// The growth since `base`, and whether it had to be repaired; none when by more than 1 %. A scrape that catches the
    /// buckets at different moments makes requests fall into or out of a bucket afterwards.
    fn since(&self, base: &Self) -> Option<(Self, bool)> {
        let counts = || self.above.iter().zip(&base.above);
        let fell = counts().any(|(now, before)| self.requests - now < base.requests - before);
        if fell || self.requests < base.requests {
            return Some((self.clone(), false));
        }
        let requests = self.requests - base.requests;
        let mut most = requests;
        let mut repaired = 0f64;
        let above = counts()
            .map(|(now, before)| {
                let came = now - before;
                let possible = came.clamp(0.0, most);
                repaired = repaired.max((came - possible).abs());
                most = possible;
                possible
            })
            .collect();
        (repaired <= MOST_REPAIRED * requests).then_some((Self { requests, above }, repaired > 0.0))
    }
}

impl From<Exceedances> for String {
    fn from(counts: Exceedances) -> Self {
        let numbers: Vec<f64> = std::iter::once(counts.requests).chain(counts.above).collect();
        state::encode_counts(StateKind::Exceedances, &numbers)
    }
}

impl TryFrom<String> for Exceedances {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let numbers = state::decode_counts(StateKind::Exceedances, &text)?;
        let [requests, above @ ..] = numbers.as_slice() else {
            return Ok(Self::default());
        };
        Ok(Self { requests: *requests, above: above.to_vec() })
    }
}

/// Of each series: whether its histogram is open, its requests, and those above each tracked edge.
impl From<ArmSeries> for String {
    fn from(arm: ArmSeries) -> Self {
        let numbers = |base: Base| {
            let head = [f64::from(u8::from(base.open)), base.seen.requests];
            head.into_iter().chain(base.seen.above).map(Some).collect::<Vec<_>>()
        };
        keyed::encode(StateKind::Series, arm.bases.into_iter().map(|(key, base)| (key, numbers(base))))
    }
}

impl TryFrom<String> for ArmSeries {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let base = |(key, numbers): (SeriesKey, Vec<Option<f64>>)| {
            let numbers: Vec<f64> = numbers.into_iter().flatten().collect();
            let [open, requests, above @ ..] = numbers.as_slice() else {
                return Err(StateError::WrongLength { expected: 2, found: numbers.len() });
            };
            let seen = Exceedances { requests: *requests, above: above.to_vec() };
            Ok((key, Base { open: *open > 0.0, seen }))
        };
        let bases = keyed::decode(StateKind::Series, &text)?.into_iter().map(base);
        Ok(Self { bases: bases.collect::<Result<_, _>>()? })
    }
}
