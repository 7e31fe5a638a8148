//! One metric: its verdict, the rates of both versions, their difference, and how far the evidence has come.

use super::{
    bar::bar,
    text::{Line, Tone, wrap},
    words::{number, percent, signed_percent},
};
use crate::{
    api::{ArmCounts, ArmQuantiles, MetricEvidence},
    judge::Standing,
    model::words::{count, evidence as e_value},
};

/// How far the numbers stand in from the metric's name.
const INDENT: usize = 2;

/// The lines about one metric.
pub(super) fn lines(metric: &MetricEvidence, width: usize) -> Vec<Line> {
    let mut lines = vec![title(metric)];
    lines.extend(
        wrap(&metric.message, width.saturating_sub(INDENT)).into_iter().map(|text| indented().and(Tone::Faint, text)),
    );
    lines.extend(rates(metric));
    lines.extend(estimate(metric));
    lines.extend(evidence(metric, width));
    lines
}

fn title(metric: &MetricEvidence) -> Line {
    Line::new().and(Tone::Strong, metric.name.clone()).and(Tone::Plain, "  ").and(tone(metric), metric.verdict.clone())
}

/// The colour of the judge's own word: it knows margins and limits, which the numbers of the evidence do not tell.
fn tone(metric: &MetricEvidence) -> Tone {
    let is = |standing: Standing| metric.verdict == standing.word();
    if is(Standing::Regressed) || is(Standing::OverLimit) {
        Tone::Bad
    } else if is(Standing::Safe) {
        Tone::Good
    } else if is(Standing::NoData) {
        Tone::Warning
    } else {
        Tone::Active
    }
}

/// Whether both versions have something to compare.
fn compares(metric: &MetricEvidence) -> bool {
    metric.canary.is_some() || metric.canary_quantiles.is_some() || metric.canary_mean.is_some()
}

fn rates(metric: &MetricEvidence) -> Option<Line> {
    let arm = |name: &str, counts: Option<&ArmCounts>, latency: Option<&ArmQuantiles>, mean: Option<f64>| {
        let text = counts.map(rate).or_else(|| latency.map(quantiles)).or_else(|| mean.map(number))?;
        Some(format!("{name} {text}"))
    };
    let canary = arm("canary", metric.canary.as_ref(), metric.canary_quantiles.as_ref(), metric.canary_mean);
    let stable = arm("stable", metric.stable.as_ref(), metric.stable_quantiles.as_ref(), metric.stable_mean);
    let both: Vec<String> = canary.into_iter().chain(stable).collect();
    (!both.is_empty()).then(|| indented().and(Tone::Plain, both.join("   ")))
}

fn rate(arm: &ArmCounts) -> String {
    if arm.requests <= 0.0 {
        return "no requests".to_owned();
    }
    format!("{} ({} of {})", percent(arm.errors / arm.requests), count(arm.errors), count(arm.requests))
}

fn quantiles(arm: &ArmQuantiles) -> String {
    let known = [("p50", arm.p50), ("p90", arm.p90), ("p99", arm.p99)];
    let shown = known.iter().filter_map(|(name, value)| Some(format!("{name} {}", number((*value)?))));
    shown.collect::<Vec<_>>().join(" ")
}

fn estimate(metric: &MetricEvidence) -> Option<Line> {
    let estimate = metric.estimate?;
    if !compares(metric) {
        return Some(indented().and(Tone::Plain, format!("value {}", number(estimate))));
    }
    let line = indented().and(Tone::Plain, format!("difference {}", signed_percent(estimate)));
    Some(match metric.interval {
        Some([low, high]) => {
            line.and(Tone::Faint, format!("  between {} and {}", signed_percent(low), signed_percent(high)))
        }
        None => line,
    })
}

fn evidence(metric: &MetricEvidence, width: usize) -> Option<Line> {
    let cells = (width.saturating_sub(44) / 2).clamp(5, 20);
    let meter = |name: &str, tone: Tone, evidence: Option<f64>, threshold: Option<f64>| {
        let (evidence, threshold) = (evidence?, threshold?);
        let share = if threshold > 0.0 { evidence / threshold } else { 0.0 };
        // As in the sentences: the bar is on a logarithmic scale, the numbers are not logarithms.
        let numbers = format!(" {} of {}", e_value(evidence), e_value(threshold));
        Some(Line::new().and(Tone::Plain, format!("{name} ")).join(bar(share, cells, tone)).and(Tone::Faint, numbers))
    };
    let harm = meter("harm", Tone::Bad, metric.harm, metric.harm_threshold);
    let safe = meter("safe", Tone::Good, metric.safe, metric.safe_threshold);
    match (harm, safe) {
        (Some(harm), Some(safe)) => {
            let second = INDENT + cells + 24;
            Some(indented().join(harm).column(second).join(safe))
        }
        (one, other) => one.or(other).map(|meter| indented().join(meter)),
    }
}

fn indented() -> Line {
    Line::new().and(Tone::Plain, " ".repeat(INDENT))
}
