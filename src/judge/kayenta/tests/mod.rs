//! Against results of the original classes of Kayenta, and against the definition of what they compute.

mod characteristics;
mod golden;
mod meaning;
mod whole;
