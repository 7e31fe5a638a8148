//! Reports of an analysis, drawn from its recording: a page for people ([`html`]) and a picture for terminals
//! ([`plot`]). Pure: the same recording gives the same text.

mod chart;
pub mod html;
mod page;
pub mod plot;

pub use html::html;
pub use plot::{Dots, plot};

#[cfg(test)]
mod tests;
