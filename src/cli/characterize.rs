//! `siskin characterize`: reruns the tables of the judge's error rates and writes them down.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{DefaultHasher, Hasher},
    io::{IsTerminal, Write, stderr, stdout},
    path::{Path, PathBuf},
    thread,
};

use anyhow::Context;
use tokio::time::Instant;

use super::failure::Failure;
use crate::{
    characterize::{
        FinishedRow, Plan, Row, Store, Table, bars,
        report::{FinishedTable, insert_in_overview},
        run_row, tables,
    },
    model::words::seconds,
};

/// The page into which tables are put.
const OVERVIEW: &str = "README.md";
/// So many runs a row tell a share of .005 from the smallest bound, which is .002.
const ENOUGH_TO_TELL: u32 = 2000;
/// Where finished rows are kept.
const FINISHED: &str = ".finished.jsonl";

/// Arguments of `siskin characterize`.
#[derive(Debug, clap::Args)]
pub(super) struct CharacterizeArgs {
    /// The tables to run, as `T1,T2`; all of them without this
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    rows: Vec<String>,
    /// Simulated rollouts of each row
    #[arg(long, value_name = "N", default_value_t = ENOUGH_TO_TELL, value_parser = clap::value_parser!(u32).range(20..))]
    runs: u32,
    /// Seed of all random numbers: the same one gives the same tables
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where the tables are written
    #[arg(long, value_name = "DIRECTORY", default_value = "docs/statistics")]
    directory: PathBuf,
    /// Run rows again that are finished
    #[arg(long)]
    fresh: bool,
    /// Check what is promised of the tables instead of writing them; exit code 1 if something is not kept
    #[arg(long, conflicts_with = "rows")]
    bars: bool,
    /// Threads; as many as there are cores without this
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
}

/// Runs the tables and writes them, or checks them.
pub(super) fn run(args: &CharacterizeArgs) -> Result<(), Failure> {
    let tables = tables();
    let chosen = select(&tables, &args.rows)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(cores);
    let plan = Plan { runs: args.runs, seed: args.seed, threads, others: !args.bars };
    let path = args.directory.join(FINISHED);
    let build = build().context("can't read this program, by which finished rows are known")?;
    let store =
        Store::open(path.clone(), build, args.fresh).with_context(|| format!("can't read {}", path.display()))?;
    let mut work = Work { plan, store, tell: !args.bars };
    if args.bars { check_bars(&tables, &mut work) } else { write_tables(&chosen, &mut work, &args.directory) }
}

/// What names this program: a judge that was changed must count anew.
fn build() -> std::io::Result<String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(env::current_exe()?)?);
    Ok(format!("{:016x}", hasher.finish()))
}

fn write_tables(tables: &[&Table], work: &mut Work, directory: &Path) -> Result<(), Failure> {
    for table in tables {
        let rows = table.rows.iter().map(|row| work.finish(table, row)).collect::<anyhow::Result<_>>()?;
        let table = FinishedTable { table, rows, plan: work.plan };
        for file in table.files() {
            write(&directory.join(&file.name), &file.text)?;
        }
        let overview = directory.join(OVERVIEW);
        if let Ok(page) = fs::read_to_string(&overview) {
            write(&overview, &insert_in_overview(&page, &[&table]))?;
        }
        let name = table.table.name;
        writeln!(stdout(), "{name}: {}", directory.join(format!("{}.md", name.to_lowercase())).display())?;
    }
    Ok(())
}

