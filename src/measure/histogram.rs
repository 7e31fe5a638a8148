//! Samples of an instant query put together to histograms: the `le` series of a classic one to one for each set of the
//! other labels, and what is no histogram at all to a sentence that says so.

use std::collections::BTreeMap;

use super::{
    outcome::{Gap, HistogramSample, Sample},
    series::Labels,
};
use crate::judge::{Histogram, histogram::edge_of_labels};

/// The histograms of an answer, sorted by series; at least one.
pub(super) fn histograms(samples: Vec<Sample>) -> Result<Vec<HistogramSample>, Gap> {
    let mut series: BTreeMap<Labels, (Vec<(f64, f64)>, Sample)> = BTreeMap::new();
    for sample in samples {
        let edge = edge_of_labels(&sample.labels)
            .map_err(|problem| Gap::WrongShape(format!("{}: {problem}", sample.series)))?;
        let mut labels = Labels::clone(&sample.labels);
        labels.remove("le");
        series.entry(labels).or_insert_with(|| (Vec::new(), sample.clone())).0.push((edge, sample.value));
    }
    let histogram = |(labels, (buckets, first)): (Labels, (Vec<(f64, f64)>, Sample))| {
        let Sample { series, labels, at, .. } = Sample::new(labels, 0.0, first.at);
        let histogram =
            Histogram::classic(&buckets, None).map_err(|problem| Gap::WrongShape(format!("{series}: {problem}")))?;
        Ok(HistogramSample { series, labels, at, histogram })
    };
    series.into_iter().map(histogram).collect()
}
