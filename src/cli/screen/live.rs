//! A screen that is drawn anew in place, on the terminal's alternate buffer, and leaves the terminal as it was.
//!
//! Each frame is one write between the marks of a synchronised update, over the old text and without clearing it first:
//! terminals (and tmux, and a slow ssh) then never show half a frame.

use std::io::{self, Write};

const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
const BEGIN_FRAME: &str = "\u{1b}[?2026h\u{1b}[H";
const END_FRAME: &str = "\u{1b}[J\u{1b}[?2026l";
const CLEAR_TO_END_OF_LINE: &str = "\u{1b}[K";

/// Columns and rows of the terminal that stdout is, or a usual size where it is none.
pub(in crate::cli) fn terminal_size() -> (usize, usize) {
    terminal_size::terminal_size().map_or((80, 24), |(width, height)| (width.0.into(), height.0.into()))
}

/// The screen while something is watched. Dropping it gives the terminal back and leaves the last frame on it.
pub(in crate::cli) struct LiveScreen<Out: Write> {
    out: Out,
    last: String,
}

impl<Out: Write> LiveScreen<Out> {
    /// Takes the terminal's alternate buffer.
    pub(in crate::cli) fn enter(mut out: Out) -> io::Result<Self> {
        out.write_all(ENTER.as_bytes())?;
        out.flush()?;
        Ok(Self { out, last: String::new() })
    }

    /// Draws a text over the one before, as much of it as `rows` allow.
    pub(in crate::cli) fn draw(&mut self, text: &str, rows: usize) -> io::Result<()> {
        let lines: Vec<&str> = text.lines().take(rows.max(1)).collect();
        let ending = format!("{CLEAR_TO_END_OF_LINE}\r\n");
        let frame = format!("{BEGIN_FRAME}{}{CLEAR_TO_END_OF_LINE}{END_FRAME}", lines.join(&ending));
        text.clone_into(&mut self.last);
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

impl<Out: Write> Drop for LiveScreen<Out> {
    fn drop(&mut self) {
        // The terminal may be gone already, and then there is nobody to tell.
        drop(write!(self.out, "{LEAVE}{}", self.last));
        drop(self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_the_last_one_in_place_and_the_terminal_is_given_back() {
        let mut written = Vec::new();
        {
            let mut screen = LiveScreen::enter(&mut written).unwrap();
            screen.draw("one\ntwo\nthree\n", 2).unwrap();
        }
        let text = String::from_utf8(written).unwrap().replace('\u{1b}', "^");
        assert_eq!(
            text,
            "^[?1049h^[?25l\
             ^[?2026h^[Hone^[K\r\ntwo^[K^[J^[?2026l\
             ^[?25h^[?1049lone\ntwo\nthree\n"
        );
    }
}
