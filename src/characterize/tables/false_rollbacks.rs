//! T1: how often a release that is no worse is rolled back, with a look at every tick.

use super::super::error_rules::{columns, row};
use super::super::table::{Column, Form, Picture, Table};
use super::super::traffic::{Bursts, Course, Errors, Fleet, Noise};
use crate::judge::Margin;

/// The table.
pub(super) fn table() -> Table {
    let usual = Errors::USUAL;
    let weight = |weight: f64| Errors { weight: Course::Constant(weight), ..usual };
    let incident = |rate, seconds| Errors {
        stable_rate: Course::Episode { from: 3600.0, to: 3600.0 + seconds, usual: 0.005, meanwhile: rate },
        ..usual
    };
    let noise = |noise| Errors { noise, ..usual };
    let bursts = |canary, stable| Errors {
        stable_rate: Course::Constant(0.003),
        weight: Course::Constant(canary as f64 / 20.0),
        fleet: Some(Fleet { canary, stable, bursts: Some(Bursts::USUAL) }),
        ..usual
    };
    let Margin { ratio, absolute } = Margin::ERROR_RATE_DEAD_ZONE;
    let edge = |traffic| Errors { ratio: Course::Constant(ratio), added: absolute, ..traffic };
    let rows = vec![
        row("5 % of the traffic", weight(0.05)),
        row("10 %", usual),
        row("50 %", weight(0.5)),
        row("10 %, 12 h with a look each minute", Errors { tick: 60.0, ..usual }),
        row("10 % of 1 request a second, 12 h", Errors { tick: 60.0, requests_per_second: 1.0, ..usual }),
        row("base rate 5 %", Errors { stable_rate: Course::Constant(0.05), ..usual }),
        row("incident: 20 % in both for 10 min", incident(0.2, 600.0)),
        row("incident: 3 % in both for 30 min", incident(0.03, 1800.0)),
        row(
            "drift .2 to 2 % while the weight goes from 5 to 50 %",
            Errors {
                stable_rate: Course::Ramp { from: 0.002, to: 0.02 },
                weight: Course::Ramp { from: 0.05, to: 0.5 },
                ..usual
            },
        ),
        row(
            "rate x5 in both when the weight goes from 10 to 50 %",
            Errors {
                stable_rate: Course::Change { at: 3600.0, before: 0.005, after: 0.025 },
                weight: Course::Change { at: 3600.0, before: 0.1, after: 0.5 },
                ..usual
            },
        ),
        row("noise: rate of each arm and tick varies by .2", noise(Noise::Gamma(0.2))),
        row("noise: by .5", noise(Noise::Gamma(0.5))),
        row("retries: clusters of 3 errors", noise(Noise::Clusters(3.0))),
        row("retries: clusters of 10", noise(Noise::Clusters(10.0))),
        row("pod bursts, canary 2 of 20 pods", bursts(2, 18)),
        row("pod bursts, 1 of 20", bursts(1, 19)),
        row("pod bursts, 10 of 20", bursts(10, 10)),
        row("at the edge of the dead zone", edge(usual)),
        row(
            "at the edge of the dead zone, incident and ramp",
            edge(Errors { weight: Course::Ramp { from: 0.05, to: 0.5 }, ..incident(0.2, 600.0) }),
        ),
    ];
    Table {
        name: "T1",
        title: "How often a release that is no worse is rolled back",
        about: ABOUT,
        columns: columns(Column::share),
        rows,
        pictures: vec![
            Picture {
                name: "over-time",
                title: "A test that is repeated rolls back more of the good releases the longer one looks",
                columns: &["Siskin .01", "Siskin .05", "z-test .01", "z-test .05", "5 min above 1 %"],
                form: Form::OverTime("10 %"),
            },
            Picture {
                name: "shares",
                title: "Share of rollouts of an equal release that are rolled back",
                columns: &["Siskin .01", "z-test .01", "Kayenta from 10 min", "5 min above 1 %"],
                form: Form::Shares,
            },
        ],
    }
}

const ABOUT: &str = "\
Both versions are the same (in the last two rows the canary is as much worse as the dead zone allows). Each rule looks at every tick and rolls back once it fires; the cell is the share of rollouts
that it ever did. Unless the row says otherwise: 100 requests a second, 0.5 % errors, 10 % of the traffic on the canary, a
look each 10 s for two hours. `e-process` is the betting alone against \"no worse at all\", without any dead zone and
without knowing how the errors vary: its promise is exact for errors that come each by itself, and void for clusters.
`Siskin` is what ships: dead zone, dispersion and cap learned from six hours of the stable version before the rollout.
Kayenta is given a value a minute, and asked each minute (each 6 min in runs of 12 h). It and Mann-Whitney are run in one of
ten rollouts, because they cost most.";
