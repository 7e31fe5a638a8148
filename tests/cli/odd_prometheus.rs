//! What `siskin analyze` says where Prometheus answers, and not as one would like: a server on loopback does so.

use std::{collections::HashMap, fs, path::PathBuf, process::Output};

use axum::{
    Router,
    http::{StatusCode, Uri},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Said, analyze::TEMPLATE, siskin};

/// Answers every query as the first part of the path says.
async fn answer(uri: Uri, body: String) -> (StatusCode, String) {
    let form = reqwest::Url::parse(&format!("http://form/?{body}")).unwrap();
    let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
    let error = |text: &str| json!({"status": "error", "errorType": "execution", "error": text}).to_string();
    let value = match uri.path().split('/').nth(1).unwrap() {
        "401" => return (StatusCode::UNAUTHORIZED, "Unauthorized\n".to_owned()),
        "403" => return (StatusCode::FORBIDDEN, "<!doctype html><html>Login</html>".to_owned()),
        "422" => {
            let text = "query processing would load too many samples into memory in query execution";
            return (StatusCode::UNPROCESSABLE_ENTITY, error(text));
        }
        "many" => {
            let series: Vec<_> =
                (0..6_000).map(|pod| json!({"metric": {"pod": pod.to_string()}, "value": [form["time"].parse::<f64>().unwrap(), "1"]})).collect();
            return (
                StatusCode::OK,
                json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string(),
            );
        }
        "nan" => "NaN",
        _ => "+Inf",
    };
    let number = |name: &str| form[name].parse::<f64>().unwrap();
    let (start, end, step) = (number("start"), number("end"), number("step"));
    let ticks = (0..).map(|tick: u32| start + f64::from(tick) * step).take_while(|at| *at <= end);
    let ticks: Vec<_> = ticks.collect();
    let series = |revision: &&str| {
        let values: Vec<_> = ticks
            .iter()
            .map(|at| json!([at, if *revision == "new" { value.to_owned() } else { (at - start).to_string() }]))
            .collect();
        json!({"metric": {"pod": format!("web-{revision}"), "revision": revision}, "values": values})
    };
    let result: Vec<_> =
        ["new", "old"].iter().filter(|revision| form["query"].contains(**revision)).map(series).collect();
    (StatusCode::OK, json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string())
}

async fn analyze(mode: &str, more: &[&str]) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{mode}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    let template = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("odd-{mode}-{}.yaml", std::process::id()));
    fs::write(&template, TEMPLATE).unwrap();
    let mut command = siskin(["analyze", "-f", template.to_str().unwrap(), "--prometheus", &url]);
    command.args(["--canary", "revision=new", "--stable", "revision=old"]).args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_lets_nobody_in_ends_it_at_once_with_the_flags_for_credentials() {
    for (mode, answer) in [("401", "401 Unauthorized: Unauthorized"), ("403", "403 Forbidden")] {
        let output = analyze(mode, &[]).await;
        assert_eq!(output.status.code(), Some(3), "{}", Said(output));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(&format!("metric http/errors: Prometheus denies access: it answered {answer}")),
            "{said}"
        );
        assert!(said.contains("give --prometheus-bearer-token-file"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_said_as_what_it_is() {
    let output = analyze("422", &[]).await;
    assert_eq!(output.status.code(), Some(3), "{}", Said(output));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Prometheus refuses the query: query processing would load too many samples"), "{said}");
    assert!(said.contains("ask for fewer series or a shorter range") && !said.contains("MiB"), "{said}");

    let output = analyze("many", &[]).await;
    assert_eq!(output.status.code(), Some(3), "{}", Said(output));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("it gives more than 5000 series") && said.contains("sum by (pod)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_are_no_numbers_are_not_called_missing() {
    for (mode, value) in [("nan", "NaN"), ("inf", "inf")] {
        let window = ["--from", "2026-01-02T03:00:00Z", "--to", "2026-01-02T03:10:00Z"];
        let output = analyze(mode, &window).await;
        assert_eq!(output.status.code(), Some(2), "{}", Said(output));
        let said = Said(output).to_string();
        assert!(said.contains(&format!("the query gives {value}")), "{said}");
        assert!(!said.contains("no series"), "{said}");
    }
}
