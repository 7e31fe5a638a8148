//! What a comparison says, in a sentence.

use super::compare::{Comparison, Finding, Margins, Paired};
use crate::{
    judge::{
        format::plain,
        kayenta::{mann_whitney::ShiftInterval, settings::Direction},
    },
    model::words::percent,
};

/// The reason of a classification.
pub(super) fn of(
    name: &str,
    paired: &Paired,
    comparison: &Comparison,
    direction: Direction,
    margins: Margins,
) -> String {
    let Some(range) = range(comparison) else {
        return match paired.len() {
            0 => format!("{name} has no time at which both versions have a value"),
            values => {
                format!("{name} has {values} times at which both versions have a value, too few to know how they vary")
            }
        };
    };
    let margin = margin(direction, margins);
    match comparison.finding {
        Finding::Higher => format!("{name} is higher on the canary: {range}; {margin} is ignored"),
        Finding::Lower => format!("{name} is lower on the canary: {range}; {margin} is ignored"),
        Finding::WithinMargin => format!("{name} is the same within the margin: {range}; {margin} is ruled out"),
        Finding::Unknown => format!("{name} is not certain yet: {range}; {margin} has to be ruled out"),
    }
}

/// The difference and how certain it is.
fn range(comparison: &Comparison) -> Option<String> {
    let write = |interval: ShiftInterval, amount: fn(f64) -> String| {
        let ShiftInterval { low, high, estimate } = interval;
        format!("{}, between {} and {}", amount(estimate), amount(low), amount(high))
    };
    match (comparison.relative_difference, comparison.difference) {
        (Some(relative), _) => Some(write(relative, |part| signed(part, percent))),
        (None, Some(difference)) => Some(write(difference, |value| signed(value, plain))),
        (None, None) => None,
    }
}

fn signed(value: f64, write: fn(f64) -> String) -> String {
    let sign = if value < 0.0 { '-' } else { '+' };
    format!("{sign}{}", write(value.abs()))
}

fn margin(direction: Direction, Margins { increase, decrease }: Margins) -> String {
    let up = signed(increase - 1.0, percent);
    let down = signed(decrease - 1.0, percent);
    match direction {
        Direction::Increase => format!("up to {up}"),
        Direction::Decrease => format!("down to {down}"),
        Direction::Either => format!("{down} to {up}"),
    }
}
