//! Siskin: progressive delivery for service meshes.

pub mod measure;
pub mod model;
