//! From values to places on the canvas, and round numbers along the way.

use super::{Tick, pixel};
use crate::model::words::{number, percent};

/// How many numbers an axis has at most.
const MOST_TICKS: usize = 6;
/// Distances between times that people find round, in seconds.
const TIMES: [f64; 18] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0, 43_200.0,
    86_400.0, 604_800.0,
];

/// A scale from values to places. What lies outside is put on its edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// The values from `low` to `high` on the places from `from` to `to`.
    pub(super) fn linear(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self { low, high, from, to }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if value.is_nan() { self.low } else { value.clamp(self.low, self.high) };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round values from 0 or the lowest up, each with its place and its name.
    fn ticks_by(&self, step: f64, name: impl Fn(f64) -> String) -> Vec<Tick> {
        let first = (self.low / step - 1e-9).ceil();
        // The step was chosen such that there are few; the bound only guards against a step of nothing.
        (0..MOST_TICKS + 4)
            .map(|index| (first + index as f64) * step)
            .take_while(|value| *value <= self.high + step * 1e-6)
            .map(|value| Tick { at: pixel(self.place(value)), label: name(value) })
            .collect()
    }

    /// Ticks for times since the first look.
    pub(super) fn times(&self) -> Vec<Tick> {
        let span = self.high - self.low;
        let step = TIMES.into_iter().find(|step| span / step < MOST_TICKS as f64).unwrap_or_else(|| round_step(span));
        let (unit, name) = match step {
            _ if step < 60.0 => (1.0, "s"),
            _ if step < 3600.0 => (60.0, "min"),
            _ if step < 86_400.0 => (3600.0, "h"),
            _ => (86_400.0, "d"),
        };
        self.ticks_by(step, |seconds| match seconds {
            _ if seconds < step / 2.0 => "0".to_owned(),
            _ => format!("{} {name}", number(seconds / unit)),
        })
    }

    /// Ticks for shares, as percent.
    pub(super) fn shares(&self) -> Vec<Tick> {
        self.ticks_by(round_step(self.high - self.low), percent)
    }

    /// Ticks for plain numbers.
    pub(super) fn numbers(&self) -> Vec<Tick> {
        self.ticks_by(round_step(self.high - self.low), number)
    }

    /// Ticks for natural logarithms of e-values: powers of ten.
    pub(super) fn powers(&self, name: impl Fn(i32) -> String) -> Vec<Tick> {
        let ten = 10_f64.ln();
        let span = (self.high - self.low) / ten;
        let step = (span / (MOST_TICKS as f64 - 1.0)).ceil().max(1.0);
        let from = (self.low / ten / step - 1e-9).ceil() * step;
        (0..=MOST_TICKS)
            .map(|index| from + index as f64 * step)
            .take_while(|power| power * ten <= self.high + 1e-9)
            .map(|power| Tick { at: pixel(self.place(power * ten)), label: name(whole(power)) })
            .collect()
    }
}

/// A whole number as one; axes never go beyond what an exponent can be.
fn whole(power: f64) -> i32 {
    (-400..400).find(|candidate| (f64::from(*candidate) - power).abs() < 0.5).unwrap_or(0)
}

/// 1, 2 or 5 times a power of ten, such that few of them span the axis.
fn round_step(span: f64) -> f64 {
    let rough = span / (MOST_TICKS as f64 - 1.0);
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        let axis = |high| Axis::linear(0.0, high, 0.0, 100.0);
        assert_eq!(labels(&axis(0.013).shares()), ["0 %", "0.5 %", "1 %"]);
        assert_eq!(labels(&axis(740.0).times()), ["0", "5 min", "10 min"]);
        assert_eq!(labels(&axis(50.0).times()), ["0", "10 s", "20 s", "30 s", "40 s", "50 s"]);
        assert_eq!(labels(&axis(7.0).numbers()), ["0", "2", "4", "6"]);
        let name = |power: i32| power.to_string();
        assert_eq!(labels(&Axis::linear(-5.0, 7.0, 0.0, 1.0).powers(name)), ["-2", "0", "2"]);
        for span in [1e-9, 0.3, 17.0, 1e3, 1e6, 1e9] {
            for ticks in [axis(span).times(), axis(span).numbers(), axis(span).powers(name)] {
                assert!(ticks.len() <= MOST_TICKS + 2, "{span}: {ticks:?}");
            }
        }
    }

    #[test]
    fn nothing_is_drawn_outside_the_plot() {
        let axis = Axis::linear(0.0, 10.0, 50.0, 150.0);
        let places = [-3.0, 5.0, 11.0, f64::NAN, f64::INFINITY].map(|value| pixel(axis.place(value)));
        assert_eq!(places, ["50.0", "100.0", "150.0", "50.0", "150.0"]);
    }
}
