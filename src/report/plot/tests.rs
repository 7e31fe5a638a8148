//! What the pictures look like.

use super::*;
use crate::report::tests as sample;

#[test]
fn evidence_is_drawn_against_its_threshold() {
    insta::assert_snapshot!(plot(&sample::rollback(), 60, Dots::Braille));
}

#[test]
fn a_terminal_without_braille_gets_stars() {
    insta::assert_snapshot!(plot(&sample::rollback(), 60, Dots::Ascii));
}

#[test]
fn no_line_is_wider_than_asked_for_and_narrow_terminals_get_a_picture_too() {
    use unicode_width::UnicodeWidthStr;
    for width in [1, 30, 79, 200] {
        let text = plot(&sample::rollback(), width, Dots::Braille);
        let widest = text.lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= width.max(MARGIN + 2 + NARROWEST).max(40), "{width}: {widest}");
        assert!(text.contains("evidence of safety"), "{text}");
    }
}

#[test]
fn without_a_look_there_is_no_picture() {
    assert_eq!(plot(&sample::nothing(), 80, Dots::Braille), "");
}
