//! What checks cost, against a server on loopback that hangs.

use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::measure::{AllowedAddresses, ClientOptions};

fn query(namespace: &str, number: usize) -> QueryToCheck {
    QueryToCheck {
        metric: format!("http/{number}"),
        namespace: namespace.to_owned(),
        address: None,
        query: format!("up{number}"),
    }
}

/// Takes connections and says nothing.
async fn hanging() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

fn client(address: &str, call_timeout: Duration) -> Client {
    let options = ClientOptions { call_timeout, ..ClientOptions::default() };
    Client::new(AllowedAddresses::new(address, &[]).unwrap(), options).unwrap()
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

#[tokio::test]
async fn queries_are_checked_side_by_side_and_an_outage_refuses_none() {
    let call_timeout = Duration::from_secs(1);
    let client = client(&hanging().await, call_timeout);
    let queries: Vec<_> = (0..24).map(|number| query("shop", number)).collect();
    let started = Instant::now();
    assert!(Checks::default().refusals(&client, &queries, now()).await.is_empty());
    let took = started.elapsed();
    assert!(took < 12 * call_timeout, "one after another would take 24 s, and took {took:?}");
}

#[tokio::test]
async fn an_answer_is_remembered_for_its_namespace() {
    let client = client(&hanging().await, Duration::from_millis(50));
    let checks = Checks::default();
    checks.refusals(&client, &[query("shop", 0)], now()).await;
    assert!(checks.remembered(&query("shop", 0)).is_some());
    assert!(checks.remembered(&query("blog", 0)).is_none());
}

#[tokio::test]
async fn refusals_come_in_the_order_of_their_queries() {
    let client = client("http://127.0.0.1:9", Duration::from_secs(1));
    let elsewhere = |number| QueryToCheck { address: Some("http://other:9090".to_owned()), ..query("shop", number) };
    let queries: Vec<_> = (0..20).map(elsewhere).collect();
    let refusals = Checks::default().refusals(&client, &queries, now()).await;
    let metrics: Vec<_> = refusals.iter().map(|refusal| refusal.metric.clone()).collect();
    assert_eq!(metrics, (0..20).map(|number| format!("http/{number}")).collect::<Vec<_>>());
    assert!(refusals.iter().all(|refusal| refusal.address));
}
