//! T9: whole rollouts, from the first step to promotion or rollback.

use std::time::Duration;

use super::super::outcome::Outcome;
use super::super::rollouts::{Ending, Limits, Release, Schedule, by_thresholds, rollout, stage};
use super::super::stream::Stream;
use super::super::table::{Column, Effort, Row, Table};
use super::super::traffic::{Course, Slowness};
use crate::judge::OnTimeout;

/// The table.
pub(super) fn table() -> Table {
    let good = Release::GOOD;
    let errors = |ratio| Release { ratio, ..good };
    let slower = |factor| Release { slowness: Slowness::All(factor), ..good };
    let incident = Course::Episode { from: 300.0, to: 600.0, usual: 0.005, meanwhile: 0.2 };
    let busy = |release| Release { requests_per_second: 1000.0, ..release };
    let quiet = |release| Release { requests_per_second: 10.0, ..release };
    let usual = Limits::USUAL;
    let patient = Limits { tick: Duration::from_mins(1), max_step: Duration::from_hours(2), ..usual };
    let lenient = Limits { tick: Duration::from_mins(1), on_timeout: OnTimeout::Promote, ..usual };
    let rows = vec![
        row("good", good, usual),
        row("good, base rate 1.5 %", Release { stable_rate: Course::Constant(0.015), ..good }, usual),
        row("good, 20 % errors in both for 5 min", Release { stable_rate: incident, ..good }, usual),
        row("errors x1.5 (inside the margin)", errors(1.5), usual),
        row("errors x2", errors(2.0), usual),
        row("errors x4", errors(4.0), usual),
        row("errors x10", errors(10.0), usual),
        row("a fifth slower", slower(1.2), usual),
        row("half as slow again", slower(1.5), usual),
        row("good, 1000 requests a second", busy(good), usual),
        row("errors x2, 1000 requests a second", busy(errors(2.0)), usual),
        row("a fifth slower, 1000 requests a second", busy(slower(1.2)), usual),
        row("good, 10 requests a second, steps of up to 2 h", quiet(good), patient),
        row("errors x2, 10 requests a second, steps of up to 2 h", quiet(errors(2.0)), patient),
        row("errors x4, 10 requests a second, steps of up to 2 h", quiet(errors(4.0)), patient),
        row("good, 10 requests a second, 20 min, then on if nothing looks wrong", quiet(good), lenient),
        row("errors x2, 10 requests a second, 20 min, then on if nothing looks wrong", quiet(errors(2.0)), lenient),
    ];
    let columns = vec![
        Column::share_and_seconds("Siskin: promoted"),
        Column::share_and_seconds("rolled back"),
        Column::share("undecided"),
        Column::mean("excess errors"),
        Column::share_and_seconds("Flagger-like: promoted"),
        Column::share_and_seconds("Flagger-like: rolled back"),
        Column::mean("Flagger-like: excess errors"),
        Column::share_and_seconds("Argo-like: promoted"),
        Column::share_and_seconds("Argo-like: rolled back"),
        Column::mean("Argo-like: excess errors"),
        Column::share_and_seconds("Kayenta stage: promoted"),
        Column::share_and_seconds("Kayenta stage: rolled back"),
        Column::mean("Kayenta stage: excess errors"),
    ];
    Table {
        name: "T9",
        title: "Whole rollouts, from the first step to the end",
        about: ABOUT,
        columns,
        rows,
        pictures: Vec::new(),
    }
}

fn row(name: &str, release: Release, limits: Limits) -> Row {
    // Four steps that all take their time.
    let horizon = 4.0 * limits.max_step.as_secs_f64();
    Row::new(name, horizon, move |stream, effort| run(&release, limits, effort, stream))
}

fn run(release: &Release, limits: Limits, effort: Effort, stream: &mut Stream) -> Vec<Outcome> {
    let siskin = rollout(release, limits, stream);
    let cheap = effort != Effort::Promised;
    let flagger = cheap.then(|| by_thresholds(release, Schedule::EachCheck, 5, stream));
    let argo = cheap.then(|| by_thresholds(release, Schedule::Pauses, 4, stream));
    let kayenta = (effort == Effort::All).then(|| stage(release, stream));
    let undecided = match siskin {
        Ending::Undecided(at) => Outcome::At(at),
        _ => Outcome::Never,
    };
    let [promoted, rolled_back, excess] = outcomes(Some(siskin));
    let mut all = vec![promoted, rolled_back, undecided, excess];
    all.extend([flagger, argo, kayenta].into_iter().flat_map(outcomes));
    all
}

/// When it was promoted, when it was rolled back, and at what price.
fn outcomes(ending: Option<Ending>) -> [Outcome; 3] {
    let (promoted, rolled_back, excess) = match ending {
        None => return [Outcome::Skipped; 3],
        Some(Ending::Promoted(at)) => (Some(at), None, None),
        Some(Ending::RolledBack { at, excess_errors }) => (None, Some(at), Some(excess_errors)),
        Some(Ending::Undecided(_)) => (None, None, None),
    };
    [promoted, rolled_back, excess].map(Outcome::of)
}

const ABOUT: &str = "\
A release with an error rate (0.5 % of the stable version unless the row says otherwise) and a latency (as in T3), 100
requests a second unless the row says otherwise. `Siskin`: steps of 5, 10, 25 and 50 %, at least 2 min and at most 20 min
each, then a person is waited for (`undecided`); errors and latency are critical, alpha .01, beta .05, all defaults.
`Flagger-like`: 5 % more each minute up to 50 %; a minute with more than 1 % errors or a 99th percentile above 500 ms fails;
the fifth rolls back. `Argo-like`: 5, 10, 25 and 50 % for 5 min each; the fourth failed minute rolls back. `Kayenta stage`:
10 % for 50 min, judged each 10 min on the error rate and the 99th percentile of each minute; in one of ten rollouts.
Shares, with the median time of what happened. `excess errors`: errors of the canary until its rollback beyond those that the
stable version would have had. These are simulations: no production figures.";
