//! Synthetic traffic of a canary and a stable version: what every rule of a row gets to see.

mod course;
mod errors;
mod gauges;
mod latency;
mod pods;

pub use course::Course;
pub use errors::{Errors, Noise};
pub use gauges::{GaugeArm, Gauges};
pub use latency::{ArmNoise, Edges, Latencies, LatencyArm, Slowness};
pub use pods::{Bursts, Fleet, PodErrors, Tick};
