//! Siskin: progressive delivery for service meshes.
