//! Siskin: progressive delivery for service meshes.

pub mod act;
pub mod api;
pub mod cli;
pub mod controller;
pub mod judge;
pub mod measure;
pub mod model;
pub mod observe;
pub mod plan;
pub mod route;
pub mod simulate;
pub mod workload;
