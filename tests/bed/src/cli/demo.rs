//! `siskin-bed demo`: a team ships a bad release and a good one, and what its customers notice of it.
//!
//! Everything is real: the servers, the chart, the controller with the chart's rights, kubectl, the screen. The numbers at
//! the end are those of the client that sent the requests.

mod act;
mod numbers;
mod rollout;
mod screen;
mod shop;
mod siskin;
mod voice;

use std::process::ExitCode;

use anyhow::bail;
use siskin_bed::Bed;

use self::act::{Act, Played};
use self::numbers::{Numbers, count};
use self::shop::Shop;
use self::voice::{command, headline, say};
use super::access;

/// What a program says that was interrupted, as shells give it.
const INTERRUPTED: u8 = 130;

/// Finds out early what would be missing late.
///
/// # Errors
/// When there is no `siskin` to show.
pub(super) fn check() -> anyhow::Result<()> {
    siskin::program().map(drop)
}

/// Plays the demo to its end, or until Ctrl-C.
///
/// # Errors
/// When a release did not end as it should, or something could not be done at all.
pub(super) async fn run(bed: &'static Bed, keep: bool) -> anyhow::Result<ExitCode> {
    // Kept until the end: its customers go on.
    let (_shop, judged) = tokio::select! {
        biased;
        interrupted = access::interrupt() => {
            interrupted?;
            eprintln!("interrupted: everything is ended");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        played = play(bed) => played?,
    };
    if keep {
        play_on(bed)?;
        access::interrupt().await?;
    }
    judged.map(|()| ExitCode::SUCCESS)
}

/// Plays both acts; gives the shop as they leave it, and whether both ended as they should.
async fn play(bed: &'static Bed) -> anyhow::Result<(Shop, anyhow::Result<()>)> {
    let shop = Shop::open(bed).await?;
    let bad = act::play(&shop, &BAD_RELEASE).await?;
    let good = act::play(&shop, &GOOD_RELEASE).await?;
    headline("In numbers");
    let (bad, good) = (verdict(&shop, &bad), verdict(&shop, &good));
    Ok((shop, bad.and(good)))
}

const BAD_RELEASE: Act = Act {
    title: "Act 1: the team ships v2, and v2 has a bug",
    story: "One request in five fails in v2. The team does what it always does and applies its Deployment with the new \
            image. Watch: the API server holds the Deployment in that very write, web-canary starts beside it, gets 10 % \
            of the traffic, and loses it again as soon as the errors can be no accident.",
    version: "v2",
    file: "web-v2.yaml",
    manifest: include_str!("../../demo/web-v2.yaml"),
    outcome: "RolledBack",
    aftermath: "The four pods are v1's, as before. The Deployment has v2's template and is held (spec.paused), so nothing \
                starts by itself; applying v1 again would end that, and so does a new template.",
};

const GOOD_RELEASE: Act = Act {
    title: "Act 2: the team mends the bug and ships v3",
    story: "A new template is a new run; nobody has to clean up. Watch: v3 gets 10, 25 and 50 % of the traffic, each step \
            until the customers' requests have ruled out that it is worse; then the Deployment's own rolling update \
            brings it to everyone, and the route, the Service and the Deployment are as the team wrote them.",
    version: "v3",
    file: "web-v3.yaml",
    manifest: include_str!("../../demo/web-v3.yaml"),
    outcome: "Promoted",
    aftermath: "The four pods are v3's. Nothing of Siskin is left in the shop but the Rollout.",
};

/// Prints an act's line of the summary, from the final records, and says whether it ended as it should.
fn verdict(shop: &Shop, played: &Played) -> anyhow::Result<()> {
    let Played { act, outcome, begun, ended } = played;
    let numbers = Numbers::of(&shop.traffic().report().between(*begun, *ended), act.version);
    let errors = match numbers.errors_lasted() {
        Some(lasted) => format!("{} errors seen by users, within {lasted:.1} s", count(numbers.errors)),
        None => "no error seen by users".to_owned(),
    };
    println!(
        "  {}  {:<10}  {:>6} requests in {:>3.0} s, {errors}",
        act.version,
        outcome.kind,
        count(numbers.requests),
        ended.duration_since(*begun).as_secs_f64(),
    );
    if outcome.kind != act.outcome {
        bail!("{} ended as {} and not as {}: {}", act.version, outcome.kind, act.outcome, outcome.message);
    }
    if act.outcome == "Promoted" && numbers.errors > 0 {
        bail!("{} was promoted, but users saw {} errors: {}", act.version, numbers.errors, numbers.kinds_of_error);
    }
    Ok(())
}

/// How to go on by hand.
fn play_on(bed: &Bed) -> anyhow::Result<()> {
    let siskin = siskin::program()?;
    headline("Play on");
    say("Everything still runs, the traffic too. Ctrl-C ends it. In another terminal:");
    println!("\n{}\n", access::how_to_reach(bed, siskin.parent()));
    for line in [
        "siskin get rollout web -n shop --watch",
        "kubectl -n shop set image deployment/web app=siskin.test/app:v4",
        "kubectl -n shop set env deployment/web ERROR_RATE=0.02",
        "siskin pause web -n shop",
        "siskin abort web -n shop",
    ] {
        command(line);
    }
    Ok(())
}
