//! What is known of the times from simulations, and what must hold whatever the numbers are.

use std::time::Duration;

use super::*;

fn question() -> Question {
    Question {
        metric: "http/errors".into(),
        requests_per_second: 100.0,
        rate: 0.005,
        worse: Worse::Higher,
        dispersion: 1.0,
        dead_zone: Margin::ERROR_RATE_DEAD_ZONE,
        margin: Margin::ERROR_RATE_LIMIT,
        false_rollback: 0.01,
        missed_regression: 0.05,
    }
}

fn steps(weights: &[f64], min: u64, max: u64) -> Vec<PlannedStep> {
    let minutes = |minutes| Duration::from_secs(60 * minutes);
    weights.iter().map(|weight| PlannedStep { weight: *weight, min: minutes(min), max: minutes(max) }).collect()
}

#[test]
fn four_steps_at_a_hundred_requests_a_second_take_a_good_version_about_as_long_as_simulated() {
    let power = power(&question(), &steps(&[5.0, 10.0, 25.0, 50.0], 2, 20), &[2.0, 4.0, 10.0]);
    // Simulated with errors and latency at these steps: 780 s.
    let total = power.good_version.expect("every step passes").median_seconds;
    assert!((600.0..1200.0).contains(&total), "{total}");
    assert_eq!(power.warnings, [] as [&str; 0], "{:#?}", power.steps);
    let median = |factor: f64| {
        let course = power.bad_versions.iter().find(|bad| (bad.regression.rate - factor * 0.005).abs() < 1e-9);
        let course = course.expect("it was asked for");
        assert_eq!(course.ending, Ending::Found, "{course:?}");
        course.times.median_seconds
    };
    // Simulated: 720 s, 140 s and 30 s. The reckoning is on the late side for small regressions.
    assert!((600.0..1000.0).contains(&median(2.0)), "{}", median(2.0));
    assert!((100.0..200.0).contains(&median(4.0)), "{}", median(4.0));
    assert!((20.0..45.0).contains(&median(10.0)), "{}", median(10.0));
}

