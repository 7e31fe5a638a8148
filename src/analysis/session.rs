//! An analysis while it goes on: one judge for each metric, and the clock of the step.
//!
//! A look that shows nothing new changes nothing. A look that can't see is never a verdict.

use super::{Clock, Gap, Metric, Settings, Sight, Step, evidence, watch::Watch};
use crate::{
    api::{MetricEvidence, MetricState},
    judge::{self, Decision, LimitLook, LimitReading, Look, MetricLook, StepClock, StepWeight, Verdict},
    measure::Measurement,
    model::Timestamp,
};

/// An analysis while it goes on.
#[derive(Clone, Debug)]
pub struct Session<'a> {
    metrics: &'a [Metric],
    settings: Settings,
    clock: Clock,
    watches: Vec<Watch>,
}

/// What one look came to.
#[derive(Clone, Debug)]
pub struct LookResult {
    /// The time of the numbers.
    pub at: Timestamp,
    /// What the judge says.
    pub decision: Decision,
    /// What each metric says, in the order of the metrics.
    pub evidence: Vec<MetricEvidence>,
    /// What each metric gave, in the same order.
    pub sights: Vec<Sight>,
    /// Everything that the decision was made from.
    pub look: Look,
    /// Whether Prometheus answered for every critical metric. Without that no weight is raised.
    pub clear: bool,
    /// Whether there was anything new.
    pub fresh: bool,
    /// Why nothing can be seen; the decision is none then.
    pub blind: Option<Gap>,
    /// The canary's share of the requests that were new at this look, from 0 to 1.
    pub share: Option<f64>,
}

impl LookResult {
    /// What the judge says, where something can be seen.
    pub fn seen(&self) -> Option<&Decision> {
        self.blind.is_none().then_some(&self.decision)
    }

    /// The verdict in one word.
    pub fn word(&self) -> &'static str {
        match &self.decision.verdict {
            Verdict::Rollback(_) => "Regression",
            Verdict::Advance { .. } => "Safe",
            Verdict::TimedOut { .. } => "TimedOut",
            Verdict::Continue(_) => "Undecided",
            Verdict::NoData { .. } => "NoData",
        }
    }
}

impl<'a> Session<'a> {
    /// An analysis that has seen nothing.
    pub fn start(metrics: &'a [Metric], settings: Settings, weight: StepWeight, clock: Clock) -> Self {
        Self::resume(metrics, settings, weight, clock, &[])
    }

    /// An analysis that goes on from stored states, in the step in which they were stored. A metric without a state, or
    /// with one that can't be read, starts anew.
    pub fn resume(
        metrics: &'a [Metric],
        settings: Settings,
        weight: StepWeight,
        clock: Clock,
        states: &[MetricState],
    ) -> Self {
        let known =
            |metric: &Metric| states.iter().find(|state| state.name == metric.name).map(|state| state.state.as_str());
        let watches = metrics.iter().map(|metric| Watch::resume(metric, &settings, weight, known(metric))).collect();
        Self { metrics, settings, clock, watches }
    }

    /// The metrics' states, exact to the bit; those that have begun.
    pub fn states(&self) -> Vec<MetricState> {
        let state =
            |(metric, watch): (&Metric, &Watch)| Some(MetricState { name: metric.name.clone(), state: watch.state()? });
        self.metrics.iter().zip(&self.watches).filter_map(state).collect()
    }

    /// The clock of the step.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The metrics that are judged.
    pub fn metrics(&self) -> &'a [Metric] {
        self.metrics
    }

    /// What the analysis was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The next weight is reached. Safety is shown anew at every weight; evidence for harm stays, since the chance of a
    /// false rollback is for the whole analysis.
    pub fn new_step(&mut self, weight: StepWeight, now: Timestamp) {
        self.clock.restart(now);
        for watch in &mut self.watches {
            match watch {
                Watch::Counts(watch) => watch.judge.new_step(weight),
                Watch::Limit(_) => {}
            }
        }
    }

    /// Takes what one look measured.
    pub fn look(&mut self, measurement: &Measurement, step: &Step) -> LookResult {
        let now = measurement.at;
        let outcome = |metric: &Metric| {
            measurement.metrics.iter().find(|(name, _)| *name == metric.name).map(|(_, outcome)| outcome)
        };
        let watches = self.watches.iter_mut();
        let sights: Vec<Sight> =
            self.metrics.iter().zip(watches).map(|(metric, watch)| watch.look(outcome(metric))).collect();
        let blind = self.blindness(&sights, now).filter(|gap| gap.at_once || step.compares());
        let fresh = sights.iter().any(|sight| sight.fresh) && blind.is_none();
        match &blind {
            Some(gap) => self.clock.lose_sight(now, gap),
            None if fresh => self.clock.see(now, self.settings.interval),
            None => {}
        }
        let look = self.assemble(&sights, step, blind.as_ref());
        let hidden = |(metric, sight): (&Metric, &Sight)| {
            metric.spec.is_critical() && sight.gap.as_ref().is_some_and(|gap| gap.at_once)
        };
        LookResult {
            at: now,
            decision: judge::decide(&look),
            evidence: self.evidence(&sights),
            clear: !self.metrics.iter().zip(&sights).any(hidden),
            fresh,
            blind,
            share: sights.iter().find_map(|sight| sight.share),
            look,
            sights,
        }
    }

    /// Why nothing can be seen: the first critical metric with a gap that counts.
    fn blindness(&self, sights: &[Sight], now: Timestamp) -> Option<Gap> {
        let lasts = self.clock.lasts(now, self.settings.interval);
        self.metrics.iter().zip(sights).filter(|(metric, _)| metric.spec.is_critical()).find_map(|(metric, sight)| {
            let gap = sight.gap.as_ref().filter(|gap| gap.at_once || lasts)?;
            Some(Gap { message: format!("{}: {}", metric.name, gap.message), ..gap.clone() })
        })
    }

    fn assemble(&self, sights: &[Sight], step: &Step, blind: Option<&Gap>) -> Look {
        let mut look = Look {
            metrics: Vec::new(),
            limits: Vec::new(),
            clock: StepClock { elapsed: self.clock.elapsed(), min: step.min, max: step.max },
            on_timeout: self.settings.on_timeout,
            false_rollback: self.settings.false_rollback,
        };
        for ((metric, watch), sight) in self.metrics.iter().zip(&self.watches).zip(sights) {
            let missing = blind.filter(|_| sight.gap.is_some()).map(|gap| gap.message.clone());
            let (name, critical) = (metric.name.clone(), metric.spec.is_critical());
            match watch {
                Watch::Counts(watch) => {
                    let evidence = judge::MetricEvidence::Counts(watch.judge.evidence(self.clock.elapsed()));
                    look.metrics.push(MetricLook { name, weight: metric.spec.weight, critical, evidence, missing });
                }
                Watch::Limit(watch) => {
                    let reading = sight.limit.unwrap_or(LimitReading {
                        value: None,
                        breaches: watch.state.breaches,
                        breached: false,
                    });
                    look.limits.push(LimitLook { name, critical, limit: watch.limit, reading, missing });
                }
            }
        }
        look
    }

    fn evidence(&self, sights: &[Sight]) -> Vec<MetricEvidence> {
        let elapsed = self.clock.elapsed();
        let metrics = self.metrics.iter().zip(&self.watches).zip(sights);
        metrics
            .map(|((metric, watch), sight)| match watch {
                Watch::Counts(watch) => evidence::of_counts(metric, &watch.judge.evidence(elapsed), sight),
                Watch::Limit(watch) => evidence::of_limit(metric, watch, sight),
            })
            .collect()
    }
}
