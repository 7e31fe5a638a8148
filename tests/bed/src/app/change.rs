//! A pod that goes bad, or well again, while it runs: `PUT /behaviour?error_rate=0.3&latency_ms=20`.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::{Behaviour, Latency};

/// Changes what the query names, or nothing where one of it can't be read.
pub(super) fn answer(behaviour: &RwLock<Behaviour>, query: &str) -> Response<Full<Bytes>> {
    let changed = changed(&behaviour.read().unwrap_or_else(PoisonError::into_inner), query);
    let (status, text) = match changed {
        Ok(changed) => {
            *behaviour.write().unwrap_or_else(PoisonError::into_inner) = changed;
            (StatusCode::OK, String::new())
        }
        Err(problem) => (StatusCode::BAD_REQUEST, problem),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

fn changed(behaviour: &Behaviour, query: &str) -> Result<Behaviour, String> {
    let mut behaviour = behaviour.clone();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let number = value.parse().ok().filter(|number| (0.0..=60_000.0).contains(number));
        let number: f64 = number.ok_or_else(|| format!("{name}={value} is not a number from 0 to 60000"))?;
        match (name, &mut behaviour.latency) {
            ("error_rate", _) => behaviour.error_rate = number.min(1.0),
            ("latency_ms", Latency::LogNormal { median_seconds, .. }) => *median_seconds = number / 1000.0,
            ("latency_ms", Latency::Fixed(latency)) => *latency = Duration::from_secs_f64(number / 1000.0),
            _ => return Err(format!("{name} is neither error_rate nor latency_ms")),
        }
    }
    Ok(behaviour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_query_names_is_changed_and_nothing_else() {
        let latency = Latency::LogNormal { median_seconds: 0.02, sigma: 0.5 };
        let behaviour = Behaviour { version: "v1".into(), error_rate: 0.0, latency };
        let slower = changed(&behaviour, "latency_ms=30").expect("the query is understood");
        assert_eq!(slower.latency, Latency::LogNormal { median_seconds: 0.03, sigma: 0.5 });
        assert!(slower.error_rate.abs() < 1e-12);
        assert!(changed(&behaviour, "error_rate=bad").is_err() && changed(&behaviour, "weather=1").is_err());
    }
}
