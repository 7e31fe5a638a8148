//! What is computed, against its definition, for samples of every kind.

use proptest::prelude::*;

use crate::judge::kayenta::{
    Direction, EffectMeasure, EffectSize, Label, MetricSettings, NanStrategy, OutlierStrategy, classify, shift_interval,
};

const QUANTILE: f64 = 2.326_347_874_040_841;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Differences of every value of one sample to every value of the other, sorted.
fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut differences: Vec<f64> =
        first.iter().flat_map(|first| second.iter().map(move |second| first - second)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    differences
}

fn sample() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e3..1e3f64, 2..25)
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f64>(),
        4 => -10.0..10.0f64,
        2 => (0i32..4).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(-0.0),
    ]
}

fn any_series() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(any_value(), 0..20),
        (any_value(), 0usize..8).prop_map(|(value, count)| vec![value; count]),
    ]
}

fn any_settings() -> impl Strategy<Value = MetricSettings> {
    let direction = prop_oneof![Just(Direction::Increase), Just(Direction::Decrease), Just(Direction::Either)];
    let measure = prop_oneof![Just(EffectMeasure::MeanRatio), Just(EffectMeasure::Cles)];
    let outliers =
        prop_oneof![Just(OutlierStrategy::Keep), any::<f64>().prop_map(|factor| OutlierStrategy::Remove { factor })];
    (direction, measure, outliers, any::<[bool; 3]>(), any::<[f64; 4]>()).prop_map(
        |(direction, measure, outliers, [replace, critical, must_have_data], limits)| MetricSettings {
            direction,
            nan_strategy: if replace { NanStrategy::Replace } else { NanStrategy::Remove },
            outliers,
            critical,
            must_have_data,
            muted: false,
            effect_size: EffectSize {
                measure,
                allowed_increase: limits[0],
                allowed_decrease: limits[1],
                critical_increase: limits[2],
                critical_decrease: limits[3],
            },
        },
    )
}

proptest! {
    #![proptest_config(cases(300))]

    /// Without ties the estimate is the median of all differences, give or take the continuity correction, and the
    /// lower end is the difference that just enough others are above.
    #[test]
    fn the_interval_is_made_of_differences(first in sample(), second in sample()) {
        let all = differences(&first, &second);
        let (m, n) = (first.len() as f64, second.len() as f64);
        let shift = shift_interval(&mut first.clone(), &mut second.clone()).unwrap();
        let near = |found: f64, above: f64, slack: f64| {
            // The difference with so many others above it, and its neighbours.
            let count = all.len() as f64;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to the indices")]
            let at = |above: f64| all[(count - 1.0 - above).clamp(0.0, count - 1.0) as usize];
            at(above + slack) - 1e-3 <= found && found <= at(above - slack) + 1e-3
        };
        prop_assert!(near(shift.estimate, m * n / 2.0, 1.5), "{shift:?} of {all:?}");
        let spread = (m * n * (m + n + 1.0) / 12.0).sqrt() * QUANTILE;
        prop_assert!(near(shift.low, m * n / 2.0 + 0.5 + spread, 1.5), "{shift:?} of {all:?}");
        prop_assert!(near(shift.high, m * n / 2.0 - 0.5 - spread, 1.5), "{shift:?} of {all:?}");
    }

    /// Exchanging the samples turns the interval round.
    #[test]
    fn both_directions_are_judged_alike(first in sample(), second in sample()) {
        let forth = shift_interval(&mut first.clone(), &mut second.clone()).unwrap();
        let back = shift_interval(&mut second.clone(), &mut first.clone()).unwrap();
        prop_assert!((forth.low + back.high).abs() < 3e-4 && (forth.high + back.low).abs() < 3e-4, "{forth:?} {back:?}");
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn no_series_and_no_setting_can_break_it(
        settings in any_settings(),
        experiment in any_series(),
        control in any_series(),
    ) {
        let found = classify(&settings, &experiment, &control);
        let again = classify(&settings, &experiment, &control);
        prop_assert_eq!(format!("{found:?}"), format!("{again:?}"));
        prop_assert!(!found.critical || settings.critical);
        prop_assert!(!(found.label == Label::High && settings.direction == Direction::Decrease));
        prop_assert!(!(found.label == Label::Low && settings.direction == Direction::Increase));
    }

    #[test]
    fn a_series_compared_with_itself_passes(settings in any_settings(), series in any_series()) {
        let found = classify(&settings, &series, &series);
        prop_assert!(matches!(found.label, Label::Pass | Label::Nodata | Label::NodataFailMetric), "{found:?}");
    }
}

#[test]
fn constant_series_of_different_height_are_told_apart_and_always_alike() {
    let found = classify(&MetricSettings::default(), &[12.0; 30], &[10.0; 30]);
    assert_eq!(found.label, Label::High);
    let shift = found.shift.unwrap();
    assert!((shift.estimate - 2.0).abs() < 1e-3, "{shift:?}");
    assert_eq!(classify(&MetricSettings::default(), &[0.0; 5], &[7.0; 5]).label, Label::Low);
}
