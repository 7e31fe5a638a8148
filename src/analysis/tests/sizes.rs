//! What is kept between two looks fits into a status, however many series there are.

use super::*;
use crate::{api::AnalysisState, measure::Labels};

/// Labels as a service mesh writes them: long, and nearly the same for all series.
fn mesh_labels(index: u32, version: &str) -> Labels {
    let pod = format!("checkout-service-{version}-7d5c9f6b8-{index:05}");
    let pairs = [
        ("app", "checkout-service".to_owned()),
        ("destination_canonical_revision", version.to_owned()),
        ("destination_service", "checkout-service.shop.svc.cluster.local".to_owned()),
        ("instance", format!("10.{}.{}.{}:15020", index / 65_536, index / 256 % 256, index % 256)),
        ("namespace", "shop".to_owned()),
        ("pod", pod),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn many(look: u32, series: u32, of: fn(&Labels, f64, Timestamp) -> Sample) -> [Vec<Sample>; 2] {
    [("v2", series / 10), ("v1", series - series / 10)].map(|(version, count)| {
        let value = |index: u32| f64::from(1_000 * (look + 10) + index % 7 * (look + 1));
        (0..count).map(|index| of(&mesh_labels(index, version), value(index), at(look))).collect()
    })
}

fn sample(labels: &Labels, value: f64, at: Timestamp) -> Sample {
    Sample::new(labels.clone(), value, at)
}

fn many_counters(look: u32, series: u32) -> MetricOutcome {
    let [canary, stable] = many(look, series, sample).map(|requests| {
        let events = requests.iter().map(|sample| Sample { value: (sample.value * 0.01).floor(), ..sample.clone() });
        Ok(Counters { events: events.collect(), requests })
    });
    MetricOutcome::Counters(PerArm { stable, canary })
}

fn many_histograms(look: u32, series: u32) -> MetricOutcome {
    let [canary, stable] = many(look, series, sample).map(|samples| {
        let histogram = |sample: Sample| {
            let Sample { series, labels, at, value } = sample;
            let buckets = [(0.05, 0.9), (0.1, 0.95), (0.25, 0.98), (0.5, 0.99), (1.0, 0.999), (f64::INFINITY, 1.0)];
            let buckets = buckets.map(|(edge, share): (f64, f64)| (edge, (value * share).floor()));
            HistogramSample { series, labels, at, histogram: Histogram::classic(&buckets, None).unwrap() }
        };
        Ok(samples.into_iter().map(histogram).collect())
    });
    MetricOutcome::Histograms(PerArm { stable, canary })
}

fn many_gauges(look: u32, series: u32) -> MetricOutcome {
    let [canary, stable] = many(look, series, sample).map(Ok);
    MetricOutcome::Gauges(PerArm { stable, canary })
}

/// What is kept after three looks, in bytes, and what the last look came to.
fn kept(metric: &str, outcome: impl Fn(u32) -> MetricOutcome) -> (usize, LookResult) {
    let metrics = metrics(metric);
    let (mut state, mut clock) = (AnalysisState::default(), Clock::start(at(0)));
    let mut last = None;
    for look in 0..3 {
        let mut session = Session::resume(&metrics, settings(), STEP.weight, clock, &state);
        let outcome = vec![(metrics[0].name.clone(), outcome(look))];
        last =
            Some(session.look(&Measurement { at: at(look), metrics: outcome, queries: Vec::new(), spared: 0 }, &STEP));
        (state, clock) = (session.state(), session.clock().clone());
    }
    (serde_json::to_string(&state).unwrap().len(), last.unwrap())
}

#[test]
fn the_state_of_thousands_of_series_is_small() {
    // With the names of the series instead of their hashes, 1,000 series took 464 kB. A histogram is a dozen series.
    for (series, counters, histograms, gauges) in
        [(10, 6, 6, 3), (100, 10, 10, 6), (1_000, 40, 60, 45), (5_000, 120, 60, 190)]
    {
        let sizes = [
            (counters, kept(ERRORS, |look| many_counters(look, series))),
            (histograms, kept(LATENCY, |look| many_histograms(look, series.min(1_000)))),
            (gauges, kept(MEMORY, |look| many_gauges(look, series))),
        ];
        for (most, (size, look)) in sizes {
            println!("{series} series, {}: {size} bytes", look.evidence[0].kind);
            assert!(size <= most * 1_024, "{series} series, {}: {size} bytes", look.evidence[0].kind);
            assert!(look.fresh && look.blind.is_none(), "{series}: {:?}", look.blind);
        }
    }
}

#[test]
fn what_would_not_fit_into_a_status_is_not_counted_and_says_what_to_do() {
    let (size, look) = kept(ERRORS, |look| many_counters(look, 20_000));
    assert!(size < 10_000, "{size}");
    let gap = look.blind.expect("it can't be seen");
    assert_eq!(gap.reason, "TooManySeries");
    assert!(
        gap.message.starts_with("http/errors: too many series: ") && gap.message.contains("sum by (pod)"),
        "{gap:?}"
    );
    assert!(look.evidence[0].message.contains("too many series"), "{:?}", look.evidence[0]);
    assert!(!look.clear && matches!(look.decision.verdict, Verdict::NoData { .. }), "{:?}", look.decision);
}

#[test]
fn a_metric_that_fits_is_judged_beside_one_that_does_not() {
    let template = format!("{{metrics: [{ERRORS}, {ORDERS}]}}");
    let template: AnalysisTemplateSpec = serde_saphyr::from_str(&template).unwrap();
    let metrics = resolve(&[("http".to_owned(), &template)], &[]).unwrap();
    let mut session = Session::start(&metrics, settings(), STEP.weight, Clock::start(at(0)));
    let mut last = None;
    for look in 0..3 {
        let outcomes = vec![
            (metrics[0].name.clone(), many_counters(look, 20_000)),
            (metrics[1].name.clone(), counters(look, [0.06; 2], 0.06)),
        ];
        last =
            Some(session.look(&Measurement { at: at(look), metrics: outcomes, queries: Vec::new(), spared: 0 }, &STEP));
    }
    let evidence = &last.unwrap().evidence;
    assert!(evidence[0].canary.is_some_and(|arm| arm.requests <= 0.0), "{:?}", evidence[0]);
    assert!(evidence[1].canary.is_some_and(|arm| arm.requests > 0.0), "{:?}", evidence[1]);
}
