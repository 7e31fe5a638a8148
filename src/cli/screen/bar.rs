//! Shares and steps as bars of characters.

use super::text::{Line, Tone};

const FULL: &str = "█";
const EMPTY: &str = "░";

/// A bar of `cells` characters, of which `share` (0 to 1) is filled. Anything above nothing shows, and only all fills it.
pub(in crate::cli) fn bar(share: f64, cells: usize, tone: Tone) -> Line {
    let filled = filled(share, cells);
    Line::new().and(tone, FULL.repeat(filled)).and(Tone::Faint, EMPTY.repeat(cells - filled))
}

fn filled(share: f64, cells: usize) -> usize {
    if cells < 2 || share.is_nan() || share <= 0.0 {
        return 0;
    }
    if share >= 1.0 {
        return cells;
    }
    // Cells are at most a terminal's width, so counting up to them is cheap and needs no cast from f64.
    let nearest = (0..cells).take_while(|cell| (*cell as f64) + 0.5 <= share * cells as f64).count();
    nearest.clamp(1, cells - 1)
}

/// Where a run stands among its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// No run is on its way.
    None,
    /// In the step with this index.
    At(usize),
    /// All steps have passed; the new version is rolled out.
    Last,
}

/// The steps' weights in a row, with the current one in brackets: `5 ─ 25 ─[50]─ 100`.
pub(super) fn steps(weights: &[u32], position: Position) -> Line {
    let current = match position {
        Position::None => None,
        Position::At(index) => Some(index),
        Position::Last => weights.len().checked_sub(1),
    };
    let mut line = Line::new();
    for (index, weight) in weights.iter().enumerate() {
        let here = current == Some(index);
        if index > 0 {
            let before = if current == Some(index - 1) { "" } else { " " };
            let after = if here { "" } else { " " };
            line = line.and(Tone::Faint, format!("{before}─{after}"));
        }
        line = match current {
            Some(_) if here => line.and(Tone::Active, format!("[{weight}]")),
            Some(at) if index < at => line.and(Tone::Good, weight.to_string()),
            _ => line.and(Tone::Faint, weight.to_string()),
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::text::Style;

    #[test]
    fn a_bar_is_empty_only_at_nothing_and_full_only_at_all() {
        let drawn =
            [0.0, 0.01, 0.5, 0.999, 1.0, 7.0, f64::NAN].map(|share| bar(share, 10, Tone::Good).paint(Style::Plain));
        insta::assert_snapshot!(drawn.join("\n"), @r"
        ░░░░░░░░░░
        █░░░░░░░░░
        █████░░░░░
        █████████░
        ██████████
        ██████████
        ░░░░░░░░░░
        ");
    }

    #[test]
    fn the_current_step_stands_in_brackets() {
        let weights = [5, 25, 50, 100];
        let drawn = [Position::None, Position::At(0), Position::At(2), Position::Last]
            .map(|position| steps(&weights, position).paint(Style::Plain));
        insta::assert_snapshot!(drawn.join("\n"), @r"
        5 ─ 25 ─ 50 ─ 100
        [5]─ 25 ─ 50 ─ 100
        5 ─ 25 ─[50]─ 100
        5 ─ 25 ─ 50 ─[100]
        ");
    }
}
