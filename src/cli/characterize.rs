//! `siskin characterize`: reruns the tables of the judge's error rates and writes them down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{IsTerminal, Write, stderr, stdout},
    path::{Path, PathBuf},
    thread,
};

use anyhow::Context;

use super::failure::Failure;
use crate::characterize::{
    FinishedRow, Plan, Row, Store, Table, bars,
    report::{FinishedTable, insert_in_overview},
    run_row, tables,
};

/// The page into which tables are put.
const OVERVIEW: &str = "README.md";
/// Where finished rows are kept.
const FINISHED: &str = ".finished.jsonl";

/// Arguments of `siskin characterize`.
#[derive(Debug, clap::Args)]
pub(super) struct CharacterizeArgs {
    /// The tables to run, as `T1,T2`; all of them without this
    #[arg(long, value_name = "TABLES", value_delimiter = ',')]
    rows: Vec<String>,
    /// Simulated rollouts of each row
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(20..))]
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
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.and_then(|threads| usize::try_from(threads).ok()).unwrap_or(cores);
    let plan = Plan { runs: args.runs, seed: args.seed, threads, costly: !args.bars };
    let path = args.directory.join(FINISHED);
    let mut store = Store::open(path.clone(), args.fresh).with_context(|| format!("can't read {}", path.display()))?;
    if args.bars {
        check_bars(&tables, plan, &mut store)
    } else {
        write_tables(&select(&tables, &args.rows)?, plan, &mut store, &args.directory)
    }
}

fn write_tables(tables: &[&Table], plan: Plan, store: &mut Store, directory: &Path) -> Result<(), Failure> {
    let mut finished = Vec::new();
    for table in tables {
        let rows = table.rows.iter().map(|row| finish(table, row, plan, store));
        let table = FinishedTable { table, rows: rows.collect::<anyhow::Result<_>>()?, plan };
        for file in table.files() {
            write(&directory.join(&file.name), &file.text)?;
        }
        let name = table.table.name;
        writeln!(stdout(), "{name}: {}", directory.join(format!("{}.md", name.to_lowercase())).display())?;
        finished.push(table);
    }
    let overview = directory.join(OVERVIEW);
    if let Ok(page) = fs::read_to_string(&overview) {
        write(&overview, &insert_in_overview(&page, &finished))?;
    }
    Ok(())
}

/// Prints a line a check, and which bars are not kept.
fn check_bars(tables: &[Table], plan: Plan, store: &mut Store) -> Result<(), Failure> {
    let mut missed: BTreeMap<&str, u32> = BTreeMap::new();
    let checks = bars::all();
    let mut out = stdout();
    writeln!(out, "{} runs a row, seed {}; tolerance: three binomial standard errors", plan.runs, plan.seed)?;
    for check in &checks {
        let table = tables.iter().find(|table| table.name == check.table);
        let row = table.and_then(|table| table.rows.iter().find(|row| row.name == check.row).map(|row| (table, row)));
        let (table, row) = row.ok_or_else(|| Failure::refused(format!("{} has no row {}", check.table, check.row)))?;
        let finding = check.judge(table, &finish(table, row, plan, store)?).map_err(Failure::refused)?;
        let verdict = finding.beyond.as_deref().map_or("kept", |_| "MISSED");
        let beyond = finding.beyond.as_ref().map(|beyond| format!(": {beyond}")).unwrap_or_default();
        writeln!(
            out,
            "{:<4} {:<7} {} {}, {}: {}, {}{beyond}",
            check.bar, verdict, check.table, check.row, check.column, finding.measured, finding.bound
        )?;
        *missed.entry(check.bar).or_default() += u32::from(finding.beyond.is_some());
    }
    let kept: Vec<&str> = missed.iter().filter(|(_, missed)| **missed == 0).map(|(bar, _)| *bar).collect();
    writeln!(out, "kept: {}", in_order(kept).join(", "))?;
    let failed: Vec<&str> = missed.iter().filter(|(_, missed)| **missed > 0).map(|(bar, _)| *bar).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let count: u32 = missed.values().sum();
    let names = in_order(failed).join(", ");
    Err(Failure::refused(format!("{count} of {} checks are beyond their bound, of {names}", checks.len()))
        .hint("run again with another --seed, or more --runs: what is missed by chance is missed once"))
}

/// `B2` before `B10`.
fn in_order(mut bars: Vec<&str>) -> Vec<&str> {
    bars.sort_by_key(|bar| (bar.len(), bar.to_owned()));
    bars
}

/// The tables of these names.
fn select<'a>(all: &'a [Table], names: &[String]) -> Result<Vec<&'a Table>, Failure> {
    let known: BTreeSet<&str> = all.iter().map(|table| table.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name.as_str())) {
        let known: Vec<&str> = all.iter().map(|table| table.name).collect();
        return Err(
            Failure::usage(format!("there is no table {unknown}")).hint(format!("there are {}", known.join(", ")))
        );
    }
    Ok(all.iter().filter(|table| names.is_empty() || names.iter().any(|name| name == table.name)).collect())
}

/// A row from the store, or run now and put there.
fn finish(table: &Table, row: &Row, plan: Plan, store: &mut Store) -> anyhow::Result<FinishedRow> {
    if let Some(finished) = store.get(plan, table.name, &row.name) {
        return Ok(finished.clone());
    }
    let finished = run_row(table, row, plan, &progress(table, row, plan.runs));
    if stderr().is_terminal() {
        eprint!("\r\u{1b}[K");
    }
    store.add(plan, finished.clone()).with_context(|| format!("can't write {}", store.path().display()))?;
    Ok(finished)
}

/// A line on a terminal that says how far a row is.
fn progress(table: &Table, row: &Row, runs: u32) -> impl Fn(u32) + Sync {
    let number = table.rows.iter().position(|other| other.name == row.name).map_or(1, |index| index + 1);
    let head = format!("{} row {number} of {}: {}", table.name, table.rows.len(), row.name);
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
