//! Classic histograms: one cumulative counter for each upper edge, told apart by the label `le`.

use std::collections::BTreeMap;

use super::{Builder, Histogram, HistogramProblem, Layout, is_count};

/// The upper edge of the bucket that a series of a classic histogram counts: its `le` label.
pub fn edge_of_labels(labels: &BTreeMap<String, String>) -> Result<f64, HistogramProblem> {
    let Some(text) = labels.get("le") else {
        let summary = labels.contains_key("quantile");
        return Err(if summary { HistogramProblem::Summary } else { HistogramProblem::NoEdge });
    };
    match text.parse::<f64>() {
        Ok(edge) if !edge.is_nan() => Ok(edge),
        _ => Err(HistogramProblem::BadEdge { edge: text.clone() }),
    }
}

pub(super) fn decode(cumulative: &[(f64, f64)], count: Option<f64>) -> Result<Histogram, HistogramProblem> {
    let mut ascending = cumulative.to_vec();
    for &(upper, count) in &ascending {
        if upper.is_nan() {
            return Err(HistogramProblem::BadEdge { edge: upper.to_string() });
        }
        if !is_count(count) {
            return Err(HistogramProblem::BadCount { upper, count });
        }
    }
    ascending.sort_by(|a, b| a.0.total_cmp(&b.0));
    // `1` and `1.0` are one edge; so are -0 and 0.
    ascending.dedup_by(|later, earlier| {
        let same = later.0 <= earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
    let Some(&(largest, _)) = ascending.last() else {
        return Err(HistogramProblem::Empty);
    };
    let count = count.filter(|count| is_count(*count));
    if let Some(count) = count
        && largest < f64::INFINITY
    {
        ascending.push((f64::INFINITY, count));
    }
    let open = ascending.last().is_none_or(|(edge, _)| *edge < f64::INFINITY);
    let layout = Layout::Classic;
    let mut built = Builder { layout, buckets: Vec::new(), lower: f64::NEG_INFINITY, below: 0.0, repaired: 0.0 };
    for (upper, below) in ascending {
        built.bucket(upper, below);
    }
    Ok(Histogram { layout, buckets: built.buckets, count: built.below, sum: None, repaired: built.repaired, open })
}
