//! The forms of a preview: a diff for people, YAML and JSON for programs.

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::edit::{Change, Edit};
use crate::cli::screen::{Line, Style, Tone};

/// A unified diff of each object, and the JSON patch that makes it.
pub(super) fn diff(edits: &[Edit], style: Style) -> Result<String, serde_saphyr::ser::Error> {
    let mut lines = Vec::new();
    for edit in edits {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        lines.push(Line::new().and(Tone::Strong, edit.title.clone()));
        if let Change::Made = edit.change {
            let made = yaml(&edit.after)?;
            lines.extend(made.lines().map(|line| Line::new().and(Tone::Good, format!("+{line}"))));
            continue;
        }
        let (before, after) = (yaml(&edit.before)?, yaml(&edit.after)?);
        let difference = TextDiff::from_lines(&before, &after);
        for hunk in difference.unified_diff().context_radius(6).iter_hunks() {
            lines.push(Line::new().and(Tone::Faint, hunk.header().to_string()));
            lines.extend(hunk.iter_changes().map(|change| {
                let (tone, sign) = match change.tag() {
                    ChangeTag::Equal => (Tone::Plain, ' '),
                    ChangeTag::Delete => (Tone::Bad, '-'),
                    ChangeTag::Insert => (Tone::Good, '+'),
                };
                Line::new().and(tone, format!("{sign}{}", change.value().trim_end_matches('\n')))
            }));
        }
        lines.extend(change(&edit.change).into_iter().map(|text| Line::new().and(Tone::Faint, text)));
    }
    Ok(lines.iter().map(|line| line.paint(style) + "\n").collect())
}

/// The objects as YAML documents, each with its JSON patch in a comment.
pub(super) fn documents(edits: &[Edit]) -> Result<String, serde_saphyr::ser::Error> {
    let mut lines = Vec::new();
    for edit in edits {
        lines.extend(["---".to_owned(), format!("# {}", edit.title), yaml(&edit.after)?.trim_end().to_owned()]);
        lines.extend(change(&edit.change).into_iter().map(|line| format!("# {line}")));
    }
    Ok(lines.join("\n") + "\n")
}

/// The objects alone, in a List.
pub(super) fn list(edits: &[Edit]) -> String {
    let items: Vec<&Value> = edits.iter().map(|edit| &edit.after).collect();
    format!("{:#}\n", json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

fn yaml(value: &Value) -> Result<String, serde_saphyr::ser::Error> {
    Ok(format!("{}\n", serde_saphyr::to_string(value)?.trim_end()))
}

/// The patch, one operation a line; nothing for an object that is made.
fn change(change: &Change) -> Vec<String> {
    let patch = match change {
        Change::Made => return Vec::new(),
        Change::Patch(None) => return vec!["JSON patch: none, it is so already".to_owned()],
        Change::Patch(Some(patch)) => patch,
    };
    let operations: Vec<String> = patch.0.iter().map(|operation| json!(operation).to_string()).collect();
    let last = operations.len().saturating_sub(1);
    let mut lines = vec!["JSON patch:".to_owned(), "[".to_owned()];
    let comma = |index| if index < last { "," } else { "" };
    lines.extend(operations.into_iter().enumerate().map(|(index, operation)| format!("  {operation}{}", comma(index))));
    lines.push("]".to_owned());
    lines
}
