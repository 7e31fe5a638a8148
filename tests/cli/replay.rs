//! `siskin analyze --run`: an AnalysisRun of an API server on loopback, and the values of a real Prometheus.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use serde_json::{Value, json};
use siskin::{
    analysis::{self, Clock, Session, Settings, Step},
    api::{AnalysisRun, AnalysisTemplateSpec},
    judge::{StepWeight, Verdict},
    measure::{AllowedAddresses, Client, ClientOptions, at_times},
    model::Timestamp,
    plan::analysis_run::arms,
};

use super::{
    Said,
    analyze::{TEMPLATE, planted},
    api_server::{ApiServer, Controller},
    prometheus::Prometheus,
    siskin,
};

/// Where objects are read.
const KINDS: &str = "/apis/siskin.dev/v1alpha1";

/// An AnalysisRun of two revisions, with this status.
fn run(status: &Value) -> Value {
    json!({
        "apiVersion": "siskin.dev/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "1"},
        "spec": {
            "templates": [{"name": "http"}],
            "arms": {"canary": {"revision": "new"}, "stable": {"revision": "old"}},
        },
        "status": status,
    })
}

/// A server with that AnalysisRun, and its template where there still is one.
async fn server(run: Value, has_template: bool) -> ApiServer {
    let mut objects = BTreeMap::from([(format!("{KINDS}/namespaces/shop/analysisruns/web-1"), run)]);
    if has_template {
        let mut template: Value = serde_saphyr::from_str(TEMPLATE).unwrap();
        template["kind"] = "ClusterAnalysisTemplate".into();
        objects.insert(format!("{KINDS}/clusteranalysistemplates/http"), template);
    }
    ApiServer::holding(Controller::IsAway, objects).await
}

async fn said(server: &ApiServer, arguments: &[&str]) -> Said {
    let mut command = siskin(["analyze"].iter().chain(arguments));
    command.env("KUBECONFIG", server.kubeconfig());
    tokio::task::spawn_blocking(move || Said(command.output().unwrap())).await.unwrap()
}

/// The status that an AnalysisRun has once it has looked every 15 s at what the Prometheus knows, up to a decision.
async fn recorded(prometheus: &Prometheus, begin: i64) -> Value {
    let object: AnalysisRun = serde_json::from_value(run(&Value::Null)).unwrap();
    let template: Value = serde_saphyr::from_str(TEMPLATE).unwrap();
    let template: AnalysisTemplateSpec = serde_json::from_value(template["spec"].clone()).unwrap();
    let metrics = analysis::resolve(&[("http".to_owned(), &template)], &[]).unwrap();
    let weight = StepWeight { weight: 50.0, final_weight: 50.0 };
    let step = Step { weight, planned: None, min: Duration::from_mins(2), max: Duration::from_mins(20) };
    let times: Vec<Timestamp> =
        (0..80).map(|look| Timestamp::from_millisecond(begin + look * 15_000).unwrap()).collect();
    let settings = Settings::from(&object.spec.analysis);
    let mut session = Session::start(&metrics, settings, weight, Clock::start(times[0]));
    let client = Client::new(AllowedAddresses::new(&prometheus.url, &[]).unwrap(), ClientOptions::default()).unwrap();
    let queries = analysis::render(&metrics, &arms(&object));
    let mut looks = std::pin::pin!(at_times(&client, &queries, &times));
    while let Some(measurement) = looks.next().await {
        let look = session.look(&measurement, &step);
        let phase = match look.decision.verdict {
            Verdict::Rollback(_) => "Failed",
            Verdict::Advance { .. } => "Successful",
            _ => continue,
        };
        return json!({
            "phase": phase,
            "verdict": look.word(),
            "message": look.decision.verdict.explain(),
            "state": session.state(),
        });
    }
    panic!("nothing was decided");
}

