//! `siskin judge serve`, asked over HTTP as Kayenta asks a remote judge.

use std::{process::Stdio, time::Duration};

use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::Instant,
};

use super::siskin;

/// The running program; it ends with the test.
struct Server {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    base: String,
    client: Client,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::from(siskin(["judge", "serve", "--listen", "127.0.0.1:0", "--log-format", "json"]));
        let mut process = command.args(arguments).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&log.next_line().await.unwrap().unwrap()).unwrap();
        let base = format!("http://{}", first["address"].as_str().unwrap());
        Self { process, log, base, client: Client::new() }
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let request = self.client.post(format!("{}/judge", self.base)).header(CONTENT_TYPE, "application/json");
        told(request.body(body).send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        told(self.client.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }
}

async fn told(answer: reqwest::Response) -> (StatusCode, Value) {
    (answer.status(), answer.json().await.unwrap())
}

/// What Kayenta posts: its whole configuration, and the series with all that it knows of them.
fn request(experiment: &Value) -> Value {
    let scope =
        json!({"startTimeIso": "2026-01-01T00:00:00Z", "startTimeMillis": 1_767_225_600_000_u64, "stepMillis": 60_000});
    json!({
        "canaryConfig": {
            "createdTimestamp": 1, "updatedTimestamp": 1,
            "createdTimestampIso": "2026-01-01T00:00:00Z", "updatedTimestampIso": "2026-01-01T00:00:00Z",
            "name": "shop", "description": "", "configVersion": "1", "applications": ["shop"],
            "judge": {"name": "RemoteJudge-v1.0", "judgeConfigurations": {}},
            "metrics": [{
                "name": "errors",
                "query": {"type": "prometheus", "serviceType": "prometheus", "customInlineTemplate": "PromQL:up"},
                "groups": ["Errors"],
                "analysisConfigurations": {"canary": {"direction": "increase", "critical": true, "nanStrategy": "replace"}},
                "scopeName": "default",
            }],
            "templates": {},
            "classifier": {"groupWeights": {"Errors": 100.0}},
        },
        "scoreThresholds": {"pass": 95.0, "marginal": 75.0},
        "metricSetPairList": [{
            "name": "errors",
            "id": "pair-1",
            "tags": {"zone": "a"},
            "values": {"control": [1.0, 2.0, "NaN", 3.0, 4.0], "experiment": experiment},
            "scopes": {"control": scope, "experiment": scope},
            "attributes": {"control": {"query": "up"}, "experiment": {"query": "up"}},
        }],
    })
}

#[tokio::test]
async fn kayenta_is_answered_in_its_own_words() {
    let server = Server::start(&[]).await;
    assert_eq!(server.get("/health").await, (StatusCode::OK, json!({"status": "UP"})));

    let (status, high) = server.post(request(&json!([100.0, 110.0, 120.0, 130.0, 140.0])).to_string()).await;
    assert_eq!(status, StatusCode::OK, "{high}");
    insta::assert_json_snapshot!(high);

    let (_, same) = server.post(request(&json!([4.0, 3.0, 2.0, 1.0, 0.0])).to_string()).await;
    assert_eq!(same["score"], json!({"score": 100.0, "classification": "Pass", "classificationReason": ""}));
}

#[tokio::test]
async fn what_cant_be_judged_is_answered_with_a_sentence() {
    let server = Server::start(&["--judge", "kayenta"]).await;
    let error = |(status, answer): (StatusCode, Value)| (status.as_u16(), answer["error"].as_str().unwrap().to_owned());
    let mut unknown = request(&json!([1.0]));
    unknown["metricSetPairList"][0]["name"] = json!("latency");
    let told = [
        error(server.post("{\"canaryConfig\": 7}").await),
        error(server.post(unknown.to_string()).await),
        error(server.post(request(&json!(["many"])).to_string()).await),
        error(server.post(vec![b' '; (32 << 20) + 1]).await),
        error(server.get("/judge").await),
        error(server.get("/judges").await),
    ];
    insta::assert_debug_snapshot!(told);
}

#[tokio::test]
async fn it_stops_when_told_to() {
    let mut server = Server::start(&[]).await;
    let started = Instant::now();
    let told = Command::new("kill").arg(server.process.id().unwrap().to_string()).status().await.unwrap();
    assert!(told.success());
    assert!(server.process.wait().await.unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(9), "an idle server needs no grace");
    let mut last = String::new();
    while let Some(line) = server.log.next_line().await.unwrap() {
        last = line;
    }
    assert_eq!(serde_json::from_str::<Value>(&last).unwrap()["message"], "stopped");
}
