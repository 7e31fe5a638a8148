//! T2: how soon a bad release is found.

use super::super::error_rules::{columns, row};
use super::super::table::{Column, Form, Picture, Row, Table};
use super::super::traffic::{Bursts, Course, Errors, Fleet, Noise};

/// The table.
pub(super) fn table() -> Table {
    let mut rows: Vec<Row> = [(0.05, 0.0075), (0.05, 0.01), (0.05, 0.02), (0.05, 0.05)]
        .into_iter()
        .chain([0.1, 0.5].into_iter().flat_map(|weight| [0.01, 0.02, 0.05].map(|rate| (weight, rate))))
        .map(|(weight, rate)| {
            let traffic =
                Errors { weight: Course::Constant(weight), ratio: Course::Constant(rate / 0.005), ..Errors::USUAL };
            row(&format!("{} % of the traffic, {} % errors", weight * 100.0, rate * 100.0), traffic)
        })
        .collect();
    rows.extend(others());
    Table {
        name: "T2",
        title: "How soon a bad release is found",
        about: ABOUT,
        columns: columns(Column::seconds),
        rows,
        pictures: vec![Picture {
            name: "times",
            title: "Median time until a bad release is rolled back",
            columns: &["Siskin .01", "knows the ratio .01", "Kayenta from 10 min", "5 min above 1 %"],
            form: Form::Times,
        }],
    }
}

/// Regressions that begin late, where there were no errors, or with errors that vary.
fn others() -> Vec<Row> {
    let usual = Errors::USUAL;
    let times = |ratio| Errors { ratio: Course::Constant(ratio), ..usual };
    let slow = |rate| Errors { tick: 60.0, requests_per_second: 1.0, ..times(rate / 0.005) };
    let pods = |canary, stable, ratio, bursts| Errors {
        stable_rate: Course::Constant(0.003),
        weight: Course::Constant(canary as f64 / 20.0),
        ratio: Course::Constant(ratio),
        fleet: Some(Fleet { canary, stable, bursts }),
        ..usual
    };
    let usual_bursts = Some(Bursts::USUAL);
    let burstier = Bursts { per_second_canary: 5.0 * Bursts::USUAL.per_second, ..Bursts::USUAL };
    vec![
        row(
            "10 %, 2 % errors from 30 min on",
            Errors { ratio: Course::Change { at: 1800.0, before: 1.0, after: 4.0 }, ..usual },
        ),
        row(
            "10 %, none in the stable version, .5 %",
            Errors { stable_rate: Course::Constant(0.0), added: 0.005, ..usual },
        ),
        row("10 %, clusters of 3, 2 % errors", Errors { noise: Noise::Clusters(3.0), ..times(4.0) }),
        row("10 % of 1 request a second, 5 % errors", slow(0.05)),
        row("10 % of 1 request a second, 2 % errors", slow(0.02)),
        row("10 % of 1 request a second, 1 % errors", slow(0.01)),
        row("base .3 %, 2 of 20 pods, bursts, x4", pods(2, 18, 4.0, usual_bursts)),
        row("base .3 %, 1 of 20 pods, bursts, x4", pods(1, 19, 4.0, usual_bursts)),
        row("base .3 %, 2 of 20 pods, bursts, 20 % errors", pods(2, 18, 0.2 / 0.003, usual_bursts)),
        row("base .3 %, 2 of 20 pods, no bursts, x4", pods(2, 18, 4.0, None)),
        row(
            "base .3 %, 2 of 20 pods, clusters of 3, x4",
            Errors { noise: Noise::Clusters(3.0), ..pods(2, 18, 4.0, None) },
        ),
        row("base .3 %, 2 of 20 pods, only bursts x5", pods(2, 18, 1.0, Some(burstier))),
    ]
}

const ABOUT: &str = "\
The canary is worse; the cell is the median time until the rule fires, and in brackets the share of rollouts in which it
does so within the run, where that is below 0.995. The same traffic as in T1: the stable version has 0.5 % errors unless
the row says otherwise. `knows the ratio` is a sequential test that was told beforehand how much worse the canary is: no
rule that has to find out can be faster. The speed of a rule counts only together with its false rollbacks in T1: the
thresholds and the repeated tests fire on releases that are no worse, too.";