fn replay(said: &Said) -> Value {
    let record: Value = serde_json::from_slice(&said.0.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    record["replay"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_comes_to_the_same_decision_at_the_same_look() {
    for (errors, code, word) in [(3.0, 0, "Promote"), (30.0, 1, "Roll back")] {
        let (prometheus, _, now) = planted(&format!("replay-{code}"), errors).await;
        let server = server(run(&recorded(&prometheus, now - 1_190_000).await), true).await;
        let asked = ["--run", "analysisrun/web-1", "-n", "shop", "--prometheus", &prometheus.url];
        let data = said(&server, &[&asked[..], &["-o", "json"]].concat()).await;
        assert_eq!(data.0.status.code(), Some(code), "{data}");
        let replay = replay(&data);
        assert_eq!((&replay["agrees"], &replay["exact"]), (&true.into(), &true.into()), "{replay}");
        assert_eq!(replay["recorded"]["look"], replay["replayed"]["look"]);
        assert_eq!(replay["recorded"]["at"], replay["replayed"]["at"]);
        let shown = said(&server, &[&asked[..], &["--plot"]].concat()).await.to_string();
        for part in [word, "shop/web-1", "then", "replayed", "Both agree", "like Flagger", "Kayenta"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_that_prometheus_has_forgotten_are_no_verdict() {
    let (prometheus, _, now) = planted("replay-forgotten", 30.0).await;
    let status = recorded(&prometheus, now - 1_190_000).await;
    let empty = Prometheus::start("replay-empty");
    let server = server(run(&status), true).await;
    let said = said(&server, &["--run", "web-1", "-n", "shop", "--prometheus", &empty.url]).await;
    assert_eq!(said.0.status.code(), Some(2), "{said}");
    let text = said.to_string();
    for part in ["Undecided", "Prometheus does not have any more what was seen at", "Whether they agree can't be told"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Kayenta"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replay_needs_is_asked_for_by_name() {
    let asked = ["--run", "web-1", "-n", "shop", "--prometheus", "http://127.0.0.1:9"];
    let pending = server(run(&json!({"phase": "Pending", "looks": 0, "state": {}})), true).await;
    insta::assert_snapshot!("no_looks", said(&pending, &asked).await.to_string());
    insta::assert_snapshot!(
        "no_such_run",
        said(&pending, &["--run", "web-2", "-n", "shop", "--prometheus", "http://127.0.0.1:9"]).await.to_string()
    );
    insta::assert_snapshot!("no_prometheus", said(&pending, &["--run", "web-1", "-n", "shop"]).await.to_string());
    insta::assert_snapshot!("no_run", said(&pending, &["-n", "shop"]).await.to_string());
    let step = json!({"weight": 50, "finalWeight": 50, "enteredAt": "2026-03-01T12:00:00.000000Z", "count": 1, "looks": "AAA"});
    let without = server(run(&json!({"phase": "Failed", "looks": 1, "state": {"steps": [step]}})), false).await;
    insta::assert_snapshot!("no_template", said(&without, &asked).await.to_string());
}

#[test]
fn a_cluster_that_nobody_can_reach_is_no_verdict() {
    let kubeconfig = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kubeconfig-of-nobody");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let mut command = siskin(["analyze", "--run", "web-1", "-n", "shop", "--prometheus", "http://127.0.0.1:9"]);
    let said = Said(command.env("KUBECONFIG", kubeconfig).output().unwrap());
    assert_eq!(said.0.status.code(), Some(3), "{said}");
    let text = said.to_string();
    assert!(text.contains("could not read AnalysisRun shop/web-1"), "{text}");
    assert!(text.contains("hint: `kubectl cluster-info` shows whether the API server can be reached"), "{text}");
}

#[test]
fn what_a_run_says_itself_can_not_be_said_beside_it() {
    for more in [&["--data", "x.csv"][..], &["--from", "-1h"], &["-f", "http.yaml"], &["--min", "1m"]] {
        let output = siskin(["analyze", "--run", "web-1"].iter().chain(more)).output().unwrap();
        let said = Said(output);
        assert_eq!(said.0.status.code(), Some(3), "{said}");
        assert!(said.to_string().contains("cannot be used with"), "{said}");
    }
}
