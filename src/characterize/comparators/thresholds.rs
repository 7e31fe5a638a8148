//! Fixed thresholds on the canary alone, with a number of failed checks that is allowed.

use crate::judge::Counts;

/// Counts over the time between two checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    seconds: f64,
    ends: f64,
    counts: Counts,
}

impl Window {
    /// Windows of this many seconds, one after another.
    pub fn new(seconds: f64) -> Self {
        Self { seconds, ends: seconds, counts: Counts::default() }
    }

    /// Takes the counts of a tick; gives those of the window when the tick ends it.
    pub fn add(&mut self, end: f64, counts: &Counts) -> Option<Counts> {
        self.counts += *counts;
        // Ticks are multiples of some tenth of a second; half of one is nothing but rounding.
        (end >= self.ends - 0.05).then(|| {
            self.ends = end + self.seconds;
            std::mem::take(&mut self.counts)
        })
    }
}

/// Checks that failed so far; a pass forgives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedChecks(u32);

impl FailedChecks {
    /// Counts a check, and gives how many have failed.
    pub fn check(&mut self, failed: bool) -> u32 {
        self.0 += u32::from(failed);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_gives_its_counts_when_it_is_full_and_begins_anew() {
        let counts = Counts { canary_requests: 1.0, ..Counts::default() };
        let mut window = Window::new(60.0);
        let full: Vec<f64> = (1..=18)
            .filter_map(|tick| window.add(f64::from(tick) * 10.0, &counts).map(|counts| counts.canary_requests))
            .collect();
        assert_eq!(full, [6.0, 6.0, 6.0]);
    }
}
