//! Intervals for one proportion at one planned look. For a live screen use [`super::super::interval::rate_interval`],
//! which holds at every look.

use super::Bounds;
use super::distribution::{beta_quantile, normal_quantile};

/// Wilson's score interval (1927) at `confidence` in (0, 1); `events <= trials`, `trials > 0`.
pub fn wilson(events: f64, trials: f64, confidence: f64) -> Bounds {
    let z = normal_quantile(f64::midpoint(1.0, confidence));
    let part = events / trials;
    let z_part = z * z / trials;
    let centre = (part + 0.5 * z_part) / (1.0 + z_part);
    let radius = z / (1.0 + z_part) * (part * (1.0 - part) / trials + 0.25 * z_part / trials).sqrt();
    let low = if events == 0.0 { 0.0 } else { centre - radius };
    let high = if events >= trials { 1.0 } else { centre + radius };
    (low, high)
}

/// The exact interval of Clopper and Pearson (1934), which never covers less than `confidence`.
pub fn clopper_pearson(events: f64, trials: f64, confidence: f64) -> Bounds {
    let tail = 0.5 * (1.0 - confidence);
    let low = if events == 0.0 { 0.0 } else { beta_quantile(tail, events, trials - events + 1.0) };
    let high = if events >= trials { 1.0 } else { beta_quantile(1.0 - tail, events + 1.0, trials - events) };
    (low, high)
}
