//! One Rollout on one screen, and many in one list: pure functions from a [`View`] to text.

mod bar;
mod columns;
mod conditions;
mod list;
mod live;
mod metric;
mod text;
mod view;
mod words;

pub(in crate::cli) use bar::bar;
pub(in crate::cli) use columns::{Cell, columns};
pub(in crate::cli) use list::{Columns, list};
pub(in crate::cli) use live::{LiveScreen, terminal_size};
pub(super) use text::{Line, Tone};
pub(in crate::cli) use text::{Style, wrap};
pub(in crate::cli) use view::{View, canary_name};
use words::ago;

use self::view::Side;
use crate::{
    api::{OutcomeKind, Phase, WeightStatus},
    model::Timestamp,
};

/// Where the values begin, right of their names.
const INDENT: usize = 10;
/// How many past runs are shown.
const OUTCOMES: usize = 5;

/// Draws a Rollout in lines of at most `width` columns.
pub(in crate::cli) fn render(view: &View, width: usize, style: Style) -> String {
    paint(sections(view, width).into_iter().flat_map(spaced), width, style)
}

/// One line for people who read a log instead of a screen.
pub(in crate::cli) fn summary(view: &View) -> String {
    let mut words = vec![format!("{}/{} {}", view.namespace, view.name, phase_word(view.phase))];
    words.extend(view.step.as_ref().filter(|_| view.run.is_some()).map(|step| format!("step {step}")));
    words.extend(view.weight.map(|weight| format!("weight {}%{}", weight.applied, goal(weight))));
    let facts = words.join(", ");
    match view.not_ready.as_ref().or(view.message.as_ref()) {
        Some(message) => format!("{facts}: {message}"),
        None => facts,
    }
}

fn sections(view: &View, width: usize) -> Vec<Vec<Line>> {
    let metrics = view.metrics.iter().map(|metric| metric::lines(metric, width));
    let mut sections = vec![heading(view, width), position(view, width)];
    sections.push(conditions::lines(&view.conditions, width));
    sections.extend(metrics);
    sections.push(last_verb(view, width));
    sections.push(outcomes(view, width));
    sections.retain(|section| !section.is_empty());
    sections
}

/// A section with an empty line after it.
fn spaced(section: Vec<Line>) -> impl Iterator<Item = Line> {
    section.into_iter().chain([Line::new()])
}

/// Lines as text, each cut to `width`.
pub(in crate::cli) fn paint(lines: impl IntoIterator<Item = Line>, width: usize, style: Style) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| line.cut(width).paint(style)).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

fn heading(view: &View, width: usize) -> Vec<Line> {
    let mut title = Line::new()
        .and(Tone::Strong, format!("{}/{}", view.namespace, view.name))
        .and(Tone::Plain, "  ")
        .and(phase_tone(view.phase), phase_word(view.phase));
    if let Some(run) = &view.run {
        title = title
            .and(Tone::Plain, format!(" for {}", ago(run.since, view.now)))
            .and(Tone::Faint, format!("  run {}, begun {} ago", run.number, ago(run.started, view.now)));
    }
    let mut lines = vec![title];
    let mut say =
        |tone: Tone, text: &str| lines.extend(wrap(text, width).into_iter().map(|text| Line::new().and(tone, text)));
    if let Some(message) = &view.message {
        say(Tone::Plain, message);
    }
    if let Some(reason) = view.not_ready.as_ref().filter(|_| view.phase != Phase::Pending || view.message.is_none()) {
        say(Tone::Warning, &format!("Not ready, {reason}"));
    }
    if let Some(blind) = view.run.as_ref().and_then(|run| run.blind.as_ref()) {
        say(
            Tone::Warning,
            &format!("No evidence for {}, {}: {}", ago(blind.since.0, view.now), blind.reason, blind.message),
        );
    }
    lines
}

fn position(view: &View, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if !view.steps.is_empty() {
        lines.push(named("Steps").join(bar::steps(&view.steps, view.position)));
    }
    if let Some(weight) = view.weight {
        let cells = width.saturating_sub(INDENT + 34).clamp(10, 40);
        lines.push(
            named("Traffic")
                .join(bar(f64::from(weight.applied) / 100.0, cells, Tone::Active))
                .and(Tone::Plain, format!("  canary {}%{}", weight.applied, goal(weight)))
                .and(Tone::Faint, format!(", stable {}%", 100_u32.saturating_sub(weight.applied))),
        );
    }
    let sides: Vec<(&str, &Side)> = [("Stable", Some(&view.stable)), ("Canary", view.canary.as_ref())]
        .into_iter()
        .filter_map(|(name, side)| Some((name, side?)))
        .collect();
    let widest = |of: fn(&Side) -> usize| sides.iter().map(|(_, side)| of(side)).max().unwrap_or(0);
    let revision_column = INDENT + widest(|side| side.deployment.len()) + 2;
    let pods_column = revision_column + widest(|side| side.revision.as_ref().map_or(1, String::len)) + 2;
    lines.extend(sides.iter().map(|(name, side)| pods(name, side, revision_column, pods_column)));
    lines
}

