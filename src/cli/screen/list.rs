//! Many Rollouts, one a line.

use super::{
    Cell, View, columns as below_each_other, paint, phase_tone, phase_word,
    text::{Style, Tone},
    words::ago,
};

/// Which columns a list has beside the usual ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Columns {
    /// The namespace, where there are several.
    pub(in crate::cli) namespace: bool,
    /// Revisions and messages.
    pub(in crate::cli) wide: bool,
}

/// Draws the Rollouts as a table, cut to `width`.
pub(in crate::cli) fn list(views: &[View], columns: Columns, width: usize, style: Style) -> String {
    let heading = headings(columns).into_iter().map(|name| (Tone::Faint, name.to_owned())).collect();
    let rows = std::iter::once(heading).chain(views.iter().map(|view| cells(view, columns)));
    paint(below_each_other(3, rows.collect()), width, style)
}

fn headings(columns: Columns) -> Vec<&'static str> {
    let mut names = Vec::new();
    if columns.namespace {
        names.push("NAMESPACE");
    }
    names.extend(["NAME", "PHASE", "STEP", "WEIGHT", "VERDICT", "AGE"]);
    if columns.wide {
        names.extend(["STABLE", "CANARY", "MESSAGE"]);
    }
    names
}

fn cells(view: &View, columns: Columns) -> Vec<Cell> {
    let or_dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let mut cells = Vec::new();
    if columns.namespace {
        cells.push((Tone::Plain, view.namespace.clone()));
    }
    cells.extend([
        (Tone::Strong, view.name.clone()),
        (phase_tone(view.phase), phase_word(view.phase)),
        (Tone::Plain, or_dash(view.step.clone().filter(|_| view.run.is_some()))),
        (Tone::Plain, or_dash(view.weight.map(|weight| format!("{}%", weight.applied)))),
        (Tone::Plain, or_dash(view.verdict.clone())),
        (Tone::Faint, or_dash(view.created.map(|created| ago(created, view.now)))),
    ]);
    if columns.wide {
        cells.extend([
            (Tone::Plain, or_dash(view.stable.revision.clone())),
            (Tone::Plain, or_dash(view.canary.as_ref().and_then(|canary| canary.revision.clone()))),
            (Tone::Plain, or_dash(view.not_ready.clone().or_else(|| view.message.clone()))),
        ]);
    }
    cells
}
