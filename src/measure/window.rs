//! A stretch of time and the ticks in it at which values are asked for.

use std::time::Duration;

use crate::model::Timestamp;

/// Most ticks of a window: a week by the quarter of a minute.
const MOST_TICKS: i64 = 50_000;

/// Why a stretch of time can't be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Nothing lies between two ticks.
    #[error("a step of {} is too short; it must be at least 1s", humantime::format_duration(*.0))]
    StepTooShort(Duration),
    /// No tick is in it.
    #[error(
        "from {from} to {to} there is no multiple of {}: the end must be after the beginning, by a step or more",
        humantime::format_duration(*step)
    )]
    Empty {
        /// The beginning as given.
        from: Timestamp,
        /// The end as given.
        to: Timestamp,
        /// The step, in whole seconds.
        step: Duration,
    },
    /// Too many ticks.
    #[error("from {from} to {to} there are {ticks} ticks; at most {MOST_TICKS} can be asked for: take a longer step")]
    TooLong {
        /// The beginning as given.
        from: Timestamp,
        /// The end as given.
        to: Timestamp,
        /// How many there would be.
        ticks: i64,
    },
}

/// Ticks at the whole multiples of a step since 1970. Servers that round the times of a range, as VictoriaMetrics and
/// caches in front of Mimir and Thanos do, round to those, and so leave them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first tick, in steps since 1970.
    first: i64,
    /// The last one.
    last: i64,
    /// In seconds.
    step: i64,
}

impl Window {
    /// The ticks from one time to another, both included where they are ticks. A range begins and ends at a whole
    /// second, so a step is rounded up to whole seconds.
    ///
    /// # Errors
    /// There is no tick, or there are too many.
    pub fn new(from: Timestamp, to: Timestamp, step: Duration) -> Result<Self, WindowError> {
        if step.is_zero() {
            return Err(WindowError::StepTooShort(step));
        }
        let whole = i64::try_from(step.as_secs()).unwrap_or(i64::MAX);
        let seconds = whole.saturating_add(i64::from(step.subsec_nanos() > 0));
        // A second that has begun before the one end, or ends after the other, is not within.
        let begin = from.as_second() + i64::from(from.subsec_nanosecond() > 0);
        let end = to.as_second() - i64::from(to.subsec_nanosecond() < 0);
        let first = begin.div_euclid(seconds) + i64::from(begin.rem_euclid(seconds) > 0);
        let last = end.div_euclid(seconds);
        let ticks = last - first + 1;
        if ticks < 1 {
            return Err(WindowError::Empty { from, to, step: Duration::from_secs(seconds.unsigned_abs()) });
        }
        if ticks > MOST_TICKS {
            return Err(WindowError::TooLong { from, to, ticks });
        }
        Ok(Self { first, last, step: seconds })
    }

    /// Every tick, in the order of time.
    pub fn ticks(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let step = self.step;
        (self.first..=self.last).filter_map(move |tick| Timestamp::from_second(tick * step).ok())
    }

    /// The first tick and the last, in seconds since 1970.
    pub(super) fn bounds(&self) -> (i64, i64) {
        (self.first * self.step, self.last * self.step)
    }

    /// The time between two ticks: whole seconds.
    pub fn step(&self) -> Duration {
        Duration::from_secs(self.step.unsigned_abs())
    }

    /// How many ticks there are.
    pub(super) fn len(&self) -> i64 {
        self.last - self.first + 1
    }

    /// Whether a time is one of the ticks.
    pub(super) fn tick(&self, time: Timestamp) -> bool {
        let seconds = time.as_second();
        time.subsec_nanosecond() == 0
            && seconds % self.step == 0
            && (self.first..=self.last).contains(&(seconds / self.step))
    }

    /// The same ticks in windows of at most so many.
    pub(super) fn parts(self, most: i64) -> impl Iterator<Item = Self> {
        let starts = (self.first..=self.last).step_by(usize::try_from(most.max(1)).unwrap_or(usize::MAX));
        starts.map(move |first| Self { first, last: self.last.min(first + most.max(1) - 1), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str, step: Duration) -> Result<Window, WindowError> {
        let time = |text: &str| format!("2026-01-02T{text}Z").parse::<Timestamp>().unwrap();
        Window::new(time(from), time(to), step)
    }

    fn ticks(window: &Window) -> Vec<String> {
        window.ticks().map(|tick| tick.to_string()["2026-01-02T".len()..].to_owned()).collect()
    }

    #[test]
    fn ticks_are_multiples_of_the_step_within_the_window() {
        let half_minutes = window("03:00:00.0001", "03:01:31", Duration::from_secs(30)).unwrap();
        assert_eq!(ticks(&half_minutes), ["03:00:30Z", "03:01:00Z", "03:01:30Z"]);
        assert!(half_minutes.ticks().all(|tick| half_minutes.tick(tick)));
        assert!(!half_minutes.tick("2026-01-02T03:00:00Z".parse().unwrap()));
        assert!(!half_minutes.tick("2026-01-02T03:00:31Z".parse().unwrap()));
        assert!(!half_minutes.tick("2026-01-02T03:00:30.001Z".parse().unwrap()));
    }

    #[test]
    fn a_step_is_rounded_up_to_whole_seconds() {
        for (step, expected) in [(1, 1), (500, 1), (1000, 1), (1001, 2), (1500, 2), (15_000, 15)] {
            let window = window("03:00:00.5", "03:01:00.5", Duration::from_millis(step)).unwrap();
            assert_eq!(window.step(), Duration::from_secs(expected));
            assert!(window.ticks().all(|tick| tick.subsec_nanosecond() == 0 && window.tick(tick)));
        }
        assert_eq!(ticks(&window("03:00:00", "03:00:02.9", Duration::from_millis(500)).unwrap()).len(), 3);
    }

    #[test]
    fn before_1970_the_ticks_are_as_they_are_later() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let second = Duration::from_secs(1);
        let window = Window::new(time("1969-12-31T23:59:57.5Z"), time("1969-12-31T23:59:59.5Z"), second).unwrap();
        assert_eq!(window.bounds(), (-2, -1));
    }

    #[test]
    fn the_parts_of_a_window_have_all_its_ticks_once() {
        let window = window("03:00:00", "03:10:00", Duration::from_secs(1)).unwrap();
        for most in [1, 7, 600, 601, 11_000] {
            let parts: Vec<_> = window.parts(most).collect();
            assert!(parts.iter().all(|part| part.len() <= most));
            assert!(parts.iter().flat_map(Window::ticks).eq(window.ticks()), "{most}");
        }
    }

    #[test]
    fn a_window_without_ticks_or_with_too_many_is_refused() {
        let sentence = |from, to, step| window(from, to, step).unwrap_err().to_string();
        assert!(sentence("03:00:00", "03:00:00", Duration::ZERO).contains("at least 1s"));
        assert!(sentence("03:00:01", "03:00:00", Duration::from_secs(10)).contains("no multiple of 10s"));
        assert!(sentence("03:00:01", "03:00:09", Duration::from_secs(10)).contains("no multiple of 10s"));
        assert!(sentence("00:00:00", "20:00:00", Duration::from_secs(1)).contains("72001 ticks"));
    }
}
