//! A quantity over the time of a run.

/// What a quantity is at each second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// Always the same.
    Constant(f64),
    /// Straight from one value to another over the whole run.
    Ramp {
        /// At the beginning.
        from: f64,
        /// At the end.
        to: f64,
    },
    /// One value, and another from some second on.
    Change {
        /// The second of the change.
        at: f64,
        /// Until then.
        before: f64,
        /// From then on.
        after: f64,
    },
    /// Another value for some time.
    Episode {
        /// The first second.
        from: f64,
        /// The second at which it is over.
        to: f64,
        /// Before and after.
        usual: f64,
        /// Meanwhile.
        meanwhile: f64,
    },
    /// A sine around a value, of the period of a day pressed into the run.
    Wave {
        /// The middle.
        middle: f64,
        /// The largest distance from it.
        swing: f64,
    },
}

impl Course {
    /// The value at a second of a run that lasts `horizon` seconds.
    pub fn at(self, second: f64, horizon: f64) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Ramp { from, to } => from + (to - from) * second / horizon,
            Self::Change { at, before, after } => {
                if second < at {
                    before
                } else {
                    after
                }
            }
            Self::Episode { from, to, usual, meanwhile } => {
                if (from..to).contains(&second) {
                    meanwhile
                } else {
                    usual
                }
            }
            Self::Wave { middle, swing } => middle + swing * (std::f64::consts::TAU * second / horizon).sin(),
        }
    }
}
