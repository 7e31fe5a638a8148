//! How many queries looks cost, and what becomes of those that are asked together when something is wrong.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use futures::{StreamExt, future::join_all};
use reqwest::Url;

use super::{
    super::{
        AllowedAddresses, Client, ClientOptions, Counters, Gap, MeasureRequest, Measurement, MetricOutcome,
        MetricQuery, PerArm, Queries, Window, at_times, history, measure,
    },
    client::serve,
};
use crate::model::Timestamp;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// A Prometheus that has one series for each value of `hash` that a query names, and writes the queries down. It refuses
/// whatever has `bad` in it, says nothing to whatever has `slow` in it, and answers a range of more than ten ticks with
/// more than can be read.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&asked);
        let address = serve(move |body: String| async move {
            let form = Url::parse(&format!("http://form/?{body}")).unwrap();
            let form: std::collections::HashMap<_, _> = form.query_pairs().into_owned().collect();
            let query = form["query"].clone();
            writer.lock().unwrap().push(query.clone());
            if query.contains("slow") {
                std::future::pending::<()>().await;
            }
            answer(&query, &form)
        })
        .await;
        Self { address, asked }
    }

    fn client(&self, gather: Duration) -> Client {
        self.client_with(ClientOptions { call_timeout: Duration::from_secs(20), gather, ..ClientOptions::default() })
    }

    fn client_with(&self, options: ClientOptions) -> Client {
        Client::new(AllowedAddresses::new(&self.address, &[]).unwrap(), options).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }
}

