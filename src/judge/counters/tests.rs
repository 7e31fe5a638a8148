//! What becomes of raw counters in ordinary life: restarts, new pods, missed scrapes.

use super::*;

fn sample(series: &str, value: f64) -> Sample {
    Sample { series: series.into(), pod: series.into(), stratum: String::new(), value, started_in_run: false }
}

fn new_sample(series: &str, value: f64) -> Sample {
    Sample { started_in_run: true, ..sample(series, value) }
}

fn arm(requests: &[Sample], errors: &[Sample]) -> ArmSamples {
    ArmSamples { requests: requests.to_vec(), errors: errors.to_vec() }
}

/// One canary pod (started in the run) and one stable pod: requests and errors of each.
fn both(canary: (f64, f64), stable: (f64, f64)) -> Samples {
    Samples {
        canary: Some(arm(&[new_sample("c", canary.0)], &[new_sample("c", canary.1)])),
        stable: Some(arm(&[sample("s", stable.0)], &[sample("s", stable.1)])),
        at: None,
    }
}

fn counts(canary: (f64, f64), stable: (f64, f64)) -> Reading {
    Reading::Counted(Counts {
        canary_requests: canary.0,
        canary_errors: canary.1,
        stable_requests: stable.0,
        stable_errors: stable.1,
    })
}

fn read(state: &mut CounterState, samples: &Samples) -> Reading {
    state.look(samples).reading
}

#[test]
fn the_first_sight_of_an_old_counter_is_its_base_and_counts_nothing() {
    let mut state = CounterState::default();
    assert_eq!(read(&mut state, &both((5.0, 1.0), (1000.0, 20.0))), Reading::FirstSight);
    assert_eq!(read(&mut state, &both((15.0, 2.0), (1090.0, 21.0))), counts((10.0, 1.0), (90.0, 1.0)));
}

#[test]
fn a_new_pod_of_the_run_counts_from_zero_and_an_old_one_from_its_first_sample() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    let mut samples = both((5.0, 0.0), (1050.0, 0.0));
    samples.canary.as_mut().unwrap().requests.push(new_sample("c2", 7.0));
    samples.stable.as_mut().unwrap().requests.push(sample("s2", 500.0));
    assert_eq!(read(&mut state, &samples), counts((7.0, 0.0), (50.0, 0.0)));
}

#[test]
fn a_restarted_container_counts_from_zero_and_its_errors_with_it() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 5.0)));
    // The errors have grown past their old value since the restart: 7 of them are new, not 2.
    assert_eq!(read(&mut state, &both((6.0, 0.0), (40.0, 7.0))), counts((1.0, 0.0), (40.0, 7.0)));
}

#[test]
fn after_a_restart_without_errors_the_first_error_counts_whole() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 5.0)));
    let mut samples = both((6.0, 0.0), (40.0, 0.0));
    samples.stable.as_mut().unwrap().errors.clear();
    assert_eq!(read(&mut state, &samples), counts((1.0, 0.0), (40.0, 0.0)));
    assert_eq!(read(&mut state, &both((7.0, 0.0), (50.0, 6.0))), counts((1.0, 0.0), (10.0, 6.0)));
}

#[test]
fn an_error_counter_that_appears_counts_from_zero_where_the_pod_was_known() {
    let mut state = CounterState::default();
    let mut samples = both((5.0, 0.0), (1000.0, 0.0));
    samples.stable.as_mut().unwrap().errors.clear();
    read(&mut state, &samples);
    assert_eq!(read(&mut state, &both((6.0, 0.0), (1010.0, 3.0))), counts((1.0, 0.0), (10.0, 3.0)));
}

#[test]
fn an_old_pod_found_late_does_not_bring_its_old_errors() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    let mut samples = both((6.0, 0.0), (1010.0, 0.0));
    let stable = samples.stable.as_mut().unwrap();
    stable.requests.push(sample("late", 90_000.0));
    stable.errors.push(sample("late", 800.0));
    assert_eq!(read(&mut state, &samples), counts((1.0, 0.0), (10.0, 0.0)));
}

#[test]
fn while_one_arm_is_missing_the_other_is_held_and_merged_later() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    read(&mut state, &both((15.0, 0.0), (1090.0, 0.0)));
    let without_canary = Samples { canary: None, ..both((0.0, 0.0), (1180.0, 2.0)) };
    assert_eq!(read(&mut state, &without_canary), Reading::CanaryMissing);
    assert_eq!(read(&mut state, &Samples::default()), Reading::BothMissing);
    assert_eq!(read(&mut state, &both((45.0, 1.0), (1360.0, 3.0))), counts((30.0, 1.0), (270.0, 3.0)));
    assert_eq!(read(&mut state, &both((55.0, 1.0), (1450.0, 3.0))), counts((10.0, 0.0), (90.0, 0.0)));
}

#[test]
fn what_the_stable_version_did_before_the_canary_existed_is_not_compared() {
    let mut state = CounterState::default();
    for stable in [1000.0, 2000.0, 3000.0] {
        let samples = Samples { canary: None, ..both((0.0, 0.0), (stable, stable)) };
        assert_eq!(read(&mut state, &samples), Reading::CanaryMissing);
    }
    assert_eq!(read(&mut state, &both((10.0, 0.0), (3090.0, 3001.0))), counts((10.0, 0.0), (90.0, 1.0)));
}

#[test]
fn a_pod_whose_scrape_was_missed_is_made_up_for() {
    let mut state = CounterState::default();
    let two_pods = |second: Option<f64>| {
        let mut samples = both((5.0, 0.0), (1000.0, 0.0));
        samples.canary.as_mut().unwrap().requests.extend(second.map(|value| new_sample("c2", value)));
        samples
    };
    read(&mut state, &two_pods(Some(10.0)));
    assert_eq!(read(&mut state, &two_pods(None)), Reading::NoCanaryTraffic);
    let mut samples = two_pods(Some(30.0));
    samples.stable.as_mut().unwrap().requests[0].value = 1100.0;
    assert_eq!(read(&mut state, &samples), counts((20.0, 0.0), (100.0, 0.0)));
}

