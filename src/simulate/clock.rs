//! A clock that stands still until it is moved.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::{Clock, Timestamp};

/// A moment or a length of virtual time, in milliseconds.
pub type Millis = i64;

/// When every simulation begins: 2030-01-01T00:00:00Z.
const BEGINNING: Millis = 1_893_456_000_000;

/// Virtual time, from 0 at the beginning of the simulation.
#[derive(Debug, Default)]
pub struct VirtualClock(AtomicI64);

impl VirtualClock {
    /// Milliseconds since the simulation began.
    pub fn elapsed(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock on. It never goes back.
    pub fn advance_to(&self, elapsed: Millis) {
        self.0.fetch_max(elapsed, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        timestamp(self.elapsed())
    }
}

/// A moment of the simulation as the API writes it.
pub(super) fn timestamp(elapsed: Millis) -> Timestamp {
    Timestamp::from_millisecond(BEGINNING + elapsed)
        .expect("simulations last hours, and timestamps reach to the year 9999")
}
