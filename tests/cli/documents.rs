//! `siskin analyze` and `siskin power` with an AnalysisRun or a Rollout among the files: what it says stands where the
//! command line says nothing.

use std::{fs, path::PathBuf, process::Output};

use siskin::model::Timestamp;

use super::{Said, analyze::planted, siskin};

const RUN: &str = "\
apiVersion: siskin.dev/v1alpha1
kind: AnalysisRun
metadata: {name: web-by-hand, namespace: shop}
spec:
  templates: [{name: http}]
  arms:
    canary: {revision: new}
    stable: {revision: old}
  preset: cautious
  interval: 30s
  minDuration: 3m
  maxDuration: 15m
  onTimeout: Rollback
";

const ROLLOUT: &str = "\
apiVersion: siskin.dev/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  traffic: {service: web, routes: [{kind: HTTPRoute, name: web}]}
  strategy:
    canary:
      steps: [{weight: 10}, {weight: 40, hold: {min: 5m, max: 1h}}, {weight: 100}]
  analysis:
    templates: [{name: http}]
    falseRollback: 0.02
";

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.yaml", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

/// A command with these files and more words.
fn run(command: &str, files: &[&PathBuf], more: &[&str]) -> Output {
    let files = files.iter().flat_map(|file| ["-f", file.to_str().unwrap()]);
    siskin([command].into_iter().chain(files).chain(more.iter().copied())).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", Said(output.clone())))
}

fn stderr(output: Output) -> String {
    assert_eq!(output.status.code(), Some(3), "{}", Said(output));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_run_says_what_is_compared_and_how() {
    let (prometheus, template, now) = planted("document-run", 30.0).await;
    let document = file("document-run-said", RUN);
    let time = |ago: i64| Timestamp::from_millisecond(now - ago).unwrap().to_string();
    let (from, to) = (time(1_200_000), time(0));
    let past = ["--prometheus", &prometheus.url, "--from", &from, "--to", &to, "-o", "json"];
    let output = run("analyze", &[&template, &document], &past);
    assert_eq!(output.status.code(), Some(1), "{}", Said(output));
    let record = json(&output);
    assert_eq!(record["canary"], serde_json::json!({"namespace": "shop", "revision": "new"}));
    let settings = &record["settings"];
    // The preset's chances, and its own times.
    let expected = serde_json::json!({
        "falseRollback": 0.01, "missedRegression": 0.01, "intervalSeconds": 30.0, "minSeconds": 180.0, "maxSeconds": 900.0,
        "onTimeout": "Rollback", "source": prometheus.url,
    });
    assert_eq!(settings, &expected);

    let flags = ["--missed-regression", "0.2", "--max", "18m", "--canary", "revision=old"];
    let output = run("analyze", &[&template, &document], &[&past[..], &flags].concat());
    let said = stderr(output);
    assert!(said.contains("--canary and --stable say the same"), "the command line comes first: {said}");
    let output = run("analyze", &[&template, &document], &[&past[..], &flags[..4]].concat());
    let settings = &json(&output)["settings"];
    assert_eq!((settings["missedRegression"].as_f64(), settings["maxSeconds"].as_f64()), (Some(0.2), Some(1_080.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_says_the_steps_and_chances_of_what_will_be_found() {
    let (prometheus, template, _) = planted("document-rollout", 3.0).await;
    let document = file("document-rollout-said", ROLLOUT);
    let asked = ["--stable", "revision=old", "--prometheus", &prometheus.url, "--history", "15m", "-o", "json"];
    let power = |more: &[&str]| {
        let output = run("power", &[&template, &document], &[&asked, more].concat());
        assert!(output.status.success(), "{}", Said(output));
        json(&output)[0].clone()
    };
    let weights = |power: &serde_json::Value| -> Vec<f64> {
        power["steps"].as_array().unwrap().iter().map(|step| step["weight"].as_f64().unwrap()).collect()
    };
    let own = power(&[]);
    assert_eq!(own["question"]["falseRollback"].as_f64(), Some(0.02));
    assert_eq!(weights(&own), [10.0, 40.0], "with all of the traffic there is nothing to compare with");
    assert_eq!(weights(&power(&["--steps", "5,50"])), [5.0, 50.0]);
}

#[test]
fn what_a_document_lacks_or_says_twice_is_told_by_name() {
    let (run_file, rollout_file) = (file("document-one", RUN), file("document-two", ROLLOUT));
    let template = file("document-template", super::analyze::TEMPLATE);
    let nowhere = ["--prometheus", "http://localhost:9"];
    let both = stderr(run("analyze", &[&template, &run_file, &rollout_file], &nowhere));
    assert!(both.contains("AnalysisRun shop/web-by-hand and Rollout shop/web"), "{both}");
    let other = file("document-other", &super::analyze::TEMPLATE.replace("name: http", "name: grpc"));
    let missing = stderr(run("analyze", &[&other, &run_file], &nowhere));
    assert!(missing.contains("names the template http, which the files do not have"), "{missing}");
    let wild = file("document-wild", &RUN.replace("preset: cautious", "falseRollback: 0.7"));
    let refused = stderr(run("analyze", &[&template, &wild], &nowhere));
    assert!(refused.contains("falseRollback 0.7 is not above 0 and below 0.5"), "{refused}");
    let blind = file("document-blind", ROLLOUT.split("  analysis:").next().unwrap());
    let without = stderr(run("analyze", &[&template, &blind], &nowhere));
    assert!(without.contains("Rollout shop/web has no analysis"), "{without}");
}
