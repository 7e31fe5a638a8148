//! Siskin: progressive delivery for service meshes.

pub mod model;
