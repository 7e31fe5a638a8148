//! What can go wrong on the way to Prometheus, against a server on loopback that does it.

use std::{future::pending, time::Duration};

use axum::{
    Router,
    http::{StatusCode, Uri, header},
    response::IntoResponse,
};
use reqwest::Url;
use tokio::net::TcpListener;

use super::super::{
    AllowedAddresses, Check, Client, ClientOptions, Counters, Enforced, Gap, MeasureRequest, Measurement,
    MetricOutcome, MetricQuery, PerArm, Queries, Window, check, history, measure,
};
use crate::model::Timestamp;

const ONE: &str =
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1767323045.5,"3"]}]}}"#;

fn at() -> Timestamp {
    "2026-01-02T03:04:05.5Z".parse().unwrap()
}

/// Serves one answer to every request; gives the base address.
pub(super) async fn serve<H, T>(handler: H) -> String
where
    H: axum::handler::Handler<T, ()>,
    T: 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(handler)).into_future());
    address
}

fn client(address: &str, call_timeout: Duration) -> Client {
    let options = ClientOptions { call_timeout, concurrency: 2, ..ClientOptions::default() };
    Client::new(AllowedAddresses::new(address, &[]).unwrap(), options).unwrap()
}

async fn look(client: &Client, queries: Queries, address: Option<&str>) -> Measurement {
    let metric =
        MetricQuery { name: "errors".into(), namespace: "shop".into(), address: address.map(Into::into), queries };
    measure(client, &MeasureRequest { at: at(), metrics: vec![metric] }).await
}