#[test]
fn samples_that_are_no_counts_are_dropped_and_counted() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    let mut samples = both((15.0, f64::NAN), (1090.0, -1.0));
    samples.stable.as_mut().unwrap().requests.push(sample("s2", f64::INFINITY));
    let look = state.look(&samples);
    assert_eq!((look.reading, look.dropped), (counts((10.0, 0.0), (90.0, 0.0)), 3));
    let look = state.look(&both((f64::NAN, 0.0), (1100.0, 0.0)));
    assert_eq!((look.reading, look.dropped), (Reading::CanaryMissing, 1));
}

#[test]
fn a_silent_stable_version_is_told_from_a_silent_canary() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    assert_eq!(read(&mut state, &both((5.0, 0.0), (1010.0, 0.0))), Reading::NoCanaryTraffic);
    assert_eq!(read(&mut state, &both((9.0, 0.0), (1010.0, 0.0))), Reading::NoStableTraffic);
}

#[test]
fn more_errors_than_requests_are_taken_as_they_are() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 0.0), (1000.0, 0.0)));
    assert_eq!(read(&mut state, &both((6.0, 4.0), (1001.0, 0.0))), counts((1.0, 4.0), (1.0, 0.0)));
}

#[test]
fn the_state_survives_json() {
    let mut state = CounterState::default();
    read(&mut state, &both((5.0, 1.0), (1000.0, 3.0)));
    read(&mut state, &both((9.0, 1.0), (1100.0, 4.0)));
    read(&mut state, &Samples { canary: None, ..both((0.0, 0.0), (1180.0, 5.0)) });
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<CounterState>(&text).unwrap(), state);
}

#[test]
fn each_pod_is_counted_by_itself_within_its_stratum_and_also_while_it_is_held() {
    let split = |series: &str, pod: &str, stratum: &str, value: f64| Sample {
        series: series.into(),
        pod: pod.into(),
        stratum: stratum.into(),
        value,
        started_in_run: true,
    };
    let canary = |factor: f64| {
        let requests =
            [split("1", "a", "/buy", 3.0 * factor), split("2", "a", "/buy", factor), split("3", "a", "/look", factor)];
        arm(&requests, &[split("3", "a", "/look", factor)])
    };
    let stable = |value: f64| arm(&[split("s", "b", "/buy", value)], &[]);
    let mut state = CounterState::default();
    state.look(&Samples { canary: Some(canary(1.0)), stable: Some(stable(10.0)), at: None });
    state.look(&Samples { canary: Some(canary(2.0)), stable: None, at: None });
    let tick = state.look(&Samples { canary: Some(canary(4.0)), stable: Some(stable(50.0)), at: None }).tick.unwrap();
    let pod = |pod: &str, stratum: &str, requests: f64, events: f64| PodCounts {
        pod: pod.into(),
        stratum: stratum.into(),
        requests,
        events,
    };
    assert_eq!(tick.canary, [pod("a", "/buy", 12.0, 0.0), pod("a", "/look", 3.0, 3.0)]);
    assert_eq!(tick.stable, [pod("b", "/buy", 40.0, 0.0)]);
}

#[test]
fn a_tick_is_as_long_as_the_time_since_something_was_counted() {
    let mut state = CounterState::default();
    let at = |at: f64, samples: Samples| Samples { at: Some(at), ..samples };
    state.look(&at(100.0, both((1.0, 0.0), (10.0, 0.0))));
    let tick = |look: CounterLook| look.tick.unwrap().seconds;
    assert_eq!(tick(state.look(&at(110.0, both((2.0, 0.0), (20.0, 0.0))))), Some(10.0));
    let before = state.clone();
    state.look(&at(115.0, both((2.0, 0.0), (20.0, 0.0))));
    assert_eq!(state, before, "nothing new is no change");
    state.look(&at(120.0, Samples { canary: None, ..both((3.0, 0.0), (30.0, 0.0)) }));
    assert_eq!(tick(state.look(&at(130.0, both((4.0, 0.0), (40.0, 0.0))))), Some(20.0), "what was held is in it");
    assert_eq!(tick(state.look(&both((5.0, 0.0), (50.0, 0.0)))), None);
}

#[test]
fn while_one_version_can_not_be_read_many_pods_of_the_other_are_held_as_their_sum() {
    let pods = |value: f64| -> Vec<Sample> { (0..1_000).map(|pod| sample(&format!("s{pod}"), value)).collect() };
    let look = |canary: Option<f64>, stable: f64| Samples {
        canary: canary.map(|value| arm(&[new_sample("c", value)], &[])),
        stable: Some(arm(&pods(stable), &[])),
        at: None,
    };
    let mut state = CounterState::default();
    for (canary, stable) in [(0.0, 100.0), (10.0, 110.0)] {
        read(&mut state, &look(Some(canary), stable));
    }
    assert_eq!(read(&mut state, &look(None, 115.0)), Reading::CanaryMissing);
    assert!(serde_json::to_string(&state.held_stable).unwrap().len() < 200, "{:?}", state.held_stable);
    let held = state.clone();
    assert_eq!(read(&mut state, &look(None, 115.0)), Reading::CanaryMissing);
    assert_eq!(state, held, "nothing new came");
    assert_eq!(read(&mut state, &look(Some(30.0), 120.0)), counts((20.0, 0.0), (10_000.0, 0.0)));
}
