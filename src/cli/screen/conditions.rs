//! What else holds or does not hold of a Rollout: whether its steps can find what they promise, whether the canary gets its
//! share, whether the API server takes what Siskin writes.
//!
//! `Ready`, `Progressing` and `Healthy` are the rest of the screen. All others are shown, also those of newer controllers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::text::{Line, Tone, wrap};
use crate::api::condition::{HEALTHY, PROGRESSING, READY};

/// Those of the conditions that get lines of their own: in a run all, at rest only what somebody should look at.
pub(super) fn shown(conditions: &[Condition], running: bool) -> Vec<Condition> {
    let elsewhere = [READY, PROGRESSING, HEALTHY];
    let shown =
        |condition: &&Condition| !elsewhere.contains(&&*condition.type_) && (running || condition.status == "False");
    conditions.iter().filter(shown).cloned().collect()
}

/// A line for each, with its message beside it. The mark says without colour what the colour says.
pub(super) fn lines(conditions: &[Condition], width: usize) -> Vec<Line> {
    let column = conditions.iter().map(|condition| condition.type_.len()).max().unwrap_or(0) + 4;
    conditions.iter().flat_map(|condition| line(condition, column, width)).collect()
}

fn line(condition: &Condition, column: usize, width: usize) -> Vec<Line> {
    let (tone, mark) = match &*condition.status {
        "True" => (Tone::Good, "✓"),
        "False" => (Tone::Warning, "!"),
        _ => (Tone::Faint, "?"),
    };
    let text = if condition.message.is_empty() { &condition.reason } else { &condition.message };
    let mut text = wrap(text, width.saturating_sub(column)).into_iter();
    let first = Line::new()
        .and(tone, format!("{mark} {}", condition.type_))
        .column(column)
        .and(Tone::Plain, text.next().unwrap_or_default());
    let rest = text.map(|text| Line::new().column(column).and(Tone::Plain, text));
    std::iter::once(first).chain(rest).collect()
}
