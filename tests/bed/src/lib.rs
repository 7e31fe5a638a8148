//! The bed: real servers in one network namespace, for tests and for playing by hand.
//!
//! etcd, the Kubernetes control plane, istiod, Envoy and Prometheus run as plain processes inside an unprivileged
//! user, network and process namespace ([`isolation`]); the node agent ([`node`]) turns scheduled pods into HTTP servers
//! or Envoys on addresses of their own; the load generator ([`traffic`]) is the client whose records the tests believe.
//!
//! A test starts from [`Bed::shared`], takes a [`Namespace`] of its own and sends [`Traffic`]. The methods made for tests
//! panic with a text that says what was waited for, what was there instead and where the logs are.

mod app;
pub mod audit;
mod bed;
mod cluster;
mod commands;
mod consumption;
mod envoy;
pub mod isolation;
mod mesh;
mod namespace;
mod node;
mod plain_cluster;
mod pods;
mod process;
mod query;
pub mod run_directory;
mod servers;
pub mod tools;
pub mod traffic;
mod wait;

pub use audit::{AuditEvent, AuditMark};
pub use bed::Bed;
pub use commands::CommandOutput;
pub use consumption::Consumption;
pub use namespace::Namespace;
pub use plain_cluster::PlainCluster;
pub use process::Server;
pub use query::Sample;
pub use traffic::{Record, Report, RunningTraffic, Share, Traffic};
