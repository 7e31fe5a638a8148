//! What the judge promises, counted out: thousands of simulated rollouts, judged by Siskin and by what others use, on
//! the same traffic with the same seeds.
//!
//! A [`Table`] has a scenario a row and a rule a column. A row makes its own random numbers ([`Stream`]) from the seed,
//! its name and the number of the run, so that [`run_row`] gives the same [`Cell`]s on any number of cores. Traffic is
//! made in [`traffic`], the rules of others in [`comparators`]; the judge itself is the one that ships ([`engine`]).

pub mod bars;
pub mod comparators;
pub mod engine;
mod error_rules;
mod harness;
pub mod latency_engine;
mod outcome;
pub mod report;
pub mod rollouts;
mod store;
mod stream;
mod table;
mod tables;
pub mod traffic;

pub use harness::{FinishedRow, Plan, run_row};
pub use outcome::{Cell, Outcome, SLICES};
pub use store::Store;
pub use stream::Stream;
pub use table::{COSTLY_EVERY, Column, Effort, Form, Picture, Row, Show, Simulation, Table};
pub use tables::all as tables;
