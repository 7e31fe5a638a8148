//! How much worse the canary may be, with defaults for each kind; and hard limits on what it does by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::{Kind, Worse};

/// How much worse the canary may be than the stable version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Margins {
    /// Up to where a difference is ignored. Where it is not given: 1.05 and 0.0001, for a latency 1.1 and 0.001, for a
    /// gauge 1.1 and 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore: Option<MarginSpec>,
    /// From where a difference must be ruled out before a step passes. Where it is not given: 1.5 and 0.001, for a
    /// latency 1.5 and 0.005, for a gauge 1.1 and 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<MarginSpec>,
}

/// A margin on the canary's value: `relative` times the stable one, and beyond that `absolute` in the bad direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MarginSpec {
    /// Factor on the stable version's value: at least 1 where higher is worse, at most 1 where lower is.
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self >= 0.01 && self <= 100.0", "message": "relative must be from 0.01 to 100"}]))]
    pub relative: f64,
    /// Added to it, or taken off where lower is worse: a share of the requests, or of a gauge its own unit.
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self >= 0.0", "message": "absolute must not be negative"}]))]
    pub absolute: f64,
}

/// A hard limit on a share of the requests: a canary that is surely beyond it is rolled back, unless the stable version
/// is beyond it too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "has(self.min) || has(self.max)", "message": "a limit must have min, max or both"},
    {"rule": "!has(self.min) || !has(self.max) || self.min <= self.max", "message": "limit.min must not be above limit.max"},
    {"rule": "(!has(self.min) || (self.min >= 0.0 && self.min <= 1.0)) && (!has(self.max) || (self.max >= 0.0 && self.max <= 1.0))", "message": "limits are shares of the requests, from 0 to 1"}
]))]
pub struct HardLimit {
    /// The least good share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest good share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// What is too small a difference to roll back for.
pub(super) fn ignored_by_default(kind: Option<Kind<'_>>) -> MarginSpec {
    let (relative, absolute) = match (kind, kind.and_then(Kind::worse)) {
        (Some(Kind::Latency(_)), _) => (1.1, 1e-3),
        (Some(Kind::Gauge(_)), Some(Worse::Lower)) => (0.9, 0.0),
        (Some(Kind::Gauge(_)), _) => (1.1, 0.0),
        (_, Some(Worse::Lower)) => (0.95, 1e-4),
        _ => (1.05, 1e-4),
    };
    MarginSpec { relative, absolute }
}

/// What is too large a difference to go on with.
pub(super) fn excluded_by_default(kind: Option<Kind<'_>>) -> MarginSpec {
    let (relative, absolute) = match (kind, kind.and_then(Kind::worse)) {
        (Some(Kind::Latency(_)), _) => (1.5, 5e-3),
        (Some(Kind::Gauge(_)), Some(Worse::Lower)) => (0.9, 0.0),
        (Some(Kind::Gauge(_)), _) => (1.1, 0.0),
        // Not as far as upwards: what most requests come to can't fall by a third unseen.
        (_, Some(Worse::Lower)) => (0.8, 1e-3),
        _ => (1.5, 1e-3),
    };
    MarginSpec { relative, absolute }
}
