//! Siskin: progressive delivery for service meshes.

pub mod model;
pub mod route;
