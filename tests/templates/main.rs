//! The templates in `analysis-templates/`, and measuring itself, against a real Prometheus.
//!
//! - `library`: reading them, and what each of them must be.
//! - `numbers`: what each gives of the series planted for it (`planted/<template>.yaml`), decoys included.
//! - `places`: the chart's copies and the documentation's table are the same library.
//! - `looks`: queries that are asked together, and past windows, beside each query by itself at each time.
//! - `bounded`: queries that see the series of their own namespace alone.
//! - `secured`: a Prometheus with TLS that asks who one is.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends where it stands")]

mod bounded;
mod library;
mod looks;
mod numbers;
mod places;
mod planted;
mod prometheus;
mod remote_write;
mod secured;
