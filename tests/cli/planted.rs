//! A value of a series, as the Prometheus of the tests takes it.

use std::collections::BTreeMap;

/// One value of one series.
pub(crate) struct Planted {
    pub(crate) labels: BTreeMap<String, String>,
    /// Milliseconds from the time of planting; not positive.
    pub(crate) offset: i64,
    pub(crate) value: PlantedValue,
}

/// A number; or a native histogram, which only the tests of the templates plant.
pub(crate) enum PlantedValue {
    Float(f64),
    #[expect(dead_code, reason = "the tests of the templates plant it")]
    Native {
        schema: i32,
        count: u64,
        sum: f64,
        offset: i32,
        custom: Vec<f64>,
        buckets: Vec<i64>,
    },
}
