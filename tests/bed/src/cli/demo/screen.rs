//! What is shown while a release is on its way: the screen that any user of Siskin has, or lines where there is no terminal.

use std::convert::Infallible;
use std::io::{IsTerminal, stdout};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, interval};

use super::numbers::count;
use super::rollout::{Status, Weight};
use super::shop::Shop;
use super::siskin;

/// How long nothing is printed at most.
const SILENCE: Duration = Duration::from_secs(5);

/// Shows the Rollout until this is dropped.
pub(super) async fn show(shop: &Shop, begun: Timestamp) -> anyhow::Result<Infallible> {
    if stdout().is_terminal() {
        let _screen = Screen::open(shop)?;
        std::future::pending().await
    } else {
        print_lines(shop, begun).await
    }
}

/// The real `siskin get rollout --watch` on this terminal.
struct Screen {
    siskin: Child,
}

impl Screen {
    fn open(shop: &Shop) -> anyhow::Result<Self> {
        let mut command = siskin::command(shop.bed())?;
        command.args(["get", "rollout", "web", "-n", "shop", "--watch"]).stdin(Stdio::null());
        Ok(Self { siskin: command.spawn().context("could not start `siskin get`")? })
    }
}

impl Drop for Screen {
    /// Asks it to end and waits for that: only then is the terminal as it was.
    fn drop(&mut self) {
        // A child that was not waited for keeps its pid, so the signal cannot reach a stranger.
        if let Ok(None) = self.siskin.try_wait()
            && let Some(pid) = i32::try_from(self.siskin.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.siskin.wait();
    }
}

/// A line whenever the Rollout is somewhere else, and one in between when that takes long.
async fn print_lines(shop: &Shop, begun: Timestamp) -> anyhow::Result<Infallible> {
    let mut look = interval(Duration::from_millis(500));
    let mut printed = (place(&shop.status()), Instant::now());
    loop {
        look.tick().await;
        let status = shop.status();
        let place = place(&status);
        if place == printed.0 && printed.1.elapsed() < SILENCE {
            continue;
        }
        let report = shop.traffic().report().since(begun);
        println!(
            "  {:>3.0} s  {place:<46} {:>7} requests, {:>3} errors  {}",
            Timestamp::now().duration_since(begun).as_secs_f64(),
            count(report.total()),
            count(report.failures()),
            status.message,
        );
        printed = (place, Instant::now());
    }
}

/// Where a Rollout stands, in a few words.
fn place(status: &Status) -> String {
    let step = status.step.as_ref().map(|step| format!(", step {}", step.position)).unwrap_or_default();
    let Weight { applied, desired } = status.weight;
    let goal = if desired == applied { String::new() } else { format!(" (to {desired} %)") };
    format!("{}{step}, canary {applied} %{goal}", status.phase)
}
