//! T4: how often a release at the margin passes a step, and how soon an equal one does.

use super::super::engine::Engine;
use super::super::outcome::Outcome;
use super::super::stream::Stream;
use super::super::table::{Column, Row, Table};
use super::super::traffic::{Bursts, Course, Errors, Fleet, Noise};
use crate::judge::{Margin, StepWeight};

/// The table.
pub(super) fn table() -> Table {
    let usual = Errors::USUAL;
    let weight = |weight: f64| Errors { weight: Course::Constant(weight), ..usual };
    let base = |rate: f64| Errors { stable_rate: Course::Constant(rate), ..usual };
    let clusters = |traffic| Errors { noise: Noise::Clusters(3.0), ..traffic };
    let fleet = |bursts| Errors { fleet: Some(Fleet { canary: 2, stable: 18, bursts }), ..base(0.003) };
    let bursts = fleet(Some(Bursts::USUAL));
    let rows = vec![
        at_margin("at the margin, 5 % of the traffic", weight(0.05)),
        at_margin("at the margin, 10 %", usual),
        at_margin("at the margin, 50 %", weight(0.5)),
        at_margin("at the margin, base rate .05 %", base(0.0005)),
        at_margin("at the margin, base rate 2 %", base(0.02)),
        at_margin("at the margin, clusters of 3", clusters(usual)),
        at_margin("at the margin, clusters of 3, base rate 2 %", clusters(base(0.02))),
        at_margin("at the margin, base .3 %, pod bursts", bursts),
        at_margin("at the margin, base .3 %, by pod, clusters of 3", clusters(fleet(None))),
        equal("equal, 5 % of the traffic", weight(0.05)),
        equal("equal, 10 %", usual),
        equal("equal, 50 %", weight(0.5)),
        equal("equal, base rate .05 %", base(0.0005)),
        equal("equal, base rate 5 %", base(0.05)),
        equal("equal, no errors at all", base(0.0)),
        equal("equal, clusters of 3", clusters(usual)),
        equal("equal, base .3 %, pod bursts", bursts),
        equal("equal, base .3 %, by pod, clusters of 3", clusters(fleet(None))),
    ];
    Table {
        name: "T4",
        title: "How often a release at the margin passes, and how soon an equal one does",
        about: ABOUT,
        columns: vec![Column::share_and_seconds("safe, beta .05"), Column::share_and_seconds("safe, beta .01")],
        rows,
        pictures: Vec::new(),
    }
}

/// A canary that is as bad as the last step's margin, to the point.
fn at_margin(name: &str, traffic: Errors) -> Row {
    let Margin { ratio, absolute } = Margin::ERROR_RATE_LIMIT;
    equal(name, Errors { ratio: Course::Constant(ratio), added: absolute, ..traffic })
}

fn equal(name: &str, traffic: Errors) -> Row {
    Row::new(name, traffic.horizon(), move |stream, _| run(&traffic, stream))
}

fn run(traffic: &Errors, stream: &mut Stream) -> Vec<Outcome> {
    let weight = traffic.weight.at(0.0, traffic.horizon());
    // As the last step, which has the margin as it is written.
    let mut engine = Engine::learned(traffic, StepWeight { weight, final_weight: weight }, stream);
    let mut safe = [Outcome::Never; 2];
    for tick in traffic.run(stream) {
        engine.look(&tick);
        for (safe, level) in safe.iter_mut().zip([0.05, 0.01]) {
            safe.note(engine.is_safe(level), tick.end);
        }
        if safe[1] != Outcome::Never {
            break;
        }
    }
    safe.to_vec()
}

const ABOUT: &str = "\
The share of steps that are shown to be safe, and the median time. At the margin (1.5 times the stable rate and 0.1 % more)
a step must not pass more often than beta; an equal release should pass soon. The step is the last one, whose margin is as
written; earlier steps have a wider one and pass sooner. A look each 10 s for two hours, 100 requests a second, base rate
0.5 % unless the row says otherwise.";
