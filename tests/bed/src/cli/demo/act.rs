//! One act: a release, from `kubectl apply` to the state in which Siskin leaves the shop.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use jiff::Timestamp;

use super::numbers::{Numbers, count};
use super::rollout::{Outcome, Status};
use super::screen;
use super::shop::Shop;
use super::voice::{command, headline, say};

/// Time for a person to read the story before the screen covers it, and for servers that have just started to come to rest.
const READING: Duration = Duration::from_secs(6);
/// Time for a person to see the last state on the screen.
const LAST_LOOK: Duration = Duration::from_secs(3);

/// What is shipped, and how that should end.
pub(super) struct Act {
    pub(super) title: &'static str,
    /// What the team does and what to watch.
    pub(super) story: &'static str,
    pub(super) version: &'static str,
    /// The manifest's name, for the command.
    pub(super) file: &'static str,
    pub(super) manifest: &'static str,
    /// `RolledBack` or `Promoted`.
    pub(super) outcome: &'static str,
    /// How the shop is left then.
    pub(super) aftermath: &'static str,
}

/// An act that is over.
pub(super) struct Played<'a> {
    pub(super) act: &'a Act,
    pub(super) outcome: Outcome,
    /// When the team shipped.
    pub(super) begun: Timestamp,
    /// When the shop was at rest again.
    pub(super) ended: Timestamp,
}

/// Ships, shows what happens, and tells what the customers saw.
pub(super) async fn play<'a>(shop: &Shop, act: &'a Act) -> anyhow::Result<Played<'a>> {
    headline(act.title);
    say(act.story);
    command(&format!("kubectl apply -f tests/bed/demo/{}", act.file));
    command("siskin get rollout web -n shop --watch");
    println!();
    tokio::time::sleep(READING).await;
    let run = shop.status().runs + 1;
    let begun = Timestamp::now();
    let outcome = tokio::select! {
        shown = screen::show(shop, begun) => match shown? {},
        outcome = ship(shop, act, run) => outcome?,
    };
    let played = Played { act, outcome, begun, ended: Timestamp::now() };
    tell(shop, &played);
    Ok(played)
}

/// Applies the manifest and waits until the run is over and the shop at rest.
async fn ship(shop: &Shop, act: &Act, run: u64) -> anyhow::Result<Outcome> {
    shop.apply(act.file, act.manifest).await?;
    let ended = |status: &Status| {
        let is_at_rest = ["Idle", "RolledBack"].contains(&status.phase.as_str());
        is_at_rest.then(|| status.outcomes.first().filter(|outcome| outcome.run >= run).cloned()).flatten()
    };
    let status = shop.until("the release has an outcome", |status| ended(status).is_some()).await?;
    if stdout().is_terminal() {
        tokio::time::sleep(LAST_LOOK).await;
    }
    Ok(ended(&status).expect("it was waited for"))
}

fn tell(shop: &Shop, played: &Played) {
    let Played { act, outcome, begun, ended } = played;
    let numbers = Numbers::of(&shop.traffic().report().between(*begun, *ended), act.version);
    let seconds = |from: Timestamp, to: Timestamp| format!("{:.1} s", to.duration_since(from).as_secs_f64());
    let errors = match numbers.errors_from_to {
        None => "saw no error".to_owned(),
        Some((first, last)) => format!(
            "saw {} errors, the first {} after `kubectl apply` and the last {} later",
            count(numbers.errors),
            seconds(*begun, first),
            seconds(first, last),
        ),
    };
    println!();
    say(&format!(
        "In these {} the customers sent {} requests and {errors}; {} answered {} of them. {}: {}",
        seconds(*begun, *ended),
        count(numbers.requests),
        act.version,
        count(numbers.of_version),
        outcome.kind,
        outcome.message,
    ));
    if outcome.kind == act.outcome {
        say(act.aftermath);
    }
}
