//! The decision at one look, from the evidence of all metrics.
//!
//! In this order: (1) without data on anything critical there is no decision. (2) Harm, or a broken hard limit, rolls
//! back; a metric that lacks data now still counts with the evidence that it has. (3) If any critical metric lacks
//! data, nothing is promoted. (4) Safety of every critical metric after the minimum time advances. (5) The maximum
//! time ends the step as the user chose. (6) Otherwise the answer is "not yet".

use std::time::Duration;

use super::combine::{e_bh, log_threshold, log_weighted_mean};
use super::evidence::MetricEvidence;
use super::limit::{Limit, LimitReading};

/// Share of false alarms among the warnings of non-critical metrics.
const WARNING_LEVEL: f64 = 0.1;
/// Chance of a false warning of one metric that has no e-value.
const LONE_WARNING_LEVEL: f64 = 0.05;
/// A step that timed out may be promoted undecided only below this e-value for harm.
const SUSPICION: f64 = 10.0;

/// One metric at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricLook {
    /// The metric's name, as the user wrote it.
    pub name: String,
    /// Its part in the evidence for harm, relative to the other critical metrics.
    pub weight: f64,
    /// Whether it decides; otherwise it only warns.
    pub critical: bool,
    /// Where its judgement stands.
    pub evidence: MetricEvidence,
    /// Why there are no data now, as the end of a sentence ("Prometheus does not answer"); none when there are.
    pub missing: Option<String>,
}

/// One hard limit at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitLook {
    /// The metric's name, as the user wrote it.
    pub name: String,
    /// Whether it decides; otherwise it only warns.
    pub critical: bool,
    /// What the value must keep to.
    pub limit: Limit,
    /// What the look found.
    pub reading: LimitReading,
    /// Why there is no value now, as the end of a sentence; none when there is one.
    pub missing: Option<String>,
}

/// The step's clock. It counts only time in which evidence could be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepClock {
    /// Time since the step's weight was reached.
    pub elapsed: Duration,
    /// The step lasts at least this long.
    pub min: Duration,
    /// Without a decision the step ends after this time.
    pub max: Duration,
}

/// What to do when a step ends without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// Wait for a person.
    Pause,
    /// Roll back.
    Rollback,
    /// Advance if nothing looks wrong (no evidence of harm to speak of, estimates inside the margin), else pause.
    Promote,
}

/// Everything that a decision is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Metrics that compare the two versions.
    pub metrics: Vec<MetricLook>,
    /// Hard limits.
    pub limits: Vec<LimitLook>,
    /// How long the step has lasted and may last.
    pub clock: StepClock,
    /// What to do when it has lasted too long.
    pub on_timeout: OnTimeout,
    /// Chance of rolling back a release that is no worse, for the whole rollout.
    pub false_rollback: f64,
}

/// A decision, and the non-critical metrics that look harmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do.
    pub verdict: Verdict,
    /// Names of non-critical metrics and limits that look wrong; nothing is done about them.
    pub warnings: Vec<String>,
    /// Evidence for harm of all metrics that decide, together: the logarithm of the weighted mean of their e-values.
    pub log_harm: f64,
    /// The evidence for harm that rolls back.
    pub log_harm_threshold: f64,
}

/// What to do after a look, with the numbers that led to it; [`Verdict::explain`] says it in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Traffic back to the stable version.
    Rollback(RollbackCause),
    /// On to the next step.
    Advance {
        /// The critical metrics, all of them safe.
        metrics: Vec<MetricLook>,
        /// How long the step has lasted.
        elapsed: Duration,
    },
    /// The step has lasted too long without a decision.
    TimedOut {
        /// What follows from the user's choice.
        action: TimeoutAction,
        /// What was still missing.
        waiting: Waiting,
        /// How long the step was allowed to last.
        max: Duration,
    },
    /// Not yet.
    Continue(Waiting),
    /// Neither, because there is nothing to see.
    NoData {
        /// The metric that lacks data.
        name: String,
        /// Why, as the end of a sentence.
        reason: String,
    },
}

