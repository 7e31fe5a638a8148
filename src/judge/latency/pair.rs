//! The two arms of a look, paired: while one arm can't be read, the other's counts are held and merged into the next
//! look that has both, so that the arms are only ever compared over the same time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::series::{ArmGrowth, ArmSeries, Exceedances, HistogramSamples, SeriesNotes};

/// What a look at a latency came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyReading {
    /// Both arms had requests, and they were compared.
    Counted,
    /// Both arms were read, and the canary had no requests.
    NoCanaryTraffic,
    /// Both arms were read, and only the stable version had no requests.
    NoStableTraffic,
    /// The canary could not be read; the stable version's counts are held.
    CanaryMissing,
    /// The stable version could not be read; the canary's counts are held.
    StableMissing,
    /// Neither arm could be read.
    BothMissing,
    /// Histograms were seen for the first time, or edges were chosen: differences begin with the next look.
    FirstSight,
    /// The stable version has too few requests yet to choose edges by them.
    TooFewRequests,
    /// The histograms of the two arms have no edge in common.
    NoCommonEdge,
}

/// Both arms' counts of one stratum over the same time.
pub(super) struct Pair {
    pub(super) canary: Exceedances,
    pub(super) stable: Exceedances,
}

/// The histograms as last seen, and the counts that wait for the other arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PairState {
    canary: ArmSeries,
    stable: ArmSeries,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    held_canary: BTreeMap<String, Exceedances>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    held_stable: BTreeMap<String, Exceedances>,
    /// Whether both arms have been counted together: before that there is no common time to hold counts for.
    paired: bool,
}

impl LatencyReading {
    /// Why nothing was compared, as the end of a sentence; none when something was.
    pub fn lack(self) -> Option<&'static str> {
        Some(match self {
            Self::Counted => return None,
            Self::NoCanaryTraffic => "the canary had no requests",
            Self::NoStableTraffic => "the stable version had no requests",
            Self::CanaryMissing => "the canary's histograms can't be read",
            Self::StableMissing => "the stable version's histograms can't be read",
            Self::BothMissing => "no histogram can be read",
            Self::FirstSight => "the histograms were seen for the first time",
            Self::TooFewRequests => "the stable version has had too few requests to choose bucket edges by",
            Self::NoCommonEdge => "the histograms of canary and stable version have no bucket edge in common",
        })
    }
}

impl PairState {
    /// Takes the histograms of one look at the tracked edges. Pairs are given only with [`LatencyReading::Counted`].
    pub(super) fn look(
        &mut self,
        samples: &HistogramSamples,
        edges: &[f64],
    ) -> (LatencyReading, Vec<Pair>, SeriesNotes) {
        let mut notes = SeriesNotes::default();
        let canary = samples.canary.as_ref().and_then(|arm| self.canary.take(arm, edges, &mut notes));
        let stable = samples.stable.as_ref().and_then(|arm| self.stable.take(arm, edges, &mut notes));
        let (reading, pairs) = self.pair(canary, stable, edges.len());
        (reading, pairs, notes)
    }

    fn pair(
        &mut self,
        canary: Option<ArmGrowth>,
        stable: Option<ArmGrowth>,
        edges: usize,
    ) -> (LatencyReading, Vec<Pair>) {
        let (canary, stable) = match (canary, stable) {
            (Some(canary), Some(stable)) => (canary, stable),
            (canary, stable) => {
                let reading = match (&canary, &stable) {
                    (Some(_), _) => LatencyReading::StableMissing,
                    (_, Some(_)) => LatencyReading::CanaryMissing,
                    _ => LatencyReading::BothMissing,
                };
                if self.paired {
                    hold(&mut self.held_canary, canary);
                    hold(&mut self.held_stable, stable);
                }
                return (reading, Vec::new());
            }
        };
        let mut canary_strata = std::mem::take(&mut self.held_canary);
        let mut stable_strata = std::mem::take(&mut self.held_stable);
        if !(canary.counted && stable.counted) {
            return (LatencyReading::FirstSight, Vec::new());
        }
        hold(&mut canary_strata, Some(canary));
        hold(&mut stable_strata, Some(stable));
        let requests =
            |strata: &BTreeMap<String, Exceedances>| strata.values().map(|counts| counts.requests).sum::<f64>();
        if requests(&canary_strata) <= 0.0 {
            return (LatencyReading::NoCanaryTraffic, Vec::new());
        }
        if requests(&stable_strata) <= 0.0 {
            return (LatencyReading::NoStableTraffic, Vec::new());
        }
        self.paired = true;
        let pairs = canary_strata
            .into_iter()
            .map(|(stratum, canary)| {
                let stable = stable_strata.remove(&stratum).unwrap_or_else(|| Exceedances::none(edges));
                Pair { canary, stable }
            })
            .collect();
        (LatencyReading::Counted, pairs)
    }
}

fn hold(held: &mut BTreeMap<String, Exceedances>, growth: Option<ArmGrowth>) {
    for (stratum, counts) in growth.into_iter().flat_map(|growth| growth.strata) {
        held.entry(stratum).or_default().add(&counts);
    }
}
