//! Where the judgement of one latency stands, and the sentences that say so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judge::combine::log_threshold;
use crate::judge::format::plain;
use crate::model::words::{evidence, percent};

/// The unit of a histogram's edges, for sentences only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LatencyUnit {
    /// Not known: values are shown without a unit.
    #[default]
    Unknown,
    /// Seconds, the convention of Prometheus.
    Seconds,
    /// Milliseconds, as Istio's request durations.
    Milliseconds,
}

/// The quantiles of one arm since the rollout began, interpolated between bucket edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArmLatency {
    /// Requests that were compared.
    pub requests: f64,
    /// The median; none before the first request.
    pub p50: Option<f64>,
    /// The 90th percentile.
    pub p90: Option<f64>,
    /// The 99th percentile. At most the largest edge that is tracked.
    pub p99: Option<f64>,
}

/// Shares of the two arms' requests above one edge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EdgeShares {
    /// The edge.
    pub edge: f64,
    /// Share of the canary's requests above it.
    pub canary: f64,
    /// Share of the stable version's requests above it.
    pub stable: f64,
}

/// Where the judgement of one latency stands. Logs are natural; shares are shares of requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyEvidence {
    /// The unit of edges and quantiles.
    #[serde(default)]
    pub unit: LatencyUnit,
    /// The canary since the rollout began.
    pub canary: ArmLatency,
    /// The stable version over the same looks.
    pub stable: ArmLatency,
    /// Canary requests since the step began.
    pub step_canary_requests: f64,
    /// Stable requests since the step began.
    pub step_stable_requests: f64,
    /// The edge nearest the 99th percentile, where safety is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_edge: Option<EdgeShares>,
    /// The edge with the most evidence of harm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loudest_edge: Option<EdgeShares>,
    /// Evidence that the canary is slower than the dead zone allows.
    pub log_harm: f64,
    /// The evidence of harm that rolls back.
    pub log_harm_threshold: f64,
    /// Evidence that a slowdown of the margin has been ruled out in this step.
    pub log_safe: f64,
    /// The evidence of safety that passes the step.
    pub log_safe_threshold: f64,
    /// Whether the step's point estimates are inside the margin, which says nothing about certainty.
    pub inside_margin: bool,
    /// Expected seconds until safety is shown, if latencies and traffic stay as they were in this step; none when the
    /// evidence isn't growing.
    pub seconds_until_safe: Option<f64>,
}

impl LatencyUnit {
    /// The unit that a metric's or a query's name speaks of.
    pub fn of_name(name: &str) -> Self {
        if ["millisecond", "_ms_", "_ms{", "_msec"].iter().any(|word| name.contains(word)) || name.ends_with("_ms") {
            Self::Milliseconds
        } else if name.contains("second") {
            Self::Seconds
        } else {
            Self::Unknown
        }
    }

    /// A value as people say it: `280 ms`, `1.3 s`.
    pub fn show(self, value: f64) -> String {
        let seconds = match self {
            Self::Unknown => return plain(value),
            Self::Seconds => value,
            Self::Milliseconds => value / 1000.0,
        };
        match seconds {
            _ if seconds >= 10.0 => format!("{seconds:.0} s"),
            _ if seconds >= 1.0 => format!("{} s", plain((seconds * 100.0).round() / 100.0)),
            _ if seconds >= 0.01 => format!("{:.0} ms", seconds * 1000.0),
            _ => format!("{} ms", plain((seconds * 100_000.0).round() / 100.0)),
        }
    }
}

impl LatencyEvidence {
    /// Whether this metric lets the step pass.
    pub fn is_safe(&self) -> bool {
        self.log_safe >= self.log_safe_threshold
    }

    /// Whether the canary is slower, with a chance of at most `level` that this is ever said of one that is not.
    pub fn is_harmful(&self, level: f64) -> bool {
        self.log_harm >= log_threshold(level)
    }

    /// Why this step can't be judged yet, as the end of a sentence; none when it can.
    pub fn lack(&self) -> Option<&'static str> {
        (self.step_canary_requests <= 0.0).then_some("the canary has had no requests in this step")
    }

    /// The two versions side by side: `latency p99 412 ms against the stable 280 ms, 1.8 % of requests above 500 ms
    /// against 0.9 % (2000 and 18000 requests)`.
    /// The edge is the one nearest the 99th percentile, or, where harm has been shown, the one that shows it best.
    pub fn explain(&self, name: &str) -> String {
        let harmful = self.log_harm >= self.log_harm_threshold;
        self.side_by_side(name, if harmful { self.loudest_edge } else { self.safe_edge })
    }

    /// [`explain`](Self::explain), and how far safety has been shown.
    pub fn explain_safety(&self, name: &str) -> String {
        format!(
            "{}: evidence of safety {} against {}",
            self.explain(name),
            evidence(self.log_safe),
            evidence(self.log_safe_threshold),
        )
    }

    /// The two versions side by side at the edge where they differ most surely, and the evidence of harm.
    pub fn explain_harm(&self, name: &str) -> String {
        format!(
            "{}: evidence {} against {}",
            self.side_by_side(name, self.loudest_edge),
            evidence(self.log_harm),
            evidence(self.log_harm_threshold),
        )
    }

    fn side_by_side(&self, name: &str, edge: Option<EdgeShares>) -> String {
        let (Some(canary), Some(stable), Some(edge)) = (self.canary.p99, self.stable.p99, edge) else {
            return format!("{name} not compared yet");
        };
        format!(
            "{name} p99 {} against the stable {}, {} of requests above {} against {} ({:.0} and {:.0} requests)",
            self.unit.show(canary),
            self.unit.show(stable),
            percent(edge.canary),
            self.unit.show(edge.edge),
            percent(edge.stable),
            self.canary.requests,
            self.stable.requests,
        )
    }
}
