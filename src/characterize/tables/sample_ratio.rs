//! T5: whether the split of the traffic is honoured.

use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Row, Table};
use crate::judge::classical::chi_squared::goodness_of_fit;
use crate::judge::log_threshold;
use crate::judge::sample_ratio::{CONCENTRATION, log_mismatch};

const TICK: f64 = 10.0;
const LOOKS: u32 = 720;

#[derive(Clone, Copy)]
struct Split {
    planned: f64,
    true_share: f64,
    requests_per_second: f64,
}

/// The table.
pub(super) fn table() -> Table {
    let row = |name: &str, planned: f64, true_share: f64, requests_per_second: f64| {
        let split = Split { planned, true_share, requests_per_second };
        Row::new(name, f64::from(LOOKS) * TICK, move |stream, _| run(split, stream))
    };
    Table {
        name: "T5",
        title: "Whether the split of the traffic is honoured",
        about: ABOUT,
        columns: ["Siskin .05", "Siskin .001", "chi-squared .05", "chi-squared .001"]
            .map(Column::share_and_seconds)
            .to_vec(),
        rows: vec![
            row("10 % planned and true, 100 a second", 0.1, 0.1, 100.0),
            row("50 % planned and true, 10 a second", 0.5, 0.5, 10.0),
            row("10 % planned, 9.5 % true, 100 a second", 0.1, 0.095, 100.0),
            row("10 % planned, 8 % true, 100 a second", 0.1, 0.08, 100.0),
            row("50 % planned, 49 % true, 10 a second", 0.5, 0.49, 10.0),
        ],
        pictures: Vec::new(),
    }
}

fn run(split: Split, stream: &mut Stream) -> Vec<Outcome> {
    let shares = [split.planned, 1.0 - split.planned];
    let mut outcomes = [Outcome::Never; 4];
    let mut counts = [0.0; 2];
    for look in 1..=LOOKS {
        let end = f64::from(look) * TICK;
        let requests = split.requests_per_second * TICK;
        counts[0] += stream.poisson(requests * split.true_share);
        counts[1] += stream.poisson(requests * (1.0 - split.true_share));
        let evidence = log_mismatch(&counts, &shares, CONCENTRATION);
        let p_value = goodness_of_fit(&counts, &shares).p;
        outcomes[0].note(evidence >= log_threshold(0.05), end);
        outcomes[1].note(evidence >= log_threshold(0.001), end);
        outcomes[2].note(p_value < 0.05, end);
        outcomes[3].note(p_value < 0.001, end);
    }
    outcomes.to_vec()
}

const ABOUT: &str = "\
Requests of both versions are counted at each of 720 looks and compared with the planned weight. The cell is the share of
runs in which the split is said not to be honoured, and the median time. Beside Siskin's sequential check: the chi-squared
test, repeated at each look. In a rollout the check only warns, and only where the share is off by a fifth; in an A/B test it
keeps a winner from being declared.";