/// What rolled back.
#[derive(Clone, Debug, PartialEq)]
pub enum RollbackCause {
    /// The canary is worse.
    Regression {
        /// The metric that weighs most.
        metric: Box<MetricLook>,
        /// Evidence of all critical metrics together (weighted mean).
        log_evidence: f64,
        /// The evidence that was needed.
        log_threshold: f64,
    },
    /// One metric rolls back by itself: a gauge that is worse by its margin, or a rate beyond its hard limit.
    OutOfBounds {
        /// The metric.
        metric: Box<MetricLook>,
    },
    /// A value is outside its limit.
    LimitBroken(LimitLook),
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// For the minimum time; everything else has been shown.
    MinimumTime {
        /// How long the step has lasted.
        elapsed: Duration,
        /// How long it lasts at least.
        min: Duration,
    },
    /// For evidence of safety of this metric, the one that is farthest from it.
    Evidence {
        /// The metric.
        metric: Box<MetricLook>,
        /// Time until the step times out.
        time_left: Duration,
    },
    /// For a limit that is being breached, though not for long enough.
    Limit(LimitLook),
}

/// What a step's time limit leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutAction {
    /// Wait for a person.
    Pause,
    /// Traffic back to the stable version.
    Rollback,
    /// On to the next step, undecided.
    Advance,
}

impl Waiting {
    /// Whether the step is expected to time out before what it waits for has come.
    pub fn will_be_late(&self) -> bool {
        match self {
            Self::Evidence { metric, time_left } => {
                metric.evidence.seconds_until_safe().is_none_or(|seconds| seconds > time_left.as_secs_f64())
            }
            Self::MinimumTime { .. } | Self::Limit(_) => false,
        }
    }
}

impl MetricLook {
    /// Whether the metric takes part in the decision.
    fn decides(&self) -> bool {
        self.critical && self.evidence.decides()
    }

    /// Why the metric can't be judged at this look.
    pub(super) fn lack(&self) -> Option<&str> {
        self.missing.as_deref().or(self.evidence.lack())
    }
}

impl LimitLook {
    /// Why there is no value at this look.
    pub(super) fn lack(&self) -> Option<&str> {
        self.missing.as_deref().or(self.reading.value.is_none().then_some("the query gave no value"))
    }
}

/// Decides what to do after a look.
pub fn decide(look: &Look) -> Decision {
    let harm = Harm::of(&look.deciding(), look.false_rollback);
    let Harm { log_evidence: log_harm, log_threshold: log_harm_threshold, .. } = harm;
    Decision { verdict: verdict(look, &harm), warnings: warnings(look), log_harm, log_harm_threshold }
}

impl Look {
    fn deciding(&self) -> Vec<&MetricLook> {
        self.metrics.iter().filter(|metric| metric.decides()).collect()
    }

    /// The chance of a false alarm that one metric may take by itself: its share of the whole where it has no e-value and
    /// decides, a usual one where it only warns, else all of it.
    pub(super) fn level_of(&self, metric: &MetricLook) -> f64 {
        match (metric.evidence.log_harm(), metric.decides()) {
            (Some(_), _) => self.false_rollback,
            (None, true) => Harm::of(&self.deciding(), self.false_rollback).level_per_weight * metric.weight,
            (None, false) => LONE_WARNING_LEVEL,
        }
    }
}

fn verdict(look: &Look, harm: &Harm) -> Verdict {
    let metrics = look.deciding();
    let limits: Vec<&LimitLook> = look.limits.iter().filter(|limit| limit.critical).collect();
    let lacks: Vec<(&str, &str)> = metrics
        .iter()
        .filter_map(|metric| Some((metric.name.as_str(), metric.lack()?)))
        .chain(limits.iter().filter_map(|limit| Some((limit.name.as_str(), limit.lack()?))))
        .collect();
    let no_data = lacks.first().map(|&(name, reason)| Verdict::NoData { name: name.into(), reason: reason.into() });
    let something_seen = lacks.len() < metrics.len() + limits.len();

    if something_seen && let Some(cause) = harm.cause(&metrics, &limits) {
        return Verdict::Rollback(cause);
    }
    if let Some(no_data) = no_data {
        return no_data;
    }
    let Some(waiting) = waiting(&look.clock, &metrics, &limits) else {
        return Verdict::Advance { metrics: metrics.into_iter().cloned().collect(), elapsed: look.clock.elapsed };
    };
    if look.clock.elapsed < look.clock.max {
        return Verdict::Continue(waiting);
    }
    let looks_fine = harm.log_evidence < SUSPICION.ln()
        && metrics.iter().all(|metric| metric.evidence.inside_margin())
        && limits.iter().all(|limit| limit.reading.breaches == 0);
    let action = match look.on_timeout {
        OnTimeout::Promote if looks_fine => TimeoutAction::Advance,
        OnTimeout::Promote | OnTimeout::Pause => TimeoutAction::Pause,
        OnTimeout::Rollback => TimeoutAction::Rollback,
    };
    Verdict::TimedOut { action, waiting, max: look.clock.max }
}

