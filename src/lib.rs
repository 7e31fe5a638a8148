//! Siskin: progressive delivery for service meshes.

pub mod judge;
pub mod model;
