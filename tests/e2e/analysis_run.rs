//! AnalysisRuns: made by hand for two revisions, and those that a Rollout leaves behind.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Mesh, Shop, together};

const KIND: (&str, &str) = ("siskin.dev/v1alpha1", "AnalysisRun");
/// Half of the requests for as long as the test needs, with nobody but the AnalysisRun to judge them.
const HELD: &str = "[{weight: 50, hold: {min: 10m, max: 20m}}]";
const LIMIT: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_revisions_are_compared_by_hand() {
    let _turn = together().await;
    for (version, environment, phase, verdict) in
        [("good", "", "Successful", "Safe"), ("bad", ", {name: ERROR_RATE, value: '0.2'}", "Failed", "Regression")]
    {
        let shop = Shop::open_with(Mesh::HttpRoute, &format!("by-hand-{version}"), HELD, "null", "").await;
        let traffic = shop.customers(100.0).await;
        shop.ship(version, environment).await;
        let rollout = shop.weight(50).await;
        let run = compare(&shop, &rollout["status"]).await;
        println!("{version}: {}", run["status"]["message"]);
        let status = &run["status"];
        assert_eq!((status["phase"].as_str(), status["verdict"].as_str()), (Some(phase), Some(verdict)), "{status}");
        let evidence = &status["evidence"][0];
        assert!(evidence["canary"]["requests"].as_f64().is_some_and(|requests| requests > 50.0), "{evidence}");
        assert!(status["message"].as_str().is_some_and(|message| message.contains("http/errors")), "{status}");
        shop.replays("by-hand", i32::from(phase == "Failed")).await;
        traffic.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_leaves_its_analysis_behind_with_the_times_of_its_looks() {
    let _turn = together().await;
    let shop = Shop::open(Mesh::HttpRoute, "record").await;
    let traffic = shop.customers(100.0).await;
    shop.ship("v2", "").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");
    let run = ended(&shop, "web-1").await;
    let status = &run["status"];
    assert_eq!(status["phase"], "Successful", "{status}");
    assert_eq!(run["metadata"]["ownerReferences"][0]["kind"], "Rollout");
    assert_eq!(run["spec"]["rollout"]["run"], 1);
    let steps = status["state"]["steps"].as_array().expect("steps");
    let weights: Vec<f64> = steps.iter().filter_map(|step| step["weight"].as_f64()).collect();
    assert_eq!(weights, [10.0, 25.0, 50.0], "{status}");
    assert!(steps.iter().all(|step| step["count"].as_u64().is_some_and(|looks| looks > 0)), "{status}");
    let replay = shop.replays("web-1", 0).await;
    let passed = replay["steps"].as_array().expect("steps").iter().filter(|step| step["passedAtLook"].is_u64());
    assert_eq!(passed.count(), 3, "{replay:#}");
    traffic.stop().await;
}

/// Makes an AnalysisRun for the two revisions of a run, and waits for its end.
async fn compare(shop: &Shop, rollout: &Value) -> Value {
    let [canary, stable] = ["canaryRevision", "stableRevision"].map(|field| rollout[field].as_str().expect("revision"));
    let manifest = format!(
        "apiVersion: siskin.dev/v1alpha1
kind: AnalysisRun
metadata: {{name: by-hand}}
spec:
  templates: [{{name: http}}]
  interval: 2s
  minDuration: 5s
  arms: {{canary: {{revision: {canary:?}}}, stable: {{revision: {stable:?}}}}}
"
    );
    shop.namespace.apply(&manifest).await;
    ended(shop, "by-hand").await
}

async fn ended(shop: &Shop, name: &str) -> Value {
    let is_over = |run: &Value| run["status"]["finishedAt"].is_string();
    shop.namespace.wait_for_object_within(KIND.0, KIND.1, name, "the end of the analysis", LIMIT, is_over).await
}
