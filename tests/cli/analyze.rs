//! `siskin analyze` and `siskin power`: from files, and on a real Prometheus with planted series.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use siskin::model::Timestamp;

use super::{
    Said,
    planted::{Planted, PlantedValue},
    prometheus::Prometheus,
    siskin,
};

/// Requests of a minute of both versions.
const CANARY: u32 = 600;
const STABLE: u32 = 5_400;

/// A file of the tests' own, with this many minutes at these errors a minute.
fn counts(name: &str, minutes: u32, canary_errors: u32, stable_errors: u32) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.csv", std::process::id()));
    let rows = (1..=minutes).map(|minute| {
        let time = 1_772_366_400 + u64::from(minute) * 60;
        format!("{time},{CANARY},{canary_errors},{STABLE},{stable_errors}")
    });
    let head = "time,canary_requests,canary_errors,stable_requests,stable_errors".to_owned();
    fs::write(&path, std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    path
}

fn analyze(arguments: &[&str]) -> Output {
    siskin(["analyze"].iter().chain(arguments)).env("LC_ALL", "C.UTF-8").output().unwrap()
}

fn of_file(path: &Path, more: &[&str]) -> Output {
    analyze(&[&["--data", path.to_str().unwrap()], more].concat())
}

fn recording(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", Said(output.clone())))
}

#[test]
fn the_exit_code_is_the_verdict() {
    let verdict = |name: &str, minutes, errors| {
        let output = of_file(&counts(name, minutes, errors, 27), &["-o", "json", "--max", "1h"]);
        (output.status.code(), recording(&output)["outcome"].as_str().unwrap().to_owned())
    };
    assert_eq!(verdict("good", 60, 3), (Some(0), "promote".into()));
    assert_eq!(verdict("bad", 60, 30), (Some(1), "rollback".into()));
    assert_eq!(verdict("short", 3, 3), (Some(2), "undecided".into()));
}

