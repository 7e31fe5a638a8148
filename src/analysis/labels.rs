//! Which labels of a metric's series name pods and strata.

use super::Metric;
use crate::measure::{self, pod_of, stratum_of};

/// Labels as a template's metric names them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labels {
    pod: Option<String>,
    by: Vec<String>,
}

impl Labels {
    pub(super) fn of(metric: &Metric) -> Self {
        Self { pod: metric.spec.pod.clone(), by: metric.spec.by.clone() }
    }

    /// The pod of a series; empty where its labels tell none.
    pub(super) fn pod<'a>(&self, series: &'a measure::Labels) -> &'a str {
        pod_of(series, self.pod.as_deref())
    }

    /// The stratum of a series.
    pub(super) fn stratum(&self, series: &measure::Labels) -> String {
        stratum_of(series, &self.by)
    }
}
