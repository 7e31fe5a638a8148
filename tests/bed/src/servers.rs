//! The command line and the readiness of each real server, one file each.

pub(crate) mod api_server;
pub(crate) mod controllers;
pub(crate) mod etcd;
pub(crate) mod istiod;
pub(crate) mod prometheus;

use std::time::Duration;

/// How long any server may take to become ready; they need seconds, a busy machine more.
pub(crate) const START_LIMIT: Duration = Duration::from_mins(2);

/// Whether a plain HTTP GET is answered with success.
pub(crate) async fn answers(http: &reqwest::Client, url: &str) -> bool {
    match http.get(url).send().await {
        Ok(response) => response.status().is_success(),
        Err(_) => false,
    }
}
