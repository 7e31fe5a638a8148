//! What pure code may not name: clients, clocks, randomness, the environment, files, the network, the runtime.

use crate::{Violation, paths::paths, source::SourceFile};

/// The layers without effects.
const PURE: &[&str] = &["model", "judge", "route", "workload", "analysis", "plan", "report"];

/// The one file among them that asks the machine for the time.
const CLOCK: &str = "src/model/clock.rs";

/// Paths that pure code may not name, by their start, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("kube::Client", "return an Effect and let `act` perform it"),
    ("kube::Api", "return an Effect and let `act` perform it"),
    ("kube::api::Api", "return an Effect and let `act` perform it"),
    ("kube::client", "return an Effect and let `act` perform it"),
    ("kube::Config", "return an Effect and let `act` perform it"),
    ("kube::runtime", "read it from `Observed`"),
    ("kube::discovery", "read it from `Observed`"),
    ("reqwest", "say in `plan::needs` what has to be asked"),
    ("prometheus_http_query", "say in `plan::needs` what has to be asked"),
    ("hyper", "say in `plan::needs` what has to be asked"),
    ("axum", "serve it from `controller`"),
    ("tokio", "give the time to wait in `Plan::again`"),
    ("backon", "give the time to wait in `Plan::again`"),
    ("std::thread", "give the time to wait in `Plan::again`"),
    ("std::fs", "let `cli` or `controller` read it and pass the value"),
    ("std::io", "let `cli` or `controller` read it and pass the value"),
    ("std::env", "make it a flag of the command line and pass the value"),
    ("std::net", "say in `plan::needs` what has to be asked"),
    ("std::process", "let `cli` do it"),
    ("std::time::SystemTime", "take `now: Timestamp` as an argument"),
    ("std::time::Instant", "take `now: Timestamp` as an argument"),
    ("rand", "take the number, or a seed, as an argument"),
    ("fastrand", "take the number, or a seed, as an argument"),
];

/// Calls that are forbidden whatever their path was imported as.
const FORBIDDEN_CALLS: &[&str] = &["Timestamp::now", "Zoned::now", "Instant::now", "SystemTime::now", "SystemClock"];

/// What pure code names though it may not.
pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.is_test() && file.path != CLOCK) {
        let Some(module) = file.module() else { continue };
        let Some(layer) = PURE.iter().find(|layer| module.first().is_some_and(|first| first == *layer)) else {
            continue;
        };
        for named in paths(&file.code(), &module) {
            let path = named.segments.join("::");
            if let Some(instead) = instead(&path) {
                found.push(Violation {
                    file: file.path.clone(),
                    line: named.line,
                    text: format!("`{layer}` is pure and must not name `{path}`: {instead}"),
                });
            }
        }
    }
    found
}

/// What to do instead of naming the path; nothing where it may be named.
fn instead(path: &str) -> Option<&'static str> {
    let starts = |start: &str| path == start || path.strip_prefix(start).is_some_and(|rest| rest.starts_with("::"));
    let ends = |end: &str| path == end || path.strip_suffix(end).is_some_and(|rest| rest.ends_with("::"));
    let by_start = FORBIDDEN.iter().find(|(start, _)| starts(start)).map(|(_, instead)| *instead);
    // `crate::model::SystemClock` itself is exported by the pure layer that has the clock.
    by_start.or_else(|| {
        FORBIDDEN_CALLS
            .iter()
            .any(|call| ends(call) && path != "clock::SystemClock")
            .then_some("take `now: Timestamp` as an argument")
    })
}

#[cfg(test)]
fn found_in(path: &str, text: &str) -> Vec<(usize, String)> {
    let file = SourceFile { path: path.into(), text: text.into() };
    violations(&[file]).into_iter().map(|found| (found.line, found.text)).collect()
}

#[test]
fn a_clock_in_pure_code_is_found_however_it_is_named() {
    let text =
        "//! Bad.\nuse jiff::Timestamp;\nfn f() { let _ = Timestamp::now(); }\nuse std::time::{Duration, Instant};\n";
    let lines: Vec<usize> = found_in("src/plan/bad.rs", text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 4]);
    assert_eq!(found_in("src/judge/bad.rs", "use crate::model::{Clock, SystemClock};").len(), 1);
}

#[test]
fn clients_files_networks_and_runtimes_are_found() {
    let text = "use kube::{Client, ResourceExt};\nuse std::{collections::BTreeMap, fs};\nfn f() { std::env::var(NAME); tokio::spawn(x); }";
    let found = found_in("src/route/bad.rs", text);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 3], "{found:?}");
    assert_eq!(found[3].1, "`route` is pure and must not name `tokio::spawn`: give the time to wait in `Plan::again`");
}

#[test]
fn the_edges_may_do_all_of_it() {
    assert_eq!(found_in("src/controller/run.rs", "use tokio::net::TcpListener; use kube::Client;"), []);
    assert_eq!(found_in(CLOCK, "fn now() { Timestamp::now() }"), []);
}
