//! An analysis while it goes on: one judge for each metric, and the clock of the step.
//!
//! A look that shows nothing new changes nothing. A look that can't see is never a verdict.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{
    Clock, Gap, LookTime, Metric, Settings, Sight, Step, evidence,
    history::{self, Usual},
    watch::Watch,
};
use crate::{
    api::{AnalysisState, LearnedLater, MetricBaseline, MetricEvidence, MetricState, StepLooks},
    judge::{
        self, Decision, LimitLook, Look, MetricEvidence as JudgeEvidence, MetricLook, SampleRatio, StepClock,
        StepWeight, Verdict,
    },
    measure::Measurement,
    model::Timestamp,
};

/// The states of all metrics of an analysis may have as many bytes: with the rest, a status stays below 256 KiB. The API
/// server takes objects of 1.5 MiB, and a Rollout and the AnalysisRun of its run hold the same state each.
const MOST_STATE: usize = 192 * 1024;

/// After so much that was learned later no more is learned: it is kept for a replay, and what is seen once an hour and
/// raises what is known becomes rare.
const MOST_LEARNED: usize = 64;

/// An analysis while it goes on.
#[derive(Clone, Debug)]
pub struct Session<'a> {
    metrics: &'a [Metric],
    settings: Settings,
    weight: StepWeight,
    clock: Clock,
    watches: Vec<Watch>,
    /// What is kept beside the judges.
    kept: AnalysisState,
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
    /// Where the requests of the step do not come in the planned share.
    pub routing: Option<SampleRatio>,
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
        Self::resume(metrics, settings, weight, clock, &AnalysisState::default())
    }

    /// An analysis that goes on from what was kept, in the step in which it was kept. A metric without a state, or with
    /// one that can't be read, starts anew.
    pub fn resume(
        metrics: &'a [Metric],
        settings: Settings,
        weight: StepWeight,
        clock: Clock,
        kept: &AnalysisState,
    ) -> Self {
        let watches = metrics.iter().map(|metric| {
            let state = kept.metrics.iter().find(|state| state.name == metric.name).map(|state| state.state.as_str());
            let baseline = kept.baselines.iter().find(|known| known.name == metric.name);
            Watch::resume(metric, &settings, weight, state, baseline.map(|known| known.baseline.as_str()))
        });
        let watches = watches.collect();
        Self { metrics, settings, weight, clock, watches, kept: kept.clone() }
    }

    /// What has to be kept, exact to the bit. States of metrics that are not judged any more are kept, too.
    pub fn state(&self) -> AnalysisState {
        let mut kept = self.kept.clone();
        for (metric, watch) in self.metrics.iter().zip(&self.watches) {
            let Some(state) = watch.state() else { continue };
            match kept.metrics.iter_mut().find(|known| known.name == metric.name) {
                Some(known) => known.state = state,
                None => kept.metrics.push(MetricState { name: metric.name.clone(), state }),
            }
        }
        kept
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

    /// The judges, in the order of the metrics.
    pub(super) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The next weight is reached. Safety is shown anew at every weight; evidence for harm stays, since the chance of a
    /// false rollback is for the whole analysis.
    pub fn new_step(&mut self, step: &Step, now: Timestamp) {
        let weight = step.weight;
        self.weight = weight;
        self.clock.restart(now);
        self.kept.sample_ratio.get_or_insert_default().new_step();
        match self.kept.steps.last_mut().filter(|last| last.reached_at.is_none() && is_of(last, step)) {
            Some(entered) => entered.reached_at = Some(MicroTime(now)),
            // A step that is begun again, after a person resumed.
            None => self.kept.steps.push(StepLooks { reached_at: Some(MicroTime(now)), ..StepLooks::enter(step, now) }),
        }
        self.watches.iter_mut().for_each(|watch| watch.new_step(weight));
    }

    /// Takes what Prometheus said of the time before, oldest first. What comes after a metric's first counts can only raise
    /// what is known to vary. Gives what is usual of the metrics that count, for what the steps can see; nothing where
    /// Prometheus could not say and no metric has begun: then it is to be asked again.
    pub fn learn(&mut self, history: &[Measurement], now: Timestamp) -> Option<Vec<Usual>> {
        if !history::tells(history) && !self.watches.iter().any(Watch::has_begun) {
            return None;
        }
        let now = MicroTime(now);
        let asked_at =
            if self.kept.learned_at.is_none() { &mut self.kept.learned_at } else { &mut self.kept.refreshed_at };
        *asked_at = Some(now.clone());
        let mut usual = Vec::new();
        for (metric, watch) in self.metrics.iter().zip(&mut self.watches) {
            let Some(learned) = history::learn(metric, history) else { continue };
            usual.extend(learned.usual(metric));
            let MetricBaseline { name, baseline } = learned.baseline;
            if !watch.has_begun() {
                watch.learn(metric, &self.settings, self.weight, &baseline);
                self.kept.baselines.retain(|known| known.name != name);
                self.kept.baselines.push(MetricBaseline { name, baseline });
            } else if self.kept.learned_later.len() < MOST_LEARNED
                && watch.learn(metric, &self.settings, self.weight, &baseline)
            {
                self.kept.learned_later.push(LearnedLater { at: now.clone(), name, baseline });
            }
        }
        Some(usual)
    }

    /// Takes what another session had learned of its metrics before they began, as that one kept it.
    pub fn recall(&mut self, learned: &AnalysisState) {
        self.kept.learned_at.clone_from(&learned.learned_at);
        self.kept.baselines.clone_from(&learned.baselines);
        for known in &learned.baselines {
            self.recall_one(&known.name, &known.baseline);
        }
    }

    /// Takes what another session learned of a metric that had begun.
    pub fn recall_later(&mut self, learned: &LearnedLater) {
        self.recall_one(&learned.name, &learned.baseline);
    }

    fn recall_one(&mut self, name: &str, baseline: &str) {
        let mut watches = self.metrics.iter().zip(&mut self.watches);
        if let Some((metric, watch)) = watches.find(|(metric, _)| metric.name == name) {
            watch.learn(metric, &self.settings, self.weight, baseline);
        }
    }

    /// Takes what one look measured.
    pub fn look(&mut self, measurement: &Measurement, step: &Step) -> LookResult {
        self.take(measurement, step, None)
    }

    /// Takes a look once more, for which the step's clock went on by so much: what could not be seen then does not count
    /// now, should Prometheus know of it all the same.
    pub fn look_again(&mut self, measurement: &Measurement, step: &Step, clock_ms: u64) -> LookResult {
        self.take(measurement, step, Some(clock_ms))
    }

    fn take(&mut self, measurement: &Measurement, step: &Step, clock_ms: Option<u64>) -> LookResult {
        let now = measurement.at;
        let before = (self.watches.clone(), self.clock.clone());
        let outcome = |metric: &Metric| {
            measurement.metrics.iter().find(|(name, _)| *name == metric.name).map(|(_, outcome)| outcome)
        };
        let watches = self.watches.iter_mut();
        let mut sights: Vec<Sight> =
            self.metrics.iter().zip(watches).map(|(metric, watch)| watch.look(outcome(metric), now)).collect();
        self.keep_small(&mut sights);
        let blind = self.blindness(&sights, now).filter(|gap| gap.at_once || step.compares());
        let fresh = sights.iter().any(|sight| sight.fresh) && blind.is_none();
        match &blind {
            Some(gap) => self.clock.lose_sight(now, gap),
            None if fresh => self.clock.see(now, self.settings.interval),
            None => {}
        }
        if let Some(clock_ms) = clock_ms {
            self.clock.elapsed_ms = before.1.elapsed_ms + clock_ms;
        }
        self.write_down(&before, step, now);
        let routing = self.routing(&sights, step);
        let look = self.assemble(&sights, step, blind.as_ref());
        let decision = judge::decide(&look);
        let hidden = |(metric, sight): (&Metric, &Sight)| {
            metric.spec.is_critical() && sight.gap.as_ref().is_some_and(|gap| gap.at_once)
        };
        LookResult {
            at: now,
            evidence: evidence::of_look(self.metrics, &look, &decision, &sights),
            decision,
            clear: !self.metrics.iter().zip(&sights).any(hidden),
            fresh,
            blind,
            share: sights.iter().find_map(|sight| sight.share),
            routing,
            look,
            sights,
        }
    }

    /// The same look once more, where a new step has begun after it: nothing has been shown at that weight yet.
    pub fn reconsider(&self, look: LookResult, step: &Step) -> LookResult {
        let assembled = self.assemble(&look.sights, step, look.blind.as_ref());
        let decision = judge::decide(&assembled);
        LookResult {
            evidence: evidence::of_look(self.metrics, &assembled, &decision, &look.sights),
            decision,
            look: assembled,
            ..look
        }
    }

    /// Begins the metrics anew whose states would not fit into a status, the largest first, and says so: a status that
    /// can't be written would leave the run where it is, without a word.
    fn keep_small(&mut self, sights: &mut [Sight]) {
        let mut sizes: Vec<usize> =
            self.watches.iter().map(|watch| watch.state().map_or(0, |state| state.len())).collect();
        while sizes.iter().sum::<usize>() > MOST_STATE {
            let Some(largest) = (0..sizes.len()).max_by_key(|index| sizes[*index]) else { return };
            let metric = &self.metrics[largest];
            let baseline = self.kept.baselines.iter().find(|known| known.name == metric.name);
            let baseline = baseline.map(|known| known.baseline.as_str());
            self.watches[largest] = Watch::resume(metric, &self.settings, self.weight, None, baseline);
            self.kept.metrics.retain(|kept| kept.name != metric.name);
            let gap = Gap::too_many_series(sizes[largest], MOST_STATE);
            sights[largest] = Sight { gap: Some(gap), ..Sight::default() };
            sizes[largest] = 0;
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

    /// Writes the time of a look down that changed what is known.
    fn write_down(&mut self, before: &(Vec<Watch>, Clock), step: &Step, now: Timestamp) {
        if !self.kept.steps.last().is_some_and(|last| is_of(last, step)) {
            let reached_at = self.clock.reached_at.map(MicroTime);
            self.kept.steps.push(StepLooks { reached_at, ..StepLooks::enter(step, now) });
        }
        let (watches, clock) = before;
        if (watches, clock) == (&self.watches, &self.clock) {
            return;
        }
        let clock_ms = self.clock.elapsed_ms.saturating_sub(clock.elapsed_ms);
        if let Some((last, before)) = self.kept.steps.split_last_mut() {
            last.add(LookTime { at: now, clock_ms }, before.iter().map(|step| step.count).sum());
        }
    }

    /// Compares the requests of the step with its weight.
    fn routing(&mut self, sights: &[Sight], step: &Step) -> Option<SampleRatio> {
        let planned = step.planned.filter(|_| self.clock.reached_at.is_some())? / 100.0;
        let ratio = self.kept.sample_ratio.get_or_insert_default();
        if let Some(counts) = sights.iter().find_map(|sight| sight.counts) {
            ratio.look(counts.canary_requests, counts.stable_requests);
        }
        ratio.compare(planned).filter(SampleRatio::is_mismatch)
    }

    fn assemble(&self, sights: &[Sight], step: &Step, blind: Option<&Gap>) -> Look {
        let elapsed = self.clock.elapsed();
        let mut look = Look {
            metrics: Vec::new(),
            limits: Vec::new(),
            clock: StepClock { elapsed, min: step.min, max: step.max },
            on_timeout: self.settings.on_timeout,
            false_rollback: self.settings.false_rollback,
        };
        for ((metric, watch), sight) in self.metrics.iter().zip(&self.watches).zip(sights) {
            let missing = blind.filter(|_| sight.gap.is_some()).map(|gap| gap.message.clone());
            let (name, critical) = (metric.name.clone(), metric.spec.is_critical());
            let evidence = match watch {
                Watch::Counts(watch) => JudgeEvidence::Counts(watch.judge.evidence(elapsed)),
                Watch::Latency(watch) => JudgeEvidence::Latency(watch.judge.evidence(elapsed)),
                Watch::Gauge(watch) => JudgeEvidence::Gauge(Box::new(watch.judge.evidence(elapsed))),
                Watch::Limit(watch) => {
                    let reading = sight.limit.unwrap_or_else(|| watch.unseen());
                    look.limits.push(LimitLook { name, critical, limit: watch.limit(), reading, missing });
                    continue;
                }
            };
            look.metrics.push(MetricLook { name, weight: metric.spec.weight, critical, evidence, missing });
        }
        look
    }
}

/// Whether looks of this step go into the record of that one.
fn is_of(record: &StepLooks, step: &Step) -> bool {
    let StepWeight { weight, final_weight } = step.weight;
    record.weight.total_cmp(&weight).is_eq() && record.final_weight.total_cmp(&final_weight).is_eq()
}
