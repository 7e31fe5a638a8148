//! How the demo speaks: headlines, paragraphs and the commands that a person would type.

use std::io::{IsTerminal, stdout};

/// Columns of a paragraph: fits half a wide screen, and a log.
const WIDTH: usize = 96;

/// A line that begins a part.
pub(super) fn headline(text: &str) {
    let (bold, plain) = marks("1");
    println!("\n{bold}== {text}{plain}");
}

/// A paragraph.
pub(super) fn say(text: &str) {
    for line in wrapped(text, WIDTH) {
        println!("{line}");
    }
}

/// A command as it would be typed.
pub(super) fn command(text: &str) {
    let (bold, plain) = marks("36");
    println!("  {bold}$ {text}{plain}");
}

/// Begins and ends a style, where there is a terminal that may have colours.
fn marks(style: &str) -> (String, &'static str) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !stdout().is_terminal();
    if plain { (String::new(), "") } else { (format!("\u{1b}[{style}m"), "\u{1b}[0m") }
}

/// Breaks between words; a percent sign stays with its number.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if word.starts_with('%') || line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_breaks_between_words_only() {
        assert_eq!(wrapped("one  two\nthree averylongword", 9), ["one two", "three", "averylongword"]);
        assert_eq!(wrapped("it is 10 % more", 8), ["it is 10 %", "more"]);
    }
}
