//! Values put together to histograms: the `le` series of a classic one to one for each set of the other labels, and
//! what is no histogram at all to a sentence that says so.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    answer::{Series, Value},
    outcome::{Gap, HistogramSample},
    series::{self, Labels},
};
use crate::{
    judge::{Histogram, HistogramProblem, histogram::edge_of_labels},
    model::Timestamp,
};

/// Which series of an answer belong to one histogram; found once, used at every tick.
pub(super) struct Families {
    /// The labels of each histogram, sorted: those of its series without `le`.
    families: Vec<(Arc<str>, Arc<Labels>)>,
    /// For each series of the answer its histogram, and the bucket's edge.
    members: Vec<(usize, Result<f64, HistogramProblem>)>,
}

impl Families {
    /// The families of an answer's series.
    pub(super) fn of(series: &[Series]) -> Self {
        let mut known: BTreeMap<(Arc<str>, Arc<Labels>), Vec<usize>> = BTreeMap::new();
        for (index, series) in series.iter().enumerate() {
            let family = if series.labels.contains_key("le") {
                let mut labels = Labels::clone(&series.labels);
                labels.remove("le");
                (series::text(&labels).into(), Arc::new(labels))
            } else {
                (Arc::clone(&series.text), Arc::clone(&series.labels))
            };
            known.entry(family).or_default().push(index);
        }
        let edges = series.iter().map(|series| edge_of_labels(&series.labels));
        let mut members: Vec<_> = edges.map(|edge| (0, edge)).collect();
        let mut families = Vec::with_capacity(known.len());
        for (family, indices) in known {
            for index in indices {
                members[index].0 = families.len();
            }
            families.push(family);
        }
        Self { families, members }
    }

    /// The histograms at one time, sorted by their labels. `values` are the series that have a value then, by index.
    pub(super) fn at(&self, at: Timestamp, values: &[(usize, &Value)]) -> Result<Vec<HistogramSample>, Gap> {
        let mut parts: Vec<Parts> = self.families.iter().map(|_| Parts::default()).collect();
        for (index, value) in values {
            let (family, edge) = &self.members[*index];
            let problem = |problem| self.unusable(*family, problem);
            match value {
                Value::Number(count) => parts[*family].classic.push((edge.clone().map_err(problem)?, *count)),
                Value::Native(histogram) => parts[*family].native = Some(histogram.clone().map_err(problem)?),
            }
        }
        let mut samples = Vec::new();
        for (family, Parts { classic, native }) in parts.into_iter().enumerate() {
            let histogram = match (native, classic.is_empty()) {
                (None, true) => continue,
                (Some(native), true) => native,
                (None, false) => {
                    Histogram::classic(&classic, None).map_err(|problem| self.unusable(family, problem))?
                }
                (Some(_), false) => {
                    let text = "it is given both as a native and as a classic histogram; take one of them";
                    return Err(self.unusable(family, text));
                }
            };
            let (series, labels) = self.families[family].clone();
            samples.push(HistogramSample { series, labels, at, histogram });
        }
        Ok(samples)
    }

    fn unusable(&self, family: usize, problem: impl std::fmt::Display) -> Gap {
        Gap::WrongShape(format!("{}: {problem}", self.families[family].0))
    }
}

#[derive(Default)]
struct Parts {
    /// Upper edges and cumulative counts.
    classic: Vec<(f64, f64)>,
    native: Option<Histogram>,
}