fn answer(query: &str, form: &std::collections::HashMap<String, String>) -> axum::response::Response {
    if query.contains("bad") {
        let body = r#"{"status":"error","errorType":"bad_data","error":"no"}"#;
        return (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    let (_, rest) = query.split_once("hash").unwrap();
    let hashes: Vec<&str> = rest.split('"').nth(1).unwrap().split('|').collect();
    let seconds = |name: &str| form.get(name).map(|text| text.parse::<f64>().unwrap());
    let series = |hash: &&str| {
        let labels = format!(r#""pod":"web-{hash}","hash":"{hash}""#);
        match (seconds("start"), seconds("end"), seconds("step")) {
            (Some(start), Some(end), Some(step)) => {
                let ticks = (0..).map(|tick| start + f64::from(tick) * step).take_while(|tick| *tick <= end);
                let values: Vec<_> = ticks.map(|tick| format!(r#"[{tick},"1"]"#)).collect();
                let padding = if values.len() > 11 { " ".repeat(17 << 20) } else { String::new() };
                format!(r#"{{"metric":{{{labels}}},"values":[{}]}}{padding}"#, values.join(","))
            }
            _ => format!(r#"{{"metric":{{{labels}}},"value":[{},"1"]}}"#, seconds("time").unwrap()),
        }
    };
    let series: Vec<_> = hashes.iter().map(series).collect();
    let kind = if form.contains_key("start") { "matrix" } else { "vector" };
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{}]}}}}"#, series.join(","))
        .into_response()
}

/// The errors of two versions.
fn metric(stable: &str, canary: &str) -> MetricQuery {
    let counters = |hash: &str| Counters {
        requests: format!(r#"requests{{hash="{hash}"}}"#),
        events: format!(r#"requests{{hash="{hash}",code=~"5.."}}"#),
    };
    let queries = Queries::Counters(PerArm { stable: counters(stable), canary: counters(canary) });
    MetricQuery { name: "errors".into(), namespace: "shop".into(), address: None, queries }
}

/// The pods of each arm.
fn pods(measurement: &Measurement) -> [String; 2] {
    let (_, MetricOutcome::Counters(PerArm { stable: Ok(stable), canary: Ok(canary) })) = &measurement.metrics[0]
    else {
        panic!("{measurement:?}")
    };
    [stable, canary].map(|arm| arm.requests.iter().map(|sample| sample.labels["pod"].clone()).collect())
}

#[tokio::test]
async fn two_versions_cost_as_many_queries_as_one() {
    let server = Server::start().await;
    let request = MeasureRequest { at: at(0), metrics: vec![metric("a", "b"), metric("a", "b")] };
    let measurement = measure(&server.client(Duration::ZERO), &request).await;
    assert_eq!(pods(&measurement), ["web-a", "web-b"]);
    assert_eq!(server.asked(), [r#"requests{hash=~"a|b",code=~"5.."}"#, r#"requests{hash=~"a|b"}"#]);
    assert_eq!((measurement.queries.len(), measurement.spared), (2, 6));
}

#[tokio::test]
async fn looks_of_several_rollouts_at_about_the_same_time_are_asked_together() {
    let server = Server::start().await;
    let client = server.client(Duration::from_millis(200));
    let look = |number: i64| {
        let metrics = vec![metric(&format!("s{number}"), &format!("c{number}"))];
        let (client, request) = (client.clone(), MeasureRequest { at: at(number), metrics });
        async move { measure(&client, &request).await }
    };
    let measurements = join_all((0..5).map(look)).await;
    for (number, measurement) in measurements.iter().enumerate() {
        assert_eq!(pods(measurement), [format!("web-s{number}"), format!("web-c{number}")]);
        assert_eq!(measurement.at, at(4), "what is asked together is asked at the latest of the times");
    }
    assert_eq!(server.asked().len(), 2);
    let records: usize = measurements.iter().map(|measurement| measurement.queries.len()).sum();
    let spared: u64 = measurements.iter().map(|measurement| measurement.spared).sum();
    assert_eq!((records, spared), (2, 18));
}

/// The errors of two versions, for a namespace.
fn of(namespace: &str, stable: &str, canary: &str) -> MeasureRequest {
    let metrics = vec![MetricQuery { namespace: namespace.into(), ..metric(stable, canary) }];
    MeasureRequest { at: at(0), metrics }
}

#[tokio::test]
async fn looks_of_different_namespaces_are_asked_apart_and_do_not_wait_for_each_other() {
    let server = Server::start().await;
    let client = server.client(Duration::from_millis(100));
    let (slow, shop) = (of("blog", "slow", "b"), of("shop", "a", "b"));
    let mut slow = Box::pin(measure(&client, &slow));
    assert!(futures::poll!(&mut slow).is_pending());
    let shop = tokio::select! {
        _ = &mut slow => panic!("the server says nothing to it"),
        shop = measure(&client, &shop) => shop,
    };
    assert_eq!(pods(&shop), ["web-a", "web-b"]);
    let asked = server.asked();
    assert!(asked.contains(&r#"requests{hash=~"a|b"}"#.to_owned()), "{asked:?}");
    assert!(asked.iter().all(|query| !(query.contains("slow") && query.contains("a|"))), "{asked:?}");
}

#[tokio::test]
async fn a_namespace_whose_queries_hang_leaves_slots_for_the_others() {
    let server = Server::start().await;
    let client = server.client_with(ClientOptions { concurrency: 4, ..ClientOptions::default() });
    let slow: Vec<_> = (0..50).map(|number| of("blog", &format!("slow{number}"), "slow")).collect();
    let mut slow: Vec<_> = slow.iter().map(|request| Box::pin(measure(&client, request))).collect();
    for look in &mut slow {
        assert!(futures::poll!(look).is_pending());
    }
    // Nothing of what hangs is worked on here, so no slot comes free while this is asked.
    assert_eq!(pods(&measure(&client, &of("shop", "a", "b")).await), ["web-a", "web-b"]);
}

#[tokio::test]
async fn what_is_too_slow_together_is_asked_by_itself() {
    let server = Server::start().await;
    let options = ClientOptions { call_timeout: Duration::from_secs(1), ..ClientOptions::default() };
    let request = MeasureRequest { at: at(0), metrics: vec![metric("slow", "b"), metric("a", "b")] };
    let measurement = measure(&server.client_with(options), &request).await;
    let [(_, first), (_, second)] = &measurement.metrics[..] else { panic!("{measurement:?}") };
    assert_eq!(first.gap().map(Gap::reason), Some("PrometheusDown"));
    assert_eq!(second.gap(), None);
    // Two together, and then three by themselves, for requests and for errors.
    assert_eq!(server.asked().len(), 8);
}

#[tokio::test]
async fn whoever_goes_away_takes_nobody_along() {
    let server = Server::start().await;
    let client = server.client(Duration::from_millis(200));
    let request = |stable: &str| MeasureRequest { at: at(0), metrics: vec![metric(stable, "c")] };
    let (first, second) = (request("a"), request("b"));
    let measurement = {
        let mut gone = Box::pin(measure(&client, &first));
        assert!(futures::poll!(&mut gone).is_pending());
        let stays = measure(&client, &second);
        drop(gone);
        stays.await
    };
    assert_eq!(pods(&measurement), ["web-b", "web-c"]);
}

#[tokio::test]
async fn a_query_that_is_refused_together_with_others_is_asked_again_by_itself() {
    let server = Server::start().await;
    let request = MeasureRequest { at: at(0), metrics: vec![metric("bad", "b"), metric("a", "b")] };
    let measurement = measure(&server.client(Duration::ZERO), &request).await;
    let [(_, first), (_, second)] = &measurement.metrics[..] else { panic!("{measurement:?}") };
    assert_eq!(first.gap().map(Gap::reason), Some("QueryRefused"));
    assert_eq!(second.gap(), None);
    // Two together, and then three by themselves, for requests and for errors.
    assert_eq!(server.asked().len(), 8);
}

#[tokio::test]
async fn a_window_whose_answer_is_too_large_is_asked_for_in_parts() {
    let server = Server::start().await;
    let window = Window::new(at(0), at(30), Duration::from_secs(1)).unwrap();
    let metrics = [metric("a", "b")];
    let measurements = history(&server.client(Duration::ZERO), &metrics, window).await;
    let times: Vec<_> = measurements.iter().map(|measurement| measurement.at).collect();
    assert_eq!(times, (0..=30).map(at).collect::<Vec<_>>());
    assert!(measurements.iter().all(|measurement| pods(measurement) == ["web-a", "web-b"]));
    // 31 ticks are halved twice: 16 and 15, then 8, 8, 8 and 7.
    assert_eq!(server.asked().len(), 2 * 7);
    assert_eq!(measurements.iter().map(|measurement| measurement.queries.len()).sum::<usize>(), 2);
}

#[tokio::test]
async fn the_past_is_looked_at_in_the_order_of_the_times_given() {
    let server = Server::start().await;
    let times: Vec<_> = (0..20).map(|number| at(number * 7)).collect();
    let (client, metrics) = (server.client(Duration::ZERO), [metric("a", "b")]);
    let looks: Vec<_> = at_times(&client, &metrics, &times).collect().await;
    assert_eq!(looks.iter().map(|look| look.at).collect::<Vec<_>>(), times);
    assert!(looks.iter().all(|look| pods(look) == ["web-a", "web-b"]));
}