/// Prints a line a check, and which bars are not kept.
fn check_bars(tables: &[Table], work: &mut Work) -> Result<(), Failure> {
    let checks = bars::all();
    let mut out = stdout();
    let Plan { runs, seed, .. } = work.plan;
    let started = Instant::now();
    writeln!(
        out,
        "{} checks, {runs} runs a row, seed {seed}; tolerance: three binomial standard errors",
        checks.len()
    )?;
    if runs < ENOUGH_TO_TELL {
        writeln!(out, "note: with fewer than {ENOUGH_TO_TELL} runs hardly anything is beyond the tolerance")?;
    }
    let mut missed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for check in &checks {
        let table = tables.iter().find(|table| table.name == check.table);
        let row = table.and_then(|table| table.rows.iter().find(|row| row.name == check.row).map(|row| (table, row)));
        let (table, row) = row.ok_or_else(|| Failure::refused(format!("{} has no row {}", check.table, check.row)))?;
        let finding = check.judge(table, &work.finish(table, row)?).map_err(Failure::refused)?;
        let verdict = finding.beyond.as_deref().map_or("kept", |_| "MISSED");
        let beyond = finding.beyond.as_ref().map(|beyond| format!(": {beyond}")).unwrap_or_default();
        let line = format!(
            "{:<4} {verdict:<7} {} {} | {}: {}, {}{beyond}",
            check.bar, check.table, check.row, check.column, finding.measured, finding.bound
        );
        writeln!(out, "{line}")?;
        missed.entry(check.bar).or_default().extend(finding.beyond.map(|_| line));
    }
    let kept: Vec<&str> = missed.iter().filter(|(_, missed)| missed.is_empty()).map(|(bar, _)| *bar).collect();
    writeln!(out, "kept: {}; {} in all", in_order(kept).join(", "), took(started))?;
    let failed: Vec<&str> = missed.iter().filter(|(_, missed)| !missed.is_empty()).map(|(bar, _)| *bar).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missed.into_values().flatten().collect();
    let (count, names) = (lines.len(), in_order(failed).join(", "));
    let message =
        format!("{count} of {} checks are beyond their bound, of {names}:\n{}", checks.len(), lines.join("\n"));
    Err(Failure::refused(message)
        .hint("run again with another --seed, or more --runs: what is missed by chance is missed once"))
}

/// `B2` before `B10`.
fn in_order(mut bars: Vec<&str>) -> Vec<&str> {
    bars.sort_by_key(|bar| (bar.len(), bar.to_owned()));
    bars
}

/// The tables of these names.
fn select<'a>(all: &'a [Table], names: &[String]) -> Result<Vec<&'a Table>, Failure> {
    let is = |table: &Table, name: &String| table.name.eq_ignore_ascii_case(name);
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|table| is(table, name))) {
        let known: Vec<&str> = all.iter().map(|table| table.name).collect();
        return Err(
            Failure::usage(format!("there is no table {unknown}")).hint(format!("there are {}", known.join(", ")))
        );
    }
    Ok(all.iter().filter(|table| names.is_empty() || names.iter().any(|name| is(table, name))).collect())
}

/// How rows are run, and which are finished.
struct Work {
    plan: Plan,
    store: Store,
    /// Whether each finished row is told.
    tell: bool,
}

impl Work {
    /// A row from the store, or run now and put there.
    fn finish(&mut self, table: &Table, row: &Row) -> anyhow::Result<FinishedRow> {
        let plan = self.plan;
        if let Some(finished) = self.store.get(plan, table.name, &row.name) {
            return Ok(finished.clone());
        }
        let number = table.rows.iter().position(|other| other.name == row.name).map_or(1, |index| index + 1);
        let head = format!("{} row {number} of {}: {}", table.name, table.rows.len(), row.name);
        let started = Instant::now();
        let finished = run_row(table, row, plan, &progress(&head, plan.runs));
        if stderr().is_terminal() {
            eprint!("\r\u{1b}[K");
        }
        if self.tell {
            eprintln!("{head}: {}", took(started));
        }
        let written = self.store.add(plan, finished.clone());
        written.with_context(|| format!("can't write {}", self.store.path().display()))?;
        Ok(finished)
    }
}

fn took(started: Instant) -> String {
    seconds(started.elapsed().as_secs_f64())
}

/// A line on a terminal that says how far a row is.
fn progress(head: &str, runs: u32) -> impl Fn(u32) + Sync {
    let visible = stderr().is_terminal();
    move |done| {
        if visible {
            // One write, so that lines of several threads don't mix.
            eprint!("\r\u{1b}[K{head}, {} %", u64::from(done) * 100 / u64::from(runs.max(1)));
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("can't make the directory {}", directory.display()))?;
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}
