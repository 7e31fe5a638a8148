//! Rates as they are, asked from Prometheus with a template's own queries.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::PowerArgs;
use crate::{
    analysis::{Metric, power::Question, request},
    api::{Kind, MarginSpec},
    cli::{
        Failure,
        analyze::{arms, templates},
    },
    judge::{Margin, counters::difference},
    measure::{Arm, Counters, MetricOutcome, PerArm, Sample, Variant, measure},
    model::Clock,
};

/// One question for each metric that counts.
pub(super) async fn questions(args: &PowerArgs, clock: &dyn Clock) -> Result<Vec<Question>, Failure> {
    let Some(address) = &args.prometheus.prometheus else {
        return Err(Failure::usage("it is not said what the traffic is")
            .hint("give --requests-per-second and --error-rate, or -f, --stable and --prometheus"));
    };
    let metrics = templates::metrics(&args.filenames, &args.arguments)?;
    let stable = arms::one("--stable", Variant::Stable, &args.stable, &metrics)?;
    // Only one version runs now; its queries stand for both.
    let arms = PerArm { canary: Arm { variant: Variant::Canary, ..stable.clone() }, stable };
    let client = args.prometheus.client(address)?;
    let now = clock.now();
    let history =
        SignedDuration::try_from(args.history).map_err(|error| Failure::usage(format!("--history: {error}")))?;
    let before = now.checked_sub(history).map_err(|error| Failure::usage(format!("--history: {error}")))?;
    let [then, now] = [before, now].map(|at| request(&metrics, &arms, at));
    let (first, last) = tokio::join!(measure(&client, &then), measure(&client, &now));
    let critical: f64 =
        metrics.iter().filter(|metric| metric.spec.is_critical()).map(|metric| metric.spec.weight).sum();
    let mut questions = Vec::new();
    for (metric, ((_, first), (_, last))) in metrics.iter().zip(first.metrics.iter().zip(&last.metrics)) {
        let Some(Kind::ErrorRate(_) | Kind::Rate(_)) = metric.spec.kind() else {
            eprintln!("note: metric {} is not reckoned: only rates are", metric.name);
            continue;
        };
        let counters = |when: &str, outcome: &MetricOutcome| match outcome {
            MetricOutcome::Counters(PerArm { stable: Ok(counters), .. }) => Ok(counters.clone()),
            outcome => {
                let reason = outcome.gap().map_or_else(|| "there are no counters".to_owned(), ToString::to_string);
                Err(Failure::refused(format!("metric {}, {when}: {reason}", metric.name)))
            }
        };
        let ago = format!("{} ago", humantime::format_duration(args.history));
        let share = if metric.spec.is_critical() { metric.spec.weight / critical } else { 1.0 };
        questions.push(question(args, metric, share, &counters(&ago, first)?, &counters("now", last)?)?);
    }
    if questions.is_empty() {
        return Err(Failure::refused("the templates have no errorRate and no rate: there is nothing to reckon"));
    }
    Ok(questions)
}

fn question(
    args: &PowerArgs,
    metric: &Metric,
    share: f64,
    first: &Counters<Vec<Sample>>,
    last: &Counters<Vec<Sample>>,
) -> Result<Question, Failure> {
    let requests = growth(&first.requests, &last.requests, false);
    let events = growth(&first.events, &last.events, true);
    if requests <= 0.0 {
        let history = humantime::format_duration(args.history);
        return Err(Failure::refused(format!("metric {}: there was no request in the last {history}", metric.name))
            .hint("give a longer --history, or state --requests-per-second and --error-rate"));
    }
    let margin = |given: MarginSpec| Margin { ratio: given.relative, absolute: given.absolute };
    Ok(Question {
        metric: metric.name.clone(),
        requests_per_second: requests / args.history.as_secs_f64(),
        rate: (events / requests).min(1.0),
        dispersion: args.dispersion,
        dead_zone: margin(metric.spec.ignore()),
        margin: margin(metric.spec.exclude()),
        false_rollback: args.false_rollback * share,
        missed_regression: args.missed_regression,
    })
}

/// By how much counters grew. A series that was not there before counts only where it comes with its first event; of
/// requests its pod may just not have been scraped.
fn growth(first: &[Sample], last: &[Sample], counts_from_nothing: bool) -> f64 {
    let before: BTreeMap<&str, f64> = first.iter().map(|sample| (&*sample.series, sample.value)).collect();
    let grown = last.iter().filter(|sample| sample.value.is_finite()).map(|sample| match before.get(&*sample.series) {
        Some(before) => difference(*before, sample.value),
        None if counts_from_nothing => sample.value,
        None => 0.0,
    });
    grown.sum()
}
