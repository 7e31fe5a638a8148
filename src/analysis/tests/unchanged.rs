//! A look without a new sample changes nothing: not the state, not the clock, not a word or number that is shown.

use super::*;

const SATURATION: &str = "{name: saturation, threshold: {query: q, max: 0.9}}";

/// A sample of some kind of metric, at a look.
type Sampled = fn(u32) -> MetricOutcome;

fn gauges(look: u32) -> MetricOutcome {
    let arm = |value: f64| Ok(["a", "b", "c"].map(|pod| Sample::new(labels(pod), value, at(look))).to_vec());
    MetricOutcome::Gauges(PerArm { canary: arm(100.0 + f64::from(look % 3)), stable: arm(100.0) })
}

fn kinds() -> [(&'static str, Sampled); 7] {
    [
        (ERRORS, |look| counters(look, [0.01, 0.02], 0.005)),
        (ORDERS, |look| counters(look, [0.03; 2], 0.06)),
        ("{name: errors, errorRate: {requests: r, errors: e}, limit: {max: 0.5}}", |look| {
            counters(look, [0.01; 2], 0.005)
        }),
        (LATENCY, |look| histograms(look, 0.02)),
        (MEMORY, gauges),
        (SATURATION, |_| MetricOutcome::Value(Ok(0.5))),
        (SATURATION, |_| MetricOutcome::Value(Ok(0.95))),
    ]
}

/// What a status shows and keeps after a look.
#[derive(Debug, PartialEq)]
struct Kept {
    state: crate::api::AnalysisState,
    clock: Clock,
    evidence: Vec<crate::api::MetricEvidence>,
    message: String,
    warnings: Vec<String>,
    word: &'static str,
}

struct Looks {
    metrics: Vec<Metric>,
    clock: Clock,
    state: crate::api::AnalysisState,
}

impl Looks {
    fn of(metric: &str) -> Self {
        Self { metrics: metrics(metric), clock: Clock::start(at(0)), state: crate::api::AnalysisState::default() }
    }

    /// Each look goes on from what is kept, as after a restart.
    fn look(&mut self, outcome: MetricOutcome, now: Timestamp) -> Kept {
        let mut session = Session::resume(&self.metrics, settings(), STEP.weight, self.clock.clone(), &self.state);
        let metrics = vec![(self.metrics[0].name.clone(), outcome)];
        let look = session.look(&Measurement { at: now, metrics, queries: Vec::new(), spared: 0 }, &STEP);
        self.clock = session.clock().clone();
        self.state = session.state();
        Kept {
            state: self.state.clone(),
            clock: self.clock.clone(),
            message: look.decision.verdict.explain(),
            warnings: look.decision.warnings.clone(),
            word: look.word(),
            evidence: look.evidence,
        }
    }
}

#[test]
fn the_same_samples_once_more_change_nothing_whatever_the_kind() {
    for (metric, sampled) in kinds() {
        let mut looks = Looks::of(metric);
        for look in 0..6 {
            let before = looks.look(sampled(look), at(look));
            for later in [0, 200, 900, 5_000, 13_000] {
                let now = at(look) + jiff::SignedDuration::from_millis(later);
                assert_eq!(looks.look(sampled(look), now), before, "{metric}, {later} ms");
            }
        }
    }
}

fn missing<T>() -> Result<T, crate::measure::Gap> {
    Err(crate::measure::Gap::NoSeries("q".to_owned()))
}

#[test]
fn while_only_the_canary_is_seen_nothing_is_written_either() {
    for (metric, sampled) in kinds().into_iter().take(5) {
        let canary_alone = |look: u32| match sampled(look) {
            MetricOutcome::Counters(arms) => MetricOutcome::Counters(PerArm { stable: missing(), ..arms }),
            MetricOutcome::Histograms(arms) => MetricOutcome::Histograms(PerArm { stable: missing(), ..arms }),
            MetricOutcome::Gauges(arms) => MetricOutcome::Gauges(PerArm { stable: missing(), ..arms }),
            value @ MetricOutcome::Value(_) => value,
        };
        let mut looks = Looks::of(metric);
        let before = looks.look(canary_alone(0), at(0));
        assert_eq!(looks.look(canary_alone(1), at(1)), before, "{metric}");
    }
}

/// The canary's pods are scraped at even looks, the stable version's at odd ones.
fn staggered(look: u32, sampled: Sampled) -> MetricOutcome {
    let (even, odd) = (look / 2 * 2, look.div_ceil(2) * 2);
    match (sampled(even), sampled(odd.saturating_sub(1))) {
        (MetricOutcome::Counters(canary), MetricOutcome::Counters(stable)) => {
            MetricOutcome::Counters(PerArm { canary: canary.canary, stable: stable.stable })
        }
        (MetricOutcome::Histograms(canary), MetricOutcome::Histograms(stable)) => {
            MetricOutcome::Histograms(PerArm { canary: canary.canary, stable: stable.stable })
        }
        (other, _) => other,
    }
}

#[test]
fn versions_that_are_scraped_at_different_moments_are_compared_over_the_same_time() {
    for (metric, sampled) in [kinds()[0], kinds()[3]] {
        let mut looks = Looks::of(metric);
        let mut last = None;
        for look in 0..21 {
            last = Some(looks.look(staggered(look, sampled), at(look)));
        }
        let last = last.unwrap();
        let requests = |arm: Option<crate::api::ArmCounts>, quantiles: Option<crate::api::ArmQuantiles>| {
            arm.map(|arm| arm.requests).or_else(|| quantiles.map(|arm| arm.requests)).unwrap_or(0.0)
        };
        let evidence = &last.evidence[0];
        let canary = requests(evidence.canary, evidence.canary_quantiles);
        let stable = requests(evidence.stable, evidence.stable_quantiles);
        assert!(canary >= 17_000.0 && stable >= 17_000.0, "nothing is lost: {canary} and {stable}");
        assert_eq!(last.clock.blind, None);
    }
}

#[test]
fn looks_between_two_scrapes_do_not_make_the_run_blind_and_an_outage_is_noticed_in_two_minutes() {
    let metrics = metrics(ERRORS);
    let settings = Settings { interval: Duration::from_secs(2), ..settings() };
    let second = |second: u32| Timestamp::from_second(1_790_000_000 + i64::from(second)).unwrap();
    let mut session = Session::start(&metrics, settings, STEP.weight, Clock::start(second(0)));
    let mut look = |now: u32, scrape: u32| {
        let outcome = vec![(metrics[0].name.clone(), counters(scrape, [0.005; 2], 0.005))];
        let measurement = Measurement { at: second(now), metrics: outcome, queries: Vec::new(), spared: 0 };
        session.look(&measurement, &STEP).blind
    };
    for now in (0..600).step_by(2) {
        assert_eq!(look(now, now / 30), None, "at {now} s");
    }
    // The last scrape was at 570 s.
    let noticed = (600..900).step_by(2).find(|now| look(*now, 19).is_some());
    assert_eq!(noticed, Some(662));
}

#[test]
fn an_analysis_that_is_kept_between_looks_is_the_one_that_goes_on() {
    for canary_is_new in [false, true] {
        for (metric, sampled) in kinds() {
            let metrics = metrics(metric);
            let settings = || Settings { canary_is_new, ..settings() };
            let clock = Clock::start(at(0));
            let mut whole = Session::start(&metrics, settings(), STEP.weight, clock.clone());
            let (mut kept_clock, mut kept) = (clock, crate::api::AnalysisState::default());
            for look in 0..30 {
                let outcome = vec![(metrics[0].name.clone(), sampled(look))];
                let measurement = Measurement { at: at(look), metrics: outcome, queries: Vec::new(), spared: 0 };
                let one = whole.look(&measurement, &STEP);
                let mut resumed = Session::resume(&metrics, settings(), STEP.weight, kept_clock.clone(), &kept);
                let other = resumed.look(&measurement, &STEP);
                kept_clock = resumed.clock().clone();
                kept = resumed.state();
                assert_eq!(one.evidence, other.evidence, "{metric}, new canary: {canary_is_new}, look {look}");
                assert_eq!(whole.state(), kept, "{metric}, new canary: {canary_is_new}, look {look}");
            }
        }
    }
}