/// Where the weight is on its way to, if it is.
fn goal(weight: WeightStatus) -> String {
    if weight.desired == weight.applied { String::new() } else { format!(" (to {}%)", weight.desired) }
}

fn pods(name: &str, side: &Side, revision_column: usize, pods_column: usize) -> Line {
    let line = named(name)
        .and(Tone::Plain, side.deployment.clone())
        .column(revision_column)
        .and(Tone::Faint, side.revision.clone().unwrap_or_else(|| "-".into()))
        .column(pods_column);
    let line = match side.pods {
        None => line.and(Tone::Faint, "no pods seen"),
        Some((_, 0)) => line.and(Tone::Faint, "no pods wanted"),
        Some((ready, desired)) => {
            let tone = if ready < desired { Tone::Warning } else { Tone::Good };
            line.and(tone, format!("{ready}/{desired} pods ready"))
        }
    };
    match &side.image {
        Some(image) => line.and(Tone::Faint, format!("  {image}")),
        None => line,
    }
}

fn last_verb(view: &View, width: usize) -> Vec<Line> {
    let Some(answer) = &view.last_verb else { return Vec::new() };
    let (tone, word) = if answer.accepted { (Tone::Good, "accepted") } else { (Tone::Bad, "refused") };
    let when = match answer.request.at.parse::<Timestamp>() {
        Ok(at) => format!("{} ago", ago(at, view.now)),
        Err(_) => format!("at {}", answer.request.at),
    };
    let mut lines = vec![
        named("Asked for")
            .and(Tone::Strong, answer.request.verb.word())
            .and(Tone::Plain, format!(" by {}, {when}: ", answer.request.by))
            .and(tone, word),
    ];
    let text = wrap(&answer.message, width.saturating_sub(INDENT));
    lines.extend(text.into_iter().map(|text| Line::new().column(INDENT).and(Tone::Plain, text)));
    lines
}

/// The last runs, newest first; only the newest one's reason is shown in full.
fn outcomes(view: &View, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, outcome) in view.outcomes.iter().take(OUTCOMES).enumerate() {
        let (tone, word) = match outcome.outcome {
            OutcomeKind::Promoted => (Tone::Good, "Promoted"),
            OutcomeKind::RolledBack => (Tone::Bad, "RolledBack"),
            OutcomeKind::Reverted => (Tone::Plain, "Reverted"),
            OutcomeKind::Superseded => (Tone::Plain, "Superseded"),
        };
        let facts = named(if index == 0 { "Outcomes" } else { "" })
            .and(Tone::Faint, format!("{:>6} ago  ", ago(outcome.at.0, view.now)))
            .and(tone, format!("{word:<10}"))
            .and(Tone::Faint, format!("  {}  ", outcome.revision.as_deref().unwrap_or("-")));
        let column = facts.width();
        if index > 0 || width < column + 20 {
            lines.push(facts.and(Tone::Plain, outcome.message.clone()));
            continue;
        }
        let mut text = wrap(&outcome.message, width - column).into_iter();
        lines.push(facts.and(Tone::Plain, text.next().unwrap_or_default()));
        lines.extend(text.map(|text| Line::new().column(column).and(Tone::Plain, text)));
    }
    lines
}

/// A line that begins with the name of what it shows.
fn named(name: &str) -> Line {
    Line::new().and(Tone::Faint, format!("{name:<INDENT$}"))
}

fn phase_word(phase: Phase) -> String {
    format!("{phase:?}")
}

fn phase_tone(phase: Phase) -> Tone {
    match phase {
        Phase::Pending | Phase::Paused => Tone::Warning,
        Phase::Idle => Tone::Good,
        Phase::Preparing | Phase::Progressing | Phase::Promoting | Phase::Finishing => Tone::Active,
        Phase::RollingBack | Phase::RolledBack => Tone::Bad,
    }
}

#[cfg(test)]
mod tests;