/// The evidence for harm of all critical metrics, and what each may decide by itself.
struct Harm {
    /// Weighted mean of the e-values.
    log_evidence: f64,
    /// The evidence that rolls back.
    log_threshold: f64,
    /// Level per unit of weight for metrics without an e-value: what they take is not there for the e-values.
    level_per_weight: f64,
}

impl Harm {
    /// Metrics without an e-value take their share of the level by weight (Bonferroni); the rest of it belongs to the
    /// weighted mean of the e-values, so the chance of a false rollback is at most `level` together.
    fn of(metrics: &[&MetricLook], level: f64) -> Self {
        let evidence: Vec<(f64, f64)> =
            metrics.iter().filter_map(|metric| Some((metric.evidence.log_harm()?, metric.weight))).collect();
        let total: f64 = metrics.iter().map(|metric| metric.weight).sum();
        let betting: f64 = evidence.iter().map(|(_, weight)| weight).sum();
        let share = if betting > 0.0 && betting < total { betting / total } else { 1.0 };
        Self {
            log_evidence: log_weighted_mean(&evidence),
            log_threshold: log_threshold(level * share),
            level_per_weight: if total > 0.0 { level / total } else { 0.0 },
        }
    }

    fn cause(&self, metrics: &[&MetricLook], limits: &[&LimitLook]) -> Option<RollbackCause> {
        if self.log_evidence >= self.log_threshold {
            let in_mean = |metric: &MetricLook| metric.evidence.log_harm().map(|log| log + metric.weight.ln());
            let worst = metrics
                .iter()
                .filter_map(|metric| Some((metric, in_mean(metric)?)))
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(metric, _)| Box::new((*metric).clone()))?;
            let Self { log_evidence, log_threshold, .. } = *self;
            return Some(RollbackCause::Regression { metric: worst, log_evidence, log_threshold });
        }
        let decides_alone = |metric: &MetricLook| {
            let level = self.level_per_weight * metric.weight;
            metric.evidence.is_over_limit() || metric.evidence.log_harm().is_none() && metric.evidence.is_harmful(level)
        };
        let out_of_bounds = metrics.iter().find(|metric| decides_alone(metric));
        out_of_bounds.map(|metric| RollbackCause::OutOfBounds { metric: Box::new((*metric).clone()) }).or_else(|| {
            limits.iter().find(|limit| limit.reading.breached).map(|limit| RollbackCause::LimitBroken((*limit).clone()))
        })
    }
}

/// What the step waits for; none when all has been shown.
fn waiting(clock: &StepClock, metrics: &[&MetricLook], limits: &[&LimitLook]) -> Option<Waiting> {
    let missing = |metric: &MetricLook| metric.evidence.missing_safety();
    let unsafe_ones = metrics.iter().filter(|metric| !metric.evidence.is_safe());
    let farthest = unsafe_ones.max_by(|a, b| missing(a).total_cmp(&missing(b)));
    if let Some(metric) = farthest {
        let time_left = clock.max.saturating_sub(clock.elapsed);
        return Some(Waiting::Evidence { metric: Box::new((*metric).clone()), time_left });
    }
    if let Some(limit) = limits.iter().find(|limit| limit.reading.breaches > 0) {
        return Some(Waiting::Limit((*limit).clone()));
    }
    (clock.elapsed < clock.min).then_some(Waiting::MinimumTime { elapsed: clock.elapsed, min: clock.min })
}

fn warnings(look: &Look) -> Vec<String> {
    let metrics = || look.metrics.iter().filter(|metric| !metric.decides());
    let (names, evidence): (Vec<&String>, Vec<f64>) =
        metrics().filter_map(|metric| Some((&metric.name, metric.evidence.log_harm()?))).unzip();
    let called = e_bh(&evidence, WARNING_LEVEL).into_iter().map(|index| names[index]);
    let called: Vec<&String> = called.collect();
    let alone = metrics()
        .filter(|metric| {
            metric.evidence.is_over_limit()
                || metric.evidence.log_harm().is_none() && metric.evidence.is_harmful(LONE_WARNING_LEVEL)
        })
        .map(|metric| &metric.name)
        .filter(|name| !called.contains(name));
    let limits = look.limits.iter().filter(|limit| !limit.critical && limit.reading.breached).map(|limit| &limit.name);
    called.iter().copied().chain(alone).chain(limits).cloned().collect()
}

#[cfg(test)]
mod tests;