#[test]
fn what_is_no_analysis_ends_with_three_and_a_sentence() {
    let path = counts("broken", 2, 3, 27);
    fs::write(&path, fs::read_to_string(&path).unwrap().replace(",600,", ",many,")).unwrap();
    let broken = of_file(&path, &[]);
    assert_eq!(broken.status.code(), Some(3));
    let said = String::from_utf8(broken.stderr).unwrap();
    assert!(said.contains("line 2: canary_requests `many` is not a count"), "{said}");
    for arguments in [
        &["--data", "/nowhere.csv"][..],
        &["--bogus"],
        &[],
        &["--data", "x.csv", "--prometheus", "http://localhost:9"],
        &["--data", "x.csv", "--min", "2h", "--max", "1h"],
        &["--prometheus", "http://localhost:9"],
        &["--prometheus", "http://localhost:9", "-f", "rollout.yaml"],
    ] {
        let output = analyze(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", Said(output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_table_says_the_verdict_first_and_what_other_rules_would_have_said() {
    let output = of_file(&counts("table", 20, 30, 27), &["--plot"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Roll back  "), "{text}");
    for part in ["rolling back", "METRIC", "file/errors", "worse", "like Flagger", "like Argo Rollouts", "Kayenta", "⠤"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_report_is_one_page_with_charts_and_data_stays_on_stdout() {
    let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{}.html", std::process::id()));
    let output = of_file(&counts("report", 20, 30, 27), &["-o", "yaml", "--report", report.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains("Worse: roll back") && page.contains("<svg") && !page.contains("<script"), "{page}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("outcome: rollback"));
}

#[test]
fn kayenta_can_decide_in_its_place() {
    let output = of_file(&counts("kayenta", 30, 30, 27), &["-o", "json", "--judge", "kayenta"]);
    let recording = recording(&output);
    assert!(recording["message"].as_str().unwrap().starts_with("Kayenta"), "{recording}");
    assert!(recording["secondVerdicts"].as_array().unwrap().iter().any(|verdict| verdict["rule"] == "Siskin"));
}

pub(crate) const TEMPLATE: &str = "\
apiVersion: siskin.dev/v1alpha1
kind: AnalysisTemplate
metadata: {name: http}
spec:
  metrics:
  - name: errors
    errorRate:
      requests: 'requests_total{revision=\"{{ revision }}\"}'
      errors: 'errors_total{revision=\"{{ revision }}\"}'
";

/// Series of twenty minutes up to now, every 15 s: 400 requests a second, a tenth on the canary.
pub(crate) async fn planted(name: &str, canary_errors: f64) -> (Prometheus, PathBuf, i64) {
    let prometheus = Prometheus::start(name);
    #[expect(clippy::disallowed_methods, reason = "Prometheus takes only samples that are not far from its own time")]
    let now = Timestamp::now().as_millisecond() / 15_000 * 15_000;
    let mut series = Vec::new();
    for tick in 0..=80_i64 {
        let sofar = tick as f64;
        for (revision, requests, errors) in [("new", 600.0, canary_errors), ("old", 5_400.0, 27.0)] {
            for (metric, value) in [("requests_total", requests * sofar), ("errors_total", (errors * sofar).round())] {
                let labels = [("__name__", metric), ("pod", &*format!("web-{revision}")), ("revision", revision)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                series.push(Planted {
                    labels: labels.into_iter().collect(),
                    offset: (tick - 80) * 15_000,
                    value: PlantedValue::Float(value),
                });
            }
        }
    }
    prometheus.plant(&series, now).await;
    let template = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.yaml", std::process::id()));
    fs::write(&template, TEMPLATE).unwrap();
    (prometheus, template, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_says_what_would_have_been_decided_and_when() {
    for (errors, code, outcome) in [(3.0, 0, "promote"), (30.0, 1, "rollback")] {
        let (prometheus, template, now) = planted(&format!("past-{outcome}"), errors).await;
        let from = Timestamp::from_millisecond(now - 1_200_000).unwrap().to_string();
        let to = Timestamp::from_millisecond(now).unwrap().to_string();
        let template = template.to_str().unwrap();
        let output = analyze(&[
            "-f",
            template,
            "--canary",
            "revision=new",
            "--stable",
            "revision=old",
            "--prometheus",
            &prometheus.url,
            "--from",
            &from,
            "--to",
            &to,
            "-o",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(code), "{}", Said(output));
        let recording = recording(&output);
        assert_eq!(recording["outcome"], outcome);
        let decided: Timestamp = recording["decidedAt"].as_str().unwrap().parse().unwrap();
        assert!(decided < to.parse().unwrap(), "{decided}");
        assert_eq!(recording["canary"]["revision"], "new");
        assert_eq!(recording["secondVerdicts"].as_array().unwrap().len(), 3, "{recording}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_can_not_be_told_apart_are_refused_before_anything_is_asked() {
    let (prometheus, template, _) = planted("names", 3.0).await;
    let template = template.to_str().unwrap();
    let live = |more: &[&str]| {
        let common = ["-f", template, "--stable", "revision=old", "--prometheus", &prometheus.url];
        analyze(&[&common, more].concat())
    };
    let unknown = live(&["--canary", "revison=new"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("--canary does not know `revison`"));
    let missing = live(&["--canary", "workload=web"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("uses `revision`, which --canary does not give"));
    let same = live(&["--canary", "revision=old"]);
    assert!(String::from_utf8(same.stderr).unwrap().contains("--canary and --stable say the same"));
}

#[tokio::test(flavor = "multi_thread")]
async fn live_a_bad_version_is_rolled_back_while_its_series_grow() {
    let prometheus = Prometheus::start("live");
    let template = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{}.yaml", std::process::id()));
    fs::write(&template, TEMPLATE).unwrap();
    let mut arguments = vec!["analyze", "-f", template.to_str().unwrap(), "--prometheus", &prometheus.url];
    arguments.extend([
        "--canary",
        "revision=new",
        "--stable",
        "revision=old",
        "--interval",
        "200ms",
        "--min",
        "1s",
        "-o",
        "json",
    ]);
    let mut child =
        siskin(arguments).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut at = 0;
    let mut round = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        #[expect(
            clippy::disallowed_methods,
            reason = "Prometheus takes only samples that are not far from its own time"
        )]
        let now = Timestamp::now().as_millisecond();
        at = now.max(at + 1);
        round += 1.0;
        let series: Vec<Planted> = [("new", 10.0, 1.0), ("old", 90.0_f64, 0.4_f64)]
            .into_iter()
            .flat_map(|(revision, requests, errors)| {
                [("requests_total", requests * round), ("errors_total", (errors * round).floor())].map(
                    |(metric, value)| {
                        let labels = [("__name__", metric), ("pod", revision), ("revision", revision)];
                        Planted {
                            labels: labels
                                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                                .into_iter()
                                .collect(),
                            offset: 0,
                            value: PlantedValue::Float(value),
                        }
                    },
                )
            })
            .collect();
        prometheus.plant(&series, at).await;
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", Said(output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("harm "), "each look is a line");
    assert_eq!(recording(&output)["outcome"], "rollback");
}

#[tokio::test(flavor = "multi_thread")]
async fn power_asks_prometheus_for_the_rates_and_says_what_will_be_found() {
    let (prometheus, template, _) = planted("power", 3.0).await;
    let output = siskin([
        "power",
        "-f",
        template.to_str().unwrap(),
        "--stable",
        "revision=old",
        "--prometheus",
        &prometheus.url,
        "--history",
        "15m",
        "--steps",
        "10,50",
        "-o",
        "json",
    ])
    .output()
    .unwrap();
    assert!(output.status.success(), "{}", Said(output));
    let powers: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let question = &powers[0]["question"];
    let number = |name: &str| question[name].as_f64().unwrap();
    assert!((number("requestsPerSecond") - 360.0).abs() < 7.0, "{question}");
    assert!((number("rate") - 0.005).abs() < 5e-4, "{question}");
    assert!(
        (1.2..1.3).contains(&number("dispersion")),
        "the planted errors are even, but a quarter of an hour does not tell much: {question}"
    );
    assert_eq!(powers[0]["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn power_takes_rates_that_are_stated() {
    let power = |arguments: &str| siskin(["power"].into_iter().chain(arguments.split(' '))).output().unwrap();
    let output = power("--requests-per-second 100 --error-rate 0.5% --steps 5,25,50");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["100 requests/s, 0.5 % bad events", "Ignored up to ×1.05 + 0.01 %", "RULES OUT", "A good version takes about"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("warning"), "{text}");
    assert_eq!(power("--requests-per-second 100").status.code(), Some(2));
    assert_eq!(power("--requests-per-second 100 --error-rate 1% --steps 50,25").status.code(), Some(2));
}
