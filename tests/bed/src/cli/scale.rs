//! `siskin-bed scale`: what a controller takes beside many objects, and how soon it is ready.

mod fleet;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use siskin_bed::run_directory::RunDirectory;
use siskin_bed::{Consumption, PlainCluster, Server};

use self::fleet::Fleet;

/// Where the controller answers.
const LISTEN: &str = "127.0.0.1:18080";
/// How long it may take until it is ready, and then until it rests.
const LIMIT: Duration = Duration::from_mins(10);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// It rests when it takes less than a fiftieth of a core for this long: freed memory is given back by then.
const REST: Duration = Duration::from_secs(12);

/// What is measured.
#[derive(clap::Args)]
pub(super) struct ScaleArgs {
    /// How many Rollouts, one row of the table each, growing
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    rollouts: Vec<usize>,
    /// How many Deployments of eleven revisions each that no Rollout names
    #[arg(long, default_value_t = 0)]
    others: usize,
    /// The controller's binary
    #[arg(long, default_value = "target/release/siskin")]
    controller: PathBuf,
    /// The folder with the controller's CRDs
    #[arg(long, default_value = "crds")]
    crds: PathBuf,
}

/// One row.
struct Row {
    rollouts: usize,
    first: Start,
    again: Start,
}

/// One start of the controller, until it rests.
struct Start {
    ready: Duration,
    at_rest: Consumption,
}

pub(super) async fn run(run: RunDirectory, args: ScaleArgs) -> anyhow::Result<()> {
    // Programs of this namespace start in the same folder, but say where they are when they fail.
    let controller = fs::canonicalize(&args.controller)
        .with_context(|| format!("{} is missing: `cargo build --release`", args.controller.display()))?;
    let began = Instant::now();
    let cluster = PlainCluster::start(run).await?;
    for crd in fs::read_dir(&args.crds).with_context(|| format!("no CRDs in {}", args.crds.display()))? {
        cluster.apply(&fs::read_to_string(crd?.path())?).await?;
    }
    let fleet = Fleet::new(cluster.client()).await?;
    fleet.create_others(args.others).await?;
    let mut rows: Vec<Row> = Vec::new();
    let mut created = 0;
    for rollouts in args.rollouts {
        fleet.create_rollouts(created..rollouts).await?;
        created = created.max(rollouts);
        eprintln!("{rollouts} Rollouts, {} others: created after {:.0} s", args.others, began.elapsed().as_secs_f64());
        let first = start(&cluster, &controller).await?;
        let again = start(&cluster, &controller).await?;
        rows.push(Row { rollouts, first, again });
    }
    print(args.others, &rows);
    Ok(())
}

/// Starts the controller, waits until it rests, and ends it.
async fn start(cluster: &PlainCluster, controller: &Path) -> anyhow::Result<Start> {
    let mut command = Command::new(controller);
    command
        .args(["run", "--leader-elect=false", "--listen", LISTEN, "--log", "warn"])
        .args(["--prometheus-url", "http://127.0.0.1:9"])
        .env_remove("RUST_LOG");
    let began = Instant::now();
    let server = cluster.spawn("siskin", command)?;
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    while !is_ready(&http).await {
        if began.elapsed() > LIMIT || !server.is_running() {
            bail!(
                "the controller is not ready after {:.0} s: {}",
                began.elapsed().as_secs_f64(),
                server.log().display()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    let ready = began.elapsed();
    let at_rest = rest(&server, began).await?;
    server.kill();
    server.wait().await;
    Ok(Start { ready, at_rest })
}

async fn is_ready(http: &reqwest::Client) -> bool {
    let answer = http.get(format!("http://{LISTEN}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Waits until a server hardly takes any processor time.
async fn rest(server: &Server, began: Instant) -> anyhow::Result<Consumption> {
    let consumption = || server.consumption().context("the controller has ended");
    let mut before = consumption()?;
    loop {
        tokio::time::sleep(REST).await;
        let now = consumption()?;
        if now.processor.saturating_sub(before.processor) < REST / 50 {
            return Ok(now);
        }
        if began.elapsed() > LIMIT {
            bail!("the controller does not come to rest");
        }
        before = now;
    }
}

fn print(others: usize, rows: &[Row]) {
    println!(
        "| Rollouts | other Deployments | ready | MB at rest | most MB | processor | again: ready | MB at rest | most MB | processor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for Row { rollouts, first, again } in rows {
        println!("| {rollouts} | {others} | {} | {} |", cells(first), cells(again));
    }
    if let [smallest, .., largest] = rows
        && largest.rollouts > smallest.rollouts
    {
        let more = (largest.rollouts - smallest.rollouts) as f64;
        let kilobytes = (largest.again.at_rest.resident - smallest.again.at_rest.resident) * 1000.0 / more;
        println!("\nfrom {} to {}: {kilobytes:.1} kB a Rollout", smallest.rollouts, largest.rollouts);
    }
}

fn cells(start: &Start) -> String {
    let Start { ready, at_rest } = start;
    format!(
        "{:.1} s | {:.0} | {:.0} | {:.1} s",
        ready.as_secs_f64(),
        at_rest.resident,
        at_rest.peak,
        at_rest.processor.as_secs_f64()
    )
}
