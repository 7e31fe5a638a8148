//! A hard limit on a value, with no comparison: the rollout is rolled back when the value is outside over several
//! looks in a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the value must keep to. Both bounds are allowed values; a missing bound allows everything on its side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Smallest allowed value.
    pub min: Option<f64>,
    /// Largest allowed value.
    pub max: Option<f64>,
    /// Looks in a row that must find the value outside; at least 1 (0 is taken as 1).
    pub consecutive: u32,
}

/// How many looks in a row have found the value outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitState {
    /// Breaches in a row so far.
    pub breaches: u32,
}

/// What one look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitReading {
    /// The value, if there was one.
    pub value: Option<f64>,
    /// Breaches in a row, this look included.
    pub breaches: u32,
    /// Whether the limit counts as broken.
    pub breached: bool,
}

impl Limit {
    /// Whether the value keeps to the limit.
    pub fn allows(&self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    fn needed(&self) -> u32 {
        self.consecutive.max(1)
    }
}

impl LimitState {
    /// Takes the value of one look. A missing, infinite or undefined value is no evidence in either direction: it
    /// neither counts as a breach nor forgives earlier ones.
    pub fn look(&mut self, limit: &Limit, value: Option<f64>) -> LimitReading {
        let value = value.filter(|value| value.is_finite());
        if let Some(value) = value {
            self.breaches = if limit.allows(value) { 0 } else { self.breaches.saturating_add(1) };
        }
        self.reading(limit, value)
    }

    /// Where a value stands that does not count as a look of its own.
    pub fn reading(&self, limit: &Limit, value: Option<f64>) -> LimitReading {
        let breached = value.is_some() && self.breaches >= limit.needed();
        LimitReading { value, breaches: self.breaches, breached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { min: Some(1.0), max: Some(2.0), consecutive: 3 };

    fn looks(values: &[Option<f64>]) -> LimitReading {
        let mut state = LimitState::default();
        let mut last = None;
        for value in values {
            last = Some(state.look(&LIMIT, *value));
        }
        last.unwrap()
    }

    #[test]
    fn the_limit_breaks_after_enough_looks_in_a_row() {
        assert!(!looks(&[Some(3.0), Some(0.5)]).breached);
        assert!(looks(&[Some(3.0), Some(0.5), Some(2.1)]).breached);
    }

    #[test]
    fn a_good_value_forgives_earlier_breaches() {
        assert_eq!(looks(&[Some(3.0), Some(3.0), Some(2.0), Some(3.0)]).breaches, 1);
    }

    #[test]
    fn a_missing_value_neither_counts_nor_forgives() {
        let reading = looks(&[Some(3.0), None, Some(3.0), Some(f64::NAN), Some(f64::INFINITY)]);
        assert_eq!(reading, LimitReading { value: None, breaches: 2, breached: false });
        assert!(looks(&[Some(3.0), None, Some(3.0), Some(f64::NAN), Some(3.0)]).breached);
    }

    #[test]
    fn both_bounds_are_allowed_values() {
        assert_eq!(looks(&[Some(1.0)]).breaches, 0);
        assert_eq!(looks(&[Some(2.0)]).breaches, 0);
    }
}
