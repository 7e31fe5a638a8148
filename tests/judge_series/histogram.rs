//! Whatever is given as a histogram, there is a typed outcome, and what is accepted is a sound histogram.

use std::collections::BTreeMap;

use proptest::prelude::*;
use siskin::judge::histogram::{NativeBucket, edge_of_labels};
use siskin::judge::{Histogram, HistogramProblem};

use crate::holds;

/// Numbers as they occur, and all others.
pub(crate) fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0u32..5000).prop_map(f64::from),
        2 => prop::sample::select(vec![0.0, 0.005, 0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0]),
        1 => any::<f64>(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -0.0, 1e300]),
    ]
}

/// Buckets of a classic histogram as a broken exporter might give them.
pub(crate) fn any_classic() -> impl Strategy<Value = Result<Histogram, HistogramProblem>> {
    let whole = prop_oneof![Just(None), any_number().prop_map(Some)];
    (prop::collection::vec((any_number(), any_number()), 0..12), whole)
        .prop_map(|(cumulative, count)| Histogram::classic(&cumulative, count))
}

/// Buckets of a native histogram: of a schema, with any gaps, or anything.
pub(crate) fn any_native() -> impl Strategy<Value = Result<Histogram, HistogramProblem>> {
    let of_schema =
        (-4i32..=8, prop::collection::btree_map(-40i32..40, 0u32..1000, 0..20)).prop_map(|(schema, counts)| {
            let edge = |index: i32| 2f64.powf(f64::from(index) * 2f64.powi(-schema));
            let bucket = |(index, count): (i32, u32)| NativeBucket {
                left: edge(index - 1),
                right: edge(index),
                count: f64::from(count),
            };
            let buckets: Vec<NativeBucket> = counts.into_iter().map(bucket).collect();
            Histogram::native(&buckets, None)
        });
    let anything = prop::collection::vec((any_number(), any_number(), any_number()), 0..8).prop_map(|buckets| {
        let buckets: Vec<NativeBucket> =
            buckets.into_iter().map(|(left, right, count)| NativeBucket { left, right, count }).collect();
        Histogram::native(&buckets, Some(f64::NAN))
    });
    prop_oneof![of_schema, anything]
}

pub(crate) fn any_histogram() -> impl Strategy<Value = Result<Histogram, HistogramProblem>> {
    prop_oneof![any_classic(), any_native()]
}

fn check_sound(histogram: &Histogram) -> Result<(), TestCaseError> {
    let mut total = 0.0;
    for bucket in histogram.buckets() {
        prop_assert!(bucket.lower <= bucket.upper, "{bucket:?}");
        prop_assert!(bucket.count.is_finite() && bucket.count >= 0.0, "{bucket:?}");
        total += bucket.count;
    }
    for pair in histogram.buckets().windows(2) {
        prop_assert!(pair[0].upper <= pair[1].lower * (1.0 + 1e-9) || pair[1].lower <= 0.0, "{pair:?}");
    }
    prop_assert!((total - histogram.count()).abs() <= 1e-9 * total.max(1.0), "{total} in {histogram:?}");
    prop_assert!(histogram.repaired().is_finite() && histogram.repaired() >= 0.0, "{histogram:?}");
    let mut before = f64::INFINITY;
    for edge in histogram.edges() {
        let above =
            histogram.above(edge).ok_or_else(|| TestCaseError::fail(format!("{edge} unknown: {histogram:?}")))?;
        prop_assert!(above <= before + 1e-6 && above >= -1e-6, "{edge}: {above} after {before}");
        before = above;
    }
    for quantile in [0.0, 0.5, 0.99, 1.0] {
        let value = histogram.quantile(quantile);
        prop_assert!(value.is_none() || histogram.count() > 0.0);
        prop_assert!(value.is_none_or(|value| !value.is_nan()), "{histogram:?}");
    }
    Ok(())
}

#[test]
fn any_input_is_a_sound_histogram_or_a_problem_with_a_sentence() {
    holds(4000, &any_histogram(), |decoded| {
        match decoded {
            Ok(histogram) => check_sound(&histogram)?,
            Err(problem) => prop_assert!(!problem.to_string().is_empty()),
        }
        Ok(())
    });
}

#[test]
fn sums_and_differences_of_any_two_histograms_are_sound() {
    holds(4000, &(any_histogram(), any_histogram()), |(one, other)| {
        let (Ok(one), Ok(other)) = (one, other) else { return Ok(()) };
        let sum = one.plus(&other);
        check_sound(&sum)?;
        check_sound(&other.plus(&one))?;
        if let Some(came) = one.since(&other) {
            check_sound(&came)?;
        }
        let nothing = one.since(&one).ok_or_else(|| TestCaseError::fail("its own layout is another"))?;
        prop_assert!(nothing.count().abs() < 1e-9, "{nothing:?}");
        Ok(())
    });
}

#[test]
fn what_was_added_is_what_came() {
    let same_edges = prop::collection::vec((0u32..500, 0u32..500), 4);
    holds(1000, &same_edges, |counts| {
        let histogram = |pick: &dyn Fn(&(u32, u32)) -> u32| {
            let mut below = 0.0;
            let edges = [0.1, 0.5, 1.0, f64::INFINITY];
            let cumulative: Vec<(f64, f64)> = edges
                .iter()
                .zip(&counts)
                .map(|(edge, count)| {
                    below += f64::from(pick(count));
                    (*edge, below)
                })
                .collect();
            Histogram::classic(&cumulative, None).map_err(|problem| TestCaseError::fail(problem.to_string()))
        };
        let (before, more) = (histogram(&|count| count.0)?, histogram(&|count| count.1)?);
        prop_assert_eq!(before.plus(&more).since(&before), Some(more));
        Ok(())
    });
}

#[test]
fn any_labels_give_an_edge_or_a_problem() {
    let texts = prop_oneof![any::<f64>().prop_map(|number| number.to_string()), ".*", Just("+Inf".to_owned())];
    let labels = prop::collection::btree_map(prop::sample::select(vec!["le", "quantile", "pod"]), texts, 0..3);
    holds(2000, &labels, |labels| {
        let labels: BTreeMap<String, String> =
            labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match edge_of_labels(&labels) {
            Ok(edge) => prop_assert!(!edge.is_nan()),
            Err(problem) => prop_assert!(!problem.to_string().is_empty()),
        }
        Ok(())
    });
}
