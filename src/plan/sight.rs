//! What people should know of a run beside its verdicts: what its steps will be able to see, and whether the traffic
//! comes in the planned share.

use super::{draft::Draft, facts::Facts, look};
use crate::{
    analysis::{
        LookResult, Settings, Usual,
        power::{PlannedStep, Question, power},
    },
    api::{Analysis, condition},
};

/// Says what each step can find and how long a good version takes, by what history says is usual.
pub(super) fn foretell(draft: &mut Draft<'_>, facts: &Facts<'_>, analysis: &Analysis, usual: &[Usual]) {
    let steps = facts.steps.iter().filter(|step| step.weight < look::ALL).map(|step| {
        let (min, max) = step.times();
        PlannedStep { weight: f64::from(step.weight), min, max }
    });
    let steps: Vec<PlannedStep> = steps.collect();
    let settings = Settings::from(analysis);
    let critical: f64 =
        facts.metrics.iter().filter(|metric| metric.spec.is_critical()).map(|metric| metric.spec.weight).sum();
    let (mut sentences, mut warnings) = (Vec::new(), Vec::new());
    for usual in usual.iter().filter(|usual| usual.rate < 1.0) {
        let Some(metric) = facts.metrics.iter().find(|metric| metric.name == usual.metric) else { continue };
        if !metric.spec.is_critical() || steps.is_empty() {
            continue;
        }
        let question =
            Question { metric: metric.spec.name.clone(), ..Question::of(metric, &settings, usual, critical) };
        let answer = power(&question, &steps, &[]);
        sentences.push(answer.explain());
        warnings.extend(answer.warnings);
    }
    if sentences.is_empty() {
        let unknown = "history does not tell how many requests and errors are usual";
        return draft.condition(condition::DETECTABLE, false, condition::detectable::UNKNOWN, unknown);
    }
    let sees = warnings.is_empty();
    let reason = if sees { condition::detectable::FORESEEN } else { condition::detectable::TOO_LITTLE };
    sentences.extend(warnings);
    draft.condition(condition::DETECTABLE, sees, reason, &sentences.join(". "));
}

/// Says where the canary does not get the share of the requests that it should.
pub(super) fn routing(draft: &mut Draft<'_>, look: &LookResult) {
    let known =
        draft.status.conditions.iter().find(|known| known.type_ == condition::ROUTED).map(|known| &known.status);
    let warned = known.is_some_and(|status| status == "False");
    match &look.routing {
        Some(_) if warned => {}
        Some(ratio) => {
            let message = ratio.explain();
            draft.condition(condition::ROUTED, false, condition::routed::NOT_HONOURED, &message);
            draft.warn(condition::routed::NOT_HONOURED, &message);
        }
        None if warned => {
            draft.condition(
                condition::ROUTED,
                true,
                condition::routed::AS_PLANNED,
                "requests come in the planned share",
            );
        }
        None => {}
    }
}
