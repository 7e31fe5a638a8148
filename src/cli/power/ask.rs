//! Rates as they are, asked from Prometheus with a template's own queries: the history that a rollout would learn from.

use std::time::Duration;

use jiff::SignedDuration;

use super::PowerArgs;
use crate::{
    analysis::{self, Metric, Usual, power::Question, usual},
    api::Kind,
    cli::{
        Failure,
        analyze::{arms, document::Document, templates},
        preview::Documents,
    },
    measure::{Arm, Measurement, PerArm, Variant, history},
    model::Clock,
};

/// One question for each metric that counts.
pub(super) async fn questions(
    args: &PowerArgs,
    documents: &Documents,
    said: Option<&Document>,
    clock: &dyn Clock,
) -> Result<Vec<Question>, Failure> {
    let Some(address) = &args.prometheus.prometheus else {
        return Err(Failure::usage("it is not said what the traffic is")
            .hint("give --requests-per-second and --error-rate, or -f, --stable and --prometheus"));
    };
    let metrics = templates::metrics(documents, said, &args.arguments)?;
    let stable = arms::one("--stable", Variant::Stable, &args.stable, &metrics)?;
    // Only one version runs now; its queries stand for both.
    let arms = PerArm { canary: Arm { variant: Variant::Canary, ..stable.clone() }, stable };
    let client = args.prometheus.client(address)?;
    let counting: Vec<Metric> = metrics.iter().filter(|metric| counts(metric)).cloned().collect();
    for metric in metrics.iter().filter(|metric| !counts(metric)) {
        eprintln!("note: metric {} is not reckoned: only rates are", metric.name);
    }
    let settings = args.settings(said);
    let now = clock.now();
    if counting.is_empty() {
        return Err(Failure::refused("the templates have no errorRate and no rate: there is nothing to reckon"));
    }
    // History is read in ticks of its own.
    let since = SignedDuration::try_from(args.history).ok().and_then(|reach| now.checked_sub(reach).ok());
    let asked = since.and_then(|since| analysis::history(&counting, &arms, Some(since), now, Duration::ZERO));
    let asked = asked.ok_or_else(|| {
        Failure::usage(format!("--history {} is no time to look back on; give 10m or more", args.history_in_words()))
    })?;
    let client = &client;
    let ask = |asked: analysis::HistoryRequest| async move { history(client, &asked.metrics, asked.window).await };
    let known = asked.told(ask).await;
    let critical: f64 =
        metrics.iter().filter(|metric| metric.spec.is_critical()).map(|metric| metric.spec.weight).sum();
    let question = |metric: &Metric| {
        let usual = usual(metric, &known).ok_or_else(|| args.nothing_usual(metric, &known))?;
        let usual = Usual { dispersion: args.dispersion.unwrap_or(usual.dispersion), ..usual };
        Ok(Question::of(metric, &settings, &usual, critical))
    };
    counting.iter().map(question).collect()
}

fn counts(metric: &Metric) -> bool {
    matches!(metric.spec.kind(), Some(Kind::ErrorRate(_) | Kind::Rate(_)))
}

impl PowerArgs {
    /// Why history says nothing of this metric.
    fn nothing_usual(&self, metric: &Metric, known: &[Measurement]) -> Failure {
        let name = &metric.name;
        let mut outcomes = known.iter().rev().flat_map(|tick| &tick.metrics).filter(|(of, _)| of == name);
        if let Some(gap) = outcomes.find_map(|(_, outcome)| outcome.gap()) {
            return Failure::refused(format!("metric {name}: {gap}"));
        }
        let history = self.history_in_words();
        Failure::refused(format!(
            "metric {name}: the last {history} have no requests, or too few samples to learn from"
        ))
        .hint("give a longer --history, or state --requests-per-second and --error-rate")
    }

    fn history_in_words(&self) -> String {
        humantime::format_duration(self.history).to_string()
    }
}
