//! Siskin: progressive delivery for service meshes.
//!
//! A changed workload is held by the API server itself. Watches fill one cache, and [`observe`] takes a snapshot of one
//! Rollout from it; [`measure`] asks Prometheus for raw counters, and [`judge`] turns them into evidence that may be
//! looked at any time; [`plan`], a pure function of snapshot and time, says what the status should be and which effects
//! lead there, in their order, with edits of the user's objects made by [`route`] and [`workload`]; [`act`] performs
//! them. [`controller`] is the wiring of all that on a cluster, [`simulate`] the same on a virtual clock.
//! [`characterize`] counts out what the judge promises.

pub mod act;
pub mod analysis;
pub mod api;
pub mod characterize;
pub mod cli;
pub mod controller;
pub mod judge;
pub mod measure;
pub mod model;
pub mod observe;
pub mod plan;
pub mod report;
pub mod route;
pub mod simulate;
pub mod workload;
