//! Lines of text whose parts have a meaning; a style turns the meaning into colour, or leaves it out.
//!
//! Widths are counted on the text alone, so that a line can be cut to the terminal without cutting an escape code.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Color};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of text means to the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// A name, a heading.
    Strong,
    /// Of little interest now.
    Faint,
    /// As one wishes.
    Good,
    /// As one fears.
    Bad,
    /// Somebody should look.
    Warning,
    /// On its way.
    Active,
}

/// Whether meaning is shown in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Colour,
}

impl Style {
    /// Colour where stdout is a terminal that has it and neither `NO_COLOR` nor `TERM=dumb` says otherwise.
    pub(in crate::cli) fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        let wanted = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        if wanted && stdout.is_terminal() { Self::Colour } else { Self::Plain }
    }
}

/// One line: pieces of text, each with its tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Line(Vec<(Tone, String)>);

impl Line {
    /// An empty line.
    pub(in crate::cli) fn new() -> Self {
        Self::default()
    }

    /// Adds a piece.
    #[must_use]
    pub(in crate::cli) fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((tone, text.into()));
        self
    }

    /// Adds another line's pieces.
    #[must_use]
    pub(in crate::cli) fn join(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Adds spaces up to a column, and at least one where there is text already.
    #[must_use]
    pub(in crate::cli) fn column(self, column: usize) -> Self {
        let width = self.width();
        let least = usize::from(width > 0);
        self.and(Tone::Plain, " ".repeat(column.saturating_sub(width).max(least)))
    }

    /// How many columns of a terminal it takes.
    pub(in crate::cli) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// The line cut to a width, with an ellipsis where something was cut.
    #[must_use]
    pub(in crate::cli) fn cut(self, width: usize) -> Self {
        if self.width() <= width {
            return self;
        }
        let mut left = width.saturating_sub(1);
        let mut kept = Self::new();
        'pieces: for (tone, text) in self.0 {
            let mut piece = String::new();
            for character in text.chars() {
                let columns = character.width().unwrap_or(0);
                if columns > left {
                    kept = kept.and(tone, piece + "…");
                    break 'pieces;
                }
                left -= columns;
                piece.push(character);
            }
            kept = kept.and(tone, piece);
        }
        kept
    }

    /// The line as bytes for a terminal, or as plain text. Never ends in spaces.
    pub(in crate::cli) fn paint(&self, style: Style) -> String {
        let text: String = match style {
            Style::Plain => self.0.iter().map(|(_, text)| text.as_str()).collect(),
            Style::Colour => self.0.iter().map(|(tone, text)| colour(*tone, text)).collect(),
        };
        text.trim_end().to_owned()
    }
}

fn colour(tone: Tone, text: &str) -> String {
    let foreground = |colour| anstyle::Style::new().fg_color(Some(Color::Ansi(colour)));
    let style = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Strong => anstyle::Style::new().bold(),
        Tone::Faint => anstyle::Style::new().dimmed(),
        Tone::Good => foreground(AnsiColor::Green),
        Tone::Bad => foreground(AnsiColor::Red).bold(),
        Tone::Warning => foreground(AnsiColor::Yellow),
        Tone::Active => foreground(AnsiColor::Cyan).bold(),
    };
    format!("{style}{text}{style:#}")
}

/// Lays a text out in lines of at most this width, broken between words.
pub(in crate::cli) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_is_never_wider_than_asked_for() {
        let line = Line::new().and(Tone::Good, "Promoted").and(Tone::Plain, " 新しい版 everywhere");
        for width in 1..40 {
            assert!(line.clone().cut(width).width() <= width, "{width}");
        }
        assert_eq!(line.cut(10).paint(Style::Plain), "Promoted …");
    }

    #[test]
    fn colour_adds_codes_and_plain_adds_none() {
        let line = Line::new().and(Tone::Bad, "RolledBack").and(Tone::Plain, " now");
        assert_eq!(line.paint(Style::Plain), "RolledBack now");
        assert_eq!(line.paint(Style::Colour), "\u{1b}[1m\u{1b}[31mRolledBack\u{1b}[0m now");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), Vec::<String>::new());
    }
}