/// The sentence and reason of the gap that a threshold of this server comes to.
async fn gap(address: &str, call_timeout: Duration) -> (&'static str, String) {
    let measurement = look(&client(address, call_timeout), Queries::Threshold("up".into()), None).await;
    let gap = measurement.metrics[0].1.gap().expect("there is nothing to judge");
    assert_eq!(measurement.queries[0].outcome, gap.reason());
    (gap.reason(), gap.to_string())
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn both_arms_are_asked_for_at_the_same_time_and_below_the_path_of_the_address() {
    let address = serve(|uri: Uri, body: String| async move {
        let form = Url::parse(&format!("http://form/?{body}")).unwrap();
        let form: Vec<(String, String)> = form.query_pairs().into_owned().collect();
        assert_eq!(uri.path(), "/tenant/api/v1/query");
        assert!(form.contains(&("time".into(), "1767323045.500".into())), "{form:?}");
        assert!(form.contains(&("timeout".into(), "20000ms".into())), "{form:?}");
        let empty = form.contains(&("query".into(), "canary_errors".into()));
        if empty { ONE.replace(r#"{"metric":{},"value":[1767323045.5,"3"]}"#, "") } else { ONE.to_owned() }
    })
    .await;
    let counters = |arm| Counters { requests: format!("{arm}_requests"), events: format!("{arm}_errors") };
    let queries = Queries::Counters(PerArm { stable: counters("stable"), canary: counters("canary") });
    let measurement = look(&client(&format!("{address}/tenant/"), LONG), queries, None).await;

    let (name, MetricOutcome::Counters(PerArm { stable: Ok(stable), canary: Ok(canary) })) = &measurement.metrics[0]
    else {
        panic!("{measurement:?}")
    };
    assert_eq!(name, "errors");
    assert_eq!((stable.requests.len(), stable.events.len(), canary.requests.len(), canary.events.len()), (1, 1, 1, 0));
    assert_eq!((stable.requests[0].value, stable.requests[0].at), (3.0, at()));
    let mut outcomes: Vec<_> = measurement.queries.iter().map(|record| record.outcome).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["NoSeries", "Samples", "Samples", "Samples"]);
}

#[tokio::test]
async fn a_window_is_asked_for_from_its_first_tick_to_its_last_by_its_step() {
    let address = serve(|uri: Uri, body: String| async move {
        let form = Url::parse(&format!("http://form/?{body}")).unwrap();
        let mut form: Vec<(String, String)> = form.query_pairs().into_owned().collect();
        form.sort_unstable();
        let expected =
            [("end", "1767323055"), ("query", "up"), ("start", "1767323046"), ("step", "3"), ("timeout", "120000ms")];
        assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(uri.path(), "/tenant/api/v1/query_range");
        ONE.replace("vector", "matrix").replace(r#""value":[1767323045.5,"3"]"#, r#""values":[[1767323049,"3"]]"#)
    })
    .await;
    let client = client(&format!("{address}/tenant"), LONG);
    let window = Window::new(at(), "2026-01-02T03:04:17.9Z".parse().unwrap(), Duration::from_millis(2500)).unwrap();
    let metric = MetricQuery {
        name: "limit".into(),
        namespace: "shop".into(),
        address: None,
        queries: Queries::Threshold("up".into()),
    };
    let looks = history(&client, &[metric], window).await;
    let values: Vec<_> = looks.iter().map(|look| look.metrics[0].1 == MetricOutcome::Value(Ok(3.0))).collect();
    assert_eq!(values, [false, true, false, false]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (reason, sentence) = gap(&address, LONG).await;
    assert_eq!(reason, "PrometheusDown");
    assert!(sentence.contains("can't connect: Connection refused"), "{sentence}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_down_after_the_timeout() {
    let address = serve(pending::<StatusCode>).await;
    let (reason, sentence) = gap(&address, Duration::from_millis(50)).await;
    assert_eq!(reason, "PrometheusDown");
    assert!(sentence.ends_with("the answer took longer than 50ms"), "{sentence}");
}

#[tokio::test]
async fn waiting_for_a_free_slot_counts_towards_the_timeout() {
    let client = client(&serve(pending::<StatusCode>).await, Duration::from_millis(50));
    let metric = |number| MetricQuery {
        name: "errors".into(),
        namespace: "shop".into(),
        address: None,
        queries: Queries::Threshold(format!("up{number}")),
    };
    let measurement = measure(&client, &MeasureRequest { at: at(), metrics: (0..20).map(metric).collect() }).await;
    assert_eq!(measurement.metrics.len(), 20);
    assert!(measurement.queries.iter().all(|record| record.outcome == "PrometheusDown"));
    let longest = measurement.queries.iter().map(|record| record.took).max().unwrap();
    assert!(longest < Duration::from_secs(5), "20 queries by twos would take 500 ms one after another: {longest:?}");
}

#[tokio::test]
async fn an_overloaded_server_is_down_and_a_bad_query_is_refused() {
    let address = serve(|| async { (StatusCode::SERVICE_UNAVAILABLE, "no more") }).await;
    assert_eq!(gap(&address, LONG).await.0, "PrometheusDown");

    let body = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let address =
        serve(move || async move { (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body) })
            .await;
    assert_eq!(gap(&address, LONG).await, ("QueryRefused", "Prometheus refuses the query: parse error".into()));
    let client = client(&address, LONG);
    assert_eq!(check(&client, "shop", None, "up", at()).await, Check::Refused(Gap::Refused("parse error".into())));
}

#[tokio::test]
async fn too_many_samples_are_said_as_what_they_are() {
    let body = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}"#;
    let address = serve(move || async move { (StatusCode::UNPROCESSABLE_ENTITY, body) }).await;
    let (reason, sentence) = gap(&address, LONG).await;
    assert_eq!(reason, "QueryRefused");
    assert_eq!(
        sentence,
        "Prometheus refuses the query: query processing would load too many samples into memory in query execution; ask for fewer series or a shorter range, or raise the limit of Prometheus (--query.max-samples)"
    );
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    let address = serve(|| async { (StatusCode::UNAUTHORIZED, "Unauthorized\n") }).await;
    assert_eq!(
        gap(&address, LONG).await,
        ("PrometheusDenied", "Prometheus denies access: it answered 401 Unauthorized: Unauthorized".into())
    );
    assert!(matches!(check(&client(&address, LONG), "shop", None, "up", at()).await, Check::Unknown(_)));
}

/// Series of more than a mebibyte from each of many queries at once.
#[tokio::test]
async fn many_large_answers_are_read_a_few_at_a_time() {
    let padded = ONE.replace(r#""data""#, &format!(r#""stats":"{}","data""#, "x".repeat(2 << 20)));
    let address = serve(move || {
        let padded = padded.clone();
        async move { padded }
    })
    .await;
    let options = ClientOptions { call_timeout: LONG, ..ClientOptions::default() };
    let client = Client::new(AllowedAddresses::new(&address, &[]).unwrap(), options).unwrap();
    let metric = |number| MetricQuery {
        name: format!("limit{number}"),
        namespace: format!("shop{}", number % 3),
        address: None,
        queries: Queries::Threshold(format!("up{number}")),
    };
    let measurement = measure(&client, &MeasureRequest { at: at(), metrics: (0..24).map(metric).collect() }).await;
    assert!(measurement.metrics.iter().all(|(_, outcome)| *outcome == MetricOutcome::Value(Ok(3.0))));
}

#[tokio::test]
async fn each_namespace_is_asked_for_its_own_series_where_the_operator_wants_that() {
    let address = serve(|body: String| async move {
        let form = Url::parse(&format!("http://form/?{body}")).unwrap();
        let query = form.query_pairs().find(|(name, _)| name == "query").unwrap().1.into_owned();
        assert_eq!(query, r#"sum(up{namespace="shop"})"#);
        ONE
    })
    .await;
    let client = client(&address, LONG).enforcing(Enforced::new("namespace").unwrap());
    let measurement = look(&client, Queries::Threshold("sum(up)".into()), None).await;
    assert_eq!(measurement.metrics[0].1, MetricOutcome::Value(Ok(3.0)));
    let other = r#"sum(up{namespace="blog"})"#;
    let measurement = look(&client, Queries::Threshold(other.into()), None).await;
    assert_eq!(measurement.metrics[0].1.gap().map(Gap::reason), Some("QueryNotAllowed"));
    assert_eq!(check(&client, "shop", None, "sum(up)", at()).await, Check::Accepted);
    assert!(matches!(check(&client, "shop", None, other, at()).await, Check::Refused(Gap::QueryNotAllowed(_))));
    let metrics = [MetricQuery {
        name: "a".into(),
        namespace: "shop".into(),
        address: None,
        queries: Queries::Threshold(other.into()),
    }];
    let window = Window::new(at(), "2026-01-02T03:04:17.9Z".parse().unwrap(), Duration::from_secs(5)).unwrap();
    let looks = history(&client, &metrics, window).await;
    assert!(looks.iter().all(|look| look.metrics[0].1.gap().map(Gap::reason) == Some("QueryNotAllowed")));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = serve(|| async { ONE }).await;
    let location = elsewhere.clone();
    let address = serve(|| async move { (StatusCode::FOUND, [(header::LOCATION, location)]).into_response() }).await;
    let (reason, sentence) = gap(&address, LONG).await;
    assert_eq!(reason, "PrometheusDown");
    assert!(sentence.contains(&format!("302 Found and points to `{elsewhere}`")), "{sentence}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let address = serve(|| async { vec![b' '; (16 << 20) + 1] }).await;
    let (reason, sentence) = gap(&address, LONG).await;
    assert_eq!(reason, "QueryResultUnusable");
    assert!(sentence.contains("larger than 16 MiB"), "{sentence}");
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_called() {
    let allowed = serve(|| async { ONE }).await;
    let other = serve(|| async { StatusCode::IM_A_TEAPOT }).await;
    let client = client(&allowed, LONG);
    let measurement = look(&client, Queries::Threshold("up".into()), Some(&other)).await;
    assert_eq!(measurement.metrics[0].1.gap().map(Gap::reason), Some("AddressNotAllowed"));
    assert!(matches!(
        check(&client, "shop", Some(&other), "up", at()).await,
        Check::Refused(Gap::AddressNotAllowed(_))
    ));

    let measurement = look(&client, Queries::Threshold("up".into()), Some(&allowed)).await;
    assert_eq!(measurement.metrics[0].1, MetricOutcome::Value(Ok(3.0)));
    assert_eq!(check(&client, "shop", None, "up", at()).await, Check::Accepted);
}

#[tokio::test]
async fn an_outage_refuses_no_query() {
    let address = serve(|| async { StatusCode::BAD_GATEWAY }).await;
    assert!(matches!(
        check(&client(&address, LONG), "shop", None, "up", at()).await,
        Check::Unknown(Gap::ProviderDown(_))
    ));
}
