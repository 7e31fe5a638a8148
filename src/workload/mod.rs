//! What to change on a workload to hold it, to make its canary, to promote and to undo: pure, one file per kind.

pub mod deployment;
mod template;

pub use template::{TemplateIs, same_template};