#[test]
fn one_request_a_second_is_too_little_for_twenty_minutes_and_the_warnings_say_so() {
    let question = Question { requests_per_second: 1.0, ..question() };
    let power = power(&question, &steps(&[5.0, 50.0], 2, 20), &[4.0]);
    assert_eq!(power.good_version, None);
    insta::assert_snapshot!(power.warnings.join("\n"), @r"
    the step at 5 % needs about 6.3 h to show that a good version is safe, and ends after 20 min: most good versions run into its time limit; give it more time or weight, or a wider margin
    the step at 5 % promises to rule out ×3.2 (from 0.5 % to 1.6 %), but within 20 min it finds only ×26 (from 0.5 % to 13.1 %) and worse: a version in between is not rolled back by this step, it runs into its time limit
    the step at 50 % needs about 7.5 h to show that a good version is safe, and ends after 20 min: most good versions run into its time limit; give it more time or weight, or a wider margin
    the step at 50 % promises to rule out ×1.7 (from 0.5 % to 0.85 %), but within 20 min it finds only ×11 (from 0.5 % to 5.6 %) and worse: a version in between is not rolled back by this step, it runs into its time limit
    ");
    insta::assert_snapshot!(power.explain(), @"http/errors at 1 requests/s and 0.5 %: the step at 5 % finds ×26 (from 0.5 % to 13.1 %) within 20 min and shows safety in about 6.3 h; the step at 50 % finds ×11 (from 0.5 % to 5.6 %) within 20 min and shows safety in about 7.5 h; a good version will not pass every step in time");
}

#[test]
fn a_version_outside_every_margin_is_found_the_sooner_the_worse_it_is() {
    // One inside the margin of an early step may be found sooner than a worse one: it passes to a greater weight.
    let power = power(&question(), &steps(&[5.0, 25.0, 50.0], 2, 20), &[3.0, 4.0, 10.0, 100.0]);
    for pair in power.bad_versions[1..].windows(2) {
        assert!(pair[1].regression.rate > pair[0].regression.rate);
        assert!(pair[1].times.median_seconds <= pair[0].times.median_seconds, "{pair:?}");
        assert!(pair[1].requests <= pair[0].requests, "{pair:?}");
        assert!(pair[1].times.ninety_percent_seconds >= pair[1].times.median_seconds, "{pair:?}");
    }
}

#[test]
fn the_smallest_regression_found_is_the_one_that_just_fits_into_the_step() {
    let answer = power(&question(), &steps(&[10.0], 2, 20), &[]).steps[0];
    let smallest = answer.smallest.unwrap();
    let times = question().found(10.0, smallest.rate).unwrap();
    assert!((times.ninety_percent_seconds / answer.max_seconds - 1.0).abs() < 1e-3, "{times:?}");
    assert!(question().found(10.0, smallest.rate * 0.99).unwrap().ninety_percent_seconds > answer.max_seconds);
}

#[test]
fn more_weight_sees_smaller_regressions_and_clusters_hide_them() {
    let smallest = |question: &Question, weight| {
        power(question, &steps(&[weight], 2, 20), &[]).steps[0].smallest.map(|smallest| smallest.rate).unwrap()
    };
    assert!(smallest(&question(), 50.0) < smallest(&question(), 5.0));
    let clustered = Question { dispersion: 4.0, ..question() };
    assert!(smallest(&clustered, 50.0) > smallest(&question(), 50.0));
}

#[test]
fn a_service_without_errors_has_no_factors_and_still_a_plan() {
    let question = Question { rate: 0.0, ..question() };
    let power = power(&question, &steps(&[10.0, 50.0], 2, 20), &[2.0]);
    assert!(power.good_version.is_some());
    assert_eq!(power.bad_versions.len(), 1, "only the margin: twice nothing is nothing");
    assert_eq!(power.bad_versions[0].regression.factor, None);
    insta::assert_snapshot!(power.explain(), @"http/errors at 100 requests/s and 0 %: the step at 10 % finds from 0 % to 0.092 % within 20 min and shows safety in about 4 min; the step at 50 % finds from 0 % to 0.051 % within 20 min and shows safety in about 2 min; a good version takes about 6 min in all");
    insta::assert_snapshot!(power.bad_versions[0].explain(&[10.0, 50.0]), @"found after about 9 min in the step at 10 %; 5,264 requests meet it, about 6 more of them fail");
}

#[test]
fn without_traffic_nothing_is_promised() {
    let question = Question { requests_per_second: 0.0, ..question() };
    let power = power(&question, &steps(&[10.0], 2, 20), &[2.0]);
    assert_eq!((power.good_version, power.steps[0].smallest), (None, None));
    assert_eq!(power.warnings.len(), 2, "{:?}", power.warnings);
}

/// Orders, of which there should be many: 5 % of the requests.
fn orders() -> Question {
    Question {
        metric: "shop/orders".into(),
        rate: 0.05,
        worse: Worse::Lower,
        dead_zone: Margin::WANTED_RATE_DEAD_ZONE,
        margin: Margin::WANTED_RATE_LIMIT,
        ..question()
    }
}

#[test]
fn of_wanted_events_a_regression_is_a_loss() {
    let power = power(&orders(), &steps(&[10.0, 50.0], 2, 20), &[2.0, 4.0]);
    for step in &power.steps {
        let smallest = step.smallest.expect("a loss of all orders is found");
        assert!(smallest.rate < 0.05 && smallest.rate > 0.0 && smallest.added < 0.0, "{step:?}");
        assert!(step.promised.rate < 0.05 && step.safe.is_some(), "{step:?}");
    }
    let last = power.steps[1].promised.rate;
    assert!((last - (0.8 * 0.05 - 1e-3)).abs() < 1e-12, "{last}");
    assert!(power.steps[0].promised.rate < last, "an early step rules out less");
    // The margin, a half and a quarter: the worse, the sooner.
    let rates: Vec<f64> = power.bad_versions.iter().map(|bad| bad.regression.rate).collect();
    assert!((rates[1] - 0.025).abs() < 1e-12 && (rates[2] - 0.0125).abs() < 1e-12, "{rates:?}");
    for pair in power.bad_versions.windows(2) {
        assert!(pair[1].times.median_seconds < pair[0].times.median_seconds, "{pair:?}");
    }
    assert_eq!(power.bad_versions[2].ending, Ending::Found);
    let words = power.bad_versions[2].explain(&[10.0, 50.0]);
    assert!(words.contains("wanted events are missed"), "{words}");
}

#[test]
fn more_wanted_events_are_never_a_regression() {
    let question = orders();
    assert_eq!(question.found(50.0, 0.06), None);
    assert!(question.found(50.0, 0.03).is_some());
    assert!(
        question.safe(50.0, 50.0, 0.06).unwrap().median_seconds
            < question.safe(50.0, 50.0, 0.05).unwrap().median_seconds
    );
}
