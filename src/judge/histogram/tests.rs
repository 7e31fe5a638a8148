//! Histograms as they come, and as they come broken.

use std::collections::BTreeMap;

use super::*;

const INFINITE: f64 = f64::INFINITY;

fn classic(cumulative: &[(f64, f64)]) -> Histogram {
    Histogram::classic(cumulative, None).unwrap()
}

fn native(buckets: &[(f64, f64, f64)]) -> Histogram {
    let buckets: Vec<NativeBucket> =
        buckets.iter().map(|&(left, right, count)| NativeBucket { left, right, count }).collect();
    Histogram::native(&buckets, None).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_classic_histogram_knows_its_edges_and_nothing_between_them() {
    let histogram = classic(&[(INFINITE, 100.0), (0.1, 60.0), (0.5, 95.0)]);
    assert_eq!(histogram.above(0.1), Some(40.0));
    assert_eq!(histogram.above(0.5), Some(5.0));
    assert_eq!(histogram.above(0.3), None);
    assert!(histogram.repaired().abs() < 1e-12 && !histogram.is_open());
}

#[test]
fn the_schema_of_a_native_histogram_is_found_from_its_bounds() {
    for schema in -4i8..=8 {
        let factor = 2f64.powf(2f64.powi(i32::from(-schema)));
        let histogram = native(&[(-1e-9, 1e-9, 3.0), (1.0, factor, 5.0), (factor, factor * factor, 1.0)]);
        assert_eq!(histogram.layout(), Layout::Exponential { schema });
        assert_eq!(histogram.above(factor), Some(1.0));
    }
    assert_eq!(native(&[(-INFINITE, 0.1, 3.0), (0.1, 0.25, 2.0)]).layout(), Layout::Custom);
    assert_eq!(native(&[(1.0, 2.0, 3.0), (2.0, 3.0, 2.0)]).layout(), Layout::Custom);
}

#[test]
fn where_a_native_histogram_has_no_bucket_it_is_known_to_be_empty() {
    let histogram = native(&[(1.0, 2.0, 5.0), (8.0, 16.0, 1.0)]);
    assert_eq!(histogram.above(4.0), Some(1.0));
    assert_eq!(histogram.above(12.0), None);
    assert_eq!(histogram.above(0.001), Some(6.0));
}

#[test]
fn a_coarser_and_a_finer_schema_meet_on_the_edges_of_the_coarser() {
    let root = 2f64.sqrt();
    let fine = native(&[(1.0, root, 2.0), (root, 2.0, 3.0), (2.0, 2.0 * root, 4.0)]);
    let coarse = native(&[(1.0, 2.0, 10.0), (2.0, 4.0, 1.0)]);
    let sum = fine.plus(&coarse);
    assert_eq!(sum.layout(), Layout::Exponential { schema: 0 });
    assert_eq!((sum.count(), sum.above(2.0), sum.above(root)), (20.0, Some(5.0), None));
}

#[test]
fn classic_histograms_with_different_edges_meet_on_those_in_both() {
    let one = classic(&[(0.1, 5.0), (0.2, 7.0), (0.5, 9.0), (INFINITE, 10.0)]);
    let other = classic(&[(0.1, 1.0), (0.5, 2.0), (1.0, 3.0), (INFINITE, 4.0)]);
    let sum = one.plus(&other);
    assert_eq!(sum.edges().collect::<Vec<_>>(), [0.1, 0.5]);
    assert_eq!((sum.count(), sum.above(0.1), sum.above(0.5)), (14.0, Some(8.0), Some(3.0)));
}

#[test]
fn what_came_between_two_looks_is_their_difference() {
    let before = classic(&[(0.1, 50.0), (0.5, 90.0), (INFINITE, 100.0)]);
    let now = classic(&[(0.1, 55.0), (0.5, 99.0), (INFINITE, 110.0)]);
    let came = now.since(&before).unwrap();
    assert_eq!((came.count(), came.above(0.1), came.above(0.5)), (10.0, Some(5.0), Some(1.0)));
}

#[test]
fn a_histogram_in_which_a_count_fell_began_anew_even_if_its_total_has_grown() {
    let before = classic(&[(0.1, 50.0), (INFINITE, 100.0)]);
    let now = classic(&[(0.1, 20.0), (INFINITE, 120.0)]);
    assert_eq!(now.since(&before), Some(now.clone()));
    let before = native(&[(1.0, 2.0, 5.0), (4.0, 8.0, 1.0)]);
    let now = native(&[(4.0, 8.0, 9.0)]);
    assert_eq!(now.since(&before), Some(now.clone()));
}

#[test]
fn a_native_histogram_that_became_coarser_in_mid_run_goes_on() {
    let root = 2f64.sqrt();
    let before = native(&[(1.0, root, 2.0), (root, 2.0, 3.0)]);
    let now = native(&[(1.0, 2.0, 9.0), (2.0, 4.0, 1.0)]);
    let came = now.since(&before).unwrap();
    assert_eq!((came.count(), came.above(2.0)), (5.0, Some(1.0)));
}

#[test]
fn a_changed_layout_leaves_nothing_to_compare_with() {
    let before = classic(&[(0.1, 50.0), (INFINITE, 100.0)]);
    assert_eq!(classic(&[(0.2, 55.0), (INFINITE, 110.0)]).since(&before), None);
    assert_eq!(classic(&[(0.1, 55.0)]).since(&before), None);
    assert_eq!(native(&[(1.0, 2.0, 500.0)]).since(&before), None);
    let custom = native(&[(-INFINITE, 0.1, 3.0), (0.1, 0.25, 2.0)]);
    assert_eq!(native(&[(-INFINITE, 0.2, 9.0)]).since(&custom), None);
}

#[test]
fn counts_that_fall_from_edge_to_edge_are_raised_and_reported() {
    let histogram = classic(&[(0.1, 50.0), (0.5, 47.0), (INFINITE, 100.0)]);
    assert_eq!((histogram.above(0.1), histogram.above(0.5)), (Some(50.0), Some(50.0)));
    assert_eq!(histogram.repaired().to_bits(), 3f64.to_bits());
}

#[test]
fn a_missing_infinite_bucket_is_replaced_by_the_count_or_reported() {
    let with_count = Histogram::classic(&[(0.1, 50.0)], Some(60.0)).unwrap();
    assert_eq!((with_count.above(0.1), with_count.is_open()), (Some(10.0), false));
    let without = classic(&[(0.1, 50.0)]);
    assert_eq!((without.above(0.1), without.is_open()), (Some(0.0), true));
}

#[test]
fn what_is_no_histogram_is_named() {
    let classic = |cumulative: &[(f64, f64)]| Histogram::classic(cumulative, None).unwrap_err();
    assert_eq!(classic(&[]), HistogramProblem::Empty);
    assert!(matches!(classic(&[(0.1, -1.0)]), HistogramProblem::BadCount { .. }));
    assert!(matches!(classic(&[(0.1, f64::NAN)]), HistogramProblem::BadCount { .. }));
    assert!(matches!(classic(&[(0.1, INFINITE)]), HistogramProblem::BadCount { .. }));
    assert!(matches!(classic(&[(f64::NAN, 1.0)]), HistogramProblem::BadEdge { .. }));
    let overlapping =
        [NativeBucket { left: 1.0, right: 2.0, count: 1.0 }, NativeBucket { left: 1.5, right: 3.0, count: 1.0 }];
    assert_eq!(
        Histogram::native(&overlapping, None).unwrap_err().to_string(),
        "the buckets up to 2 and up to 3 overlap"
    );
    assert_eq!(edge_of_labels(&labels(&[("quantile", "0.99")])), Err(HistogramProblem::Summary));
    assert_eq!(edge_of_labels(&labels(&[("pod", "a")])), Err(HistogramProblem::NoEdge));
    assert!(matches!(edge_of_labels(&labels(&[("le", "fast")])), Err(HistogramProblem::BadEdge { .. })));
    assert_eq!(edge_of_labels(&labels(&[("le", "+Inf")])), Ok(INFINITE));
}

#[test]
fn a_native_histogram_that_has_seen_nothing_is_empty_and_not_broken() {
    let histogram = native(&[]);
    assert_eq!((histogram.count(), histogram.above(0.1), histogram.quantile(0.5)), (0.0, Some(0.0), None));
}

#[test]
fn quantiles_are_interpolated_on_the_scale_of_the_buckets() {
    let classic = classic(&[(0.1, 10.0), (0.25, 60.0), (0.5, 90.0), (1.0, 99.0), (INFINITE, 100.0)]);
    assert!((classic.quantile(0.5).unwrap() - 0.22).abs() < 1e-12);
    assert!((classic.quantile(0.999).unwrap() - 1.0).abs() < 1e-12);
    let native = native(&[(1.0, 2.0, 10.0)]);
    assert!((native.quantile(0.5).unwrap() - 2f64.sqrt()).abs() < 1e-12);
    assert_eq!(classic.quantile(f64::NAN), None);
}
