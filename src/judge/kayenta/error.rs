//! What can't be judged, and what to do about it.

/// Why there is no judgement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KayentaError {
    /// The text is no `CanaryConfig`.
    #[error("this is no CanaryConfig of Kayenta: {0}")]
    Config(String),
    /// The text is no request.
    #[error(
        "this is no request to a judge: {0}; it takes `canaryConfig`, `scoreThresholds` and `metricSetPairList`, as \
         Kayenta's RemoteJudge sends them"
    )]
    Request(String),
    /// Data for a metric that the configuration does not have.
    #[error(
        "the data have a metric `{name}`, but the CanaryConfig has none of that name: add it to `metrics` or leave its data out"
    )]
    UnknownMetric {
        /// The name that the data have.
        name: String,
    },
    /// A pair without one of its series.
    #[error("metric `{name}`: `values` has no `{series}`; without any data it must be there and empty")]
    MissingSeries {
        /// The metric.
        name: String,
        /// `control` or `experiment`.
        series: &'static str,
    },
    /// A setting that can't be read.
    #[error("metric `{name}`: analysisConfigurations.canary.{setting} is {value}, which is {problem}")]
    Setting {
        /// The metric.
        name: String,
        /// Where the setting stands, under `analysisConfigurations.canary`.
        setting: &'static str,
        /// What it is, as JSON.
        value: String,
        /// What is wrong with that.
        problem: &'static str,
    },
    /// A weight that is no number.
    #[error("classifier.groupWeights: the weight of group `{group}` is {value}; write a number of percent")]
    GroupWeight {
        /// The group.
        group: String,
        /// What it is, as JSON.
        value: String,
    },
    /// Nothing says what a score means.
    #[error("there are no score thresholds: send `scoreThresholds` with `pass` and `marginal`, from 0 to 100")]
    NoThresholds,
}
