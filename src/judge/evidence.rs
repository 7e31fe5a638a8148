//! Where the judgement of one metric stands, whatever its kind. The decision asks every kind the same questions; only
//! here is it known which kinds there are.

use super::gauge::GaugeEvidence;
use super::latency::LatencyEvidence;
use super::metric::ErrorRateEvidence;

/// Where the judgement of one metric stands.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricEvidence {
    /// Errors or other events among requests.
    Counts(ErrorRateEvidence),
    /// Requests slower than the edges of a histogram.
    Latency(LatencyEvidence),
    /// A value of each pod.
    Gauge(Box<GaugeEvidence>),
}

impl MetricEvidence {
    /// Evidence that the canary is worse, as the logarithm of an e-value; none for kinds that have no e-value (gauges),
    /// which decide by [`is_harmful`](Self::is_harmful) at their share of the level.
    pub fn log_harm(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => Some(evidence.log_harm),
            Self::Latency(evidence) => Some(evidence.log_harm),
            Self::Gauge(_) => None,
        }
    }

    /// The evidence of harm that rolls back if this is the only metric; none where there is no e-value.
    pub fn log_harm_threshold(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => Some(evidence.log_harm_threshold),
            Self::Latency(evidence) => Some(evidence.log_harm_threshold),
            Self::Gauge(_) => None,
        }
    }

    /// Evidence that a degradation of the margin has been ruled out in this step; none where there is no e-value.
    pub fn log_safe(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => Some(evidence.log_safe),
            Self::Latency(evidence) => Some(evidence.log_safe),
            Self::Gauge(_) => None,
        }
    }

    /// The evidence of safety that passes the step; none where there is no e-value.
    pub fn log_safe_threshold(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => Some(evidence.log_safe_threshold),
            Self::Latency(evidence) => Some(evidence.log_safe_threshold),
            Self::Gauge(_) => None,
        }
    }

    /// How much log evidence of safety is still missing, to name the metric that a step waits for: 0 when safe,
    /// infinite when not safe and without an e-value.
    pub fn missing_safety(&self) -> f64 {
        match (self.is_safe(), self.log_safe_threshold().zip(self.log_safe())) {
            (true, _) => 0.0,
            (false, Some((threshold, found))) => (threshold - found).max(0.0),
            (false, None) => f64::INFINITY,
        }
    }

    /// Whether this metric lets the step pass.
    pub fn is_safe(&self) -> bool {
        match self {
            // Where the stable version has become worse than its history, caps make all versions alike.
            Self::Counts(evidence) => evidence.log_safe >= evidence.log_safe_threshold && evidence.inside_margin,
            Self::Latency(evidence) => evidence.is_safe(),
            Self::Gauge(evidence) => evidence.is_safe(),
        }
    }

    /// Whether the canary is worse, with a chance of at most `level` that this is ever said of one that is not.
    pub fn is_harmful(&self, level: f64) -> bool {
        match self {
            Self::Counts(evidence) => evidence.is_harmful(level),
            Self::Latency(evidence) => evidence.is_harmful(level),
            Self::Gauge(evidence) => evidence.is_harmful(level),
        }
    }

    /// Whether the metric is able to decide. A gauge with too few pods is not: it only warns, whatever the user asked.
    pub fn decides(&self) -> bool {
        match self {
            Self::Counts(_) | Self::Latency(_) => true,
            Self::Gauge(evidence) => evidence.decides(),
        }
    }

    /// Whether the canary's own value is certainly outside its hard limit, and the stable version's is not.
    pub fn is_over_limit(&self) -> bool {
        match self {
            Self::Counts(evidence) => evidence.is_over_limit(),
            Self::Latency(_) | Self::Gauge(_) => false,
        }
    }

    /// Whether the step's point estimates are inside the margin, which says nothing about certainty.
    pub fn inside_margin(&self) -> bool {
        match self {
            Self::Counts(evidence) => evidence.inside_margin,
            Self::Latency(evidence) => evidence.inside_margin,
            Self::Gauge(evidence) => evidence.inside_margin(),
        }
    }

    /// Expected seconds until safety is shown, if things stay as they were in this step; none when safety isn't coming
    /// closer, or nobody can tell.
    pub fn seconds_until_safe(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => evidence.seconds_until_safe,
            Self::Latency(evidence) => evidence.seconds_until_safe,
            Self::Gauge(evidence) => evidence.seconds_until_safe(),
        }
    }

    /// Expected seconds until a rollback by this metric alone, if things stay as they were in this step; none when
    /// evidence of harm isn't growing, is too small to foretell anything, or nobody can tell.
    pub fn seconds_until_harm(&self) -> Option<f64> {
        match self {
            Self::Counts(evidence) => evidence.seconds_until_harm,
            Self::Latency(_) | Self::Gauge(_) => None,
        }
    }

    /// Why this step can't be judged yet by this metric, as the end of a sentence; none when it can.
    pub fn lack(&self) -> Option<&'static str> {
        match self {
            Self::Counts(evidence) => {
                (evidence.step_canary_requests <= 0.0).then_some("the canary has had no requests in this step")
            }
            Self::Latency(evidence) => evidence.lack(),
            Self::Gauge(evidence) => evidence.lack(),
        }
    }

    /// The two versions side by side: `errors 2.1 % (42 of 2000) is above the stable 0.5 % (45 of 9000)`.
    pub fn explain(&self, name: &str) -> String {
        match self {
            Self::Counts(evidence) => evidence.explain(name),
            Self::Latency(evidence) => evidence.explain(name),
            Self::Gauge(evidence) => evidence.explain(name),
        }
    }

    /// [`explain`](Self::explain), and how far safety has been shown.
    pub fn explain_safety(&self, name: &str) -> String {
        match self {
            Self::Counts(evidence) => evidence.explain_safety(name),
            Self::Latency(evidence) => evidence.explain_safety(name),
            Self::Gauge(evidence) => evidence.explain_safety(name),
        }
    }

    /// [`explain`](Self::explain), and what this metric by itself says about harm; for a broken hard limit, the limit.
    pub fn explain_harm(&self, name: &str) -> String {
        match self {
            Self::Counts(evidence) => evidence.explain_harm(name),
            Self::Latency(evidence) => evidence.explain_harm(name),
            Self::Gauge(evidence) => evidence.explain_harm(name),
        }
    }
}
