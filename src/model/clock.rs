//! The only place that asks what time it is.

pub use jiff::Timestamp;

/// Where the edges take the time from; the pure layers are given it as an argument.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, in whole milliseconds: what Prometheus keeps, so that a look can be asked for again at its very
/// time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
