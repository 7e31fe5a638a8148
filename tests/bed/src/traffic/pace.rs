//! Sends each request at its due time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::{State, Traffic};

/// Runs until it is aborted.
pub(super) async fn send(traffic: Traffic, state: Arc<State>) {
    let Traffic {
        address,
        headers,
        path,
        timeout,
        per_second,
    } = traffic;
    let client = Arc::new(Client::new(address, headers, path, timeout));
    let start = Instant::now();
    for number in 0_u64.. {
        let due = start + Duration::from_secs_f64(number as f64 / per_second);
        sleep_until(due).await;
        state.delayed(due.elapsed());
        state.open.fetch_add(1, Ordering::AcqRel);
        let (client, state) = (Arc::clone(&client), Arc::clone(&state));
        tokio::spawn(async move {
            state.record(client.request().await);
            state.open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}
