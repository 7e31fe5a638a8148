//! The times of an analysis' looks, written shortly: so that a replay can ask Prometheus the same at the same times, and
//! let the step's clock go on by the same amounts.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::Step;
use crate::{api::StepLooks, model::Timestamp};

/// After so many looks of an analysis no more are written down: a day of looks at every scrape.
const MOST_LOOKS: u32 = 8_000;

/// One look that changed what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookTime {
    /// The time that Prometheus was asked about.
    pub at: Timestamp,
    /// By how much the step's clock went on, in milliseconds.
    pub clock_ms: u64,
}

impl StepLooks {
    /// A step that is entered now.
    pub fn enter(step: &Step, now: Timestamp) -> Self {
        Self {
            weight: step.weight.weight,
            final_weight: step.weight.final_weight,
            min_seconds: step.min.as_secs_f64(),
            max_seconds: step.max.as_secs_f64(),
            entered_at: Some(MicroTime(now)),
            ..Self::default()
        }
    }

    /// Writes a look down, after so many of the steps before.
    pub(super) fn add(&mut self, look: LookTime, before: u32) {
        if self.count.saturating_add(before) >= MOST_LOOKS {
            return;
        }
        let last = self.times().last().map(|look| look.at).or_else(|| self.entered_at.as_ref().map(|time| time.0));
        let passed = last.map_or(0, |last| look.at.as_millisecond().saturating_sub(last.as_millisecond()));
        let mut bytes = STANDARD_NO_PAD.decode(&self.looks).unwrap_or_default();
        write(&mut bytes, u64::try_from(passed).unwrap_or(0));
        write(&mut bytes, look.clock_ms);
        self.looks = STANDARD_NO_PAD.encode(bytes);
        self.count += 1;
    }

    /// The looks, in the order of time; what can't be read ends them.
    pub fn times(&self) -> Vec<LookTime> {
        let bytes = STANDARD_NO_PAD.decode(&self.looks).unwrap_or_default();
        let mut numbers = read(&bytes).into_iter();
        let Some(mut at) = self.entered_at.as_ref().map(|time| time.0) else { return Vec::new() };
        let mut times = Vec::new();
        while let (Some(passed), Some(clock_ms)) = (numbers.next(), numbers.next()) {
            let passed = SignedDuration::from_millis(i64::try_from(passed).unwrap_or(i64::MAX));
            let Ok(next) = at.checked_add(passed) else { break };
            at = next;
            times.push(LookTime { at, clock_ms });
        }
        times
    }

    /// The least time of the step.
    pub fn min(&self) -> Duration {
        Duration::try_from_secs_f64(self.min_seconds).unwrap_or_default()
    }

    /// The longest time of the step.
    pub fn max(&self) -> Duration {
        Duration::try_from_secs_f64(self.max_seconds).unwrap_or(Duration::MAX)
    }
}

/// Base 128, lowest digit first.
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read(bytes: &[u8]) -> Vec<u64> {
    let (mut numbers, mut number, mut shift) = (Vec::new(), 0_u64, 0_u32);
    for byte in bytes {
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn looks_come_back_to_the_millisecond() {
        let mut step = StepLooks { entered_at: Some(MicroTime(at(0))), ..StepLooks::default() };
        let looks = [(0, 0), (1, 1), (127, 0), (15_128, 15_001), (9_000_000, 90_000)];
        let looks = looks.map(|(after, clock_ms)| LookTime { at: at(after), clock_ms });
        for look in looks {
            step.add(look, 0);
        }
        assert_eq!(step.times(), looks);
        assert_eq!(step.count, 5);
    }

    #[test]
    fn an_hour_of_looks_every_fifteen_seconds_takes_less_than_two_kilobytes() {
        let mut step = StepLooks { entered_at: Some(MicroTime(at(0))), ..StepLooks::default() };
        for look in 1..=240 {
            step.add(LookTime { at: at(look * 15_003), clock_ms: 15_003 }, 0);
        }
        assert!(step.looks.len() < 2_000, "{}", step.looks.len());
    }

    #[test]
    fn the_looks_of_an_analysis_are_bounded_over_all_its_steps() {
        let mut step = StepLooks { entered_at: Some(MicroTime(at(0))), ..StepLooks::default() };
        for look in 0..3 {
            step.add(LookTime { at: at(look), clock_ms: 0 }, MOST_LOOKS - 2);
        }
        assert_eq!(step.count, 2);
    }

    #[test]
    fn what_is_damaged_ends_the_looks_and_nothing_else() {
        let step = StepLooks { entered_at: Some(MicroTime(at(0))), looks: "////%".into(), ..StepLooks::default() };
        assert_eq!(step.times(), []);
    }
}
