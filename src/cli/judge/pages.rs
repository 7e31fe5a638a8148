//! The pages of the judge: `POST /judge`, `GET /health`. Errors are JSON with one sentence.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::serve::Judge;
use crate::judge::kayenta::{JudgeRequest, KayentaError, KayentaJudgement};

/// The largest request that is read: 50 metrics of 10 000 values each have about 10 MB.
const LARGEST_REQUEST: usize = 32 << 20;

/// What is served.
pub(super) fn router(judge: Judge) -> Router {
    Router::new()
        .route("/judge", post(answer))
        .route("/health", get(|| async { Json(json!({"status": "UP"})) }))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_page)
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(judge)
}

async fn answer(State(judge): State<Judge>, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => {
            let mebibytes = LARGEST_REQUEST >> 20;
            Problem(status, format!("the request is larger than {mebibytes} MiB: send a longer step or fewer metrics"))
        }
        status => Problem(status, format!("the request can't be read: {}", rejection.body_text())),
    })?;
    // Thousands of values are no work for the thread that serves the connections.
    let judged = tokio::task::spawn_blocking(move || {
        let request = JudgeRequest::from_json(&body)?;
        judge.judge(&request)
    });
    match judged.await {
        Ok(Ok(judgement)) => {
            tell(&judgement);
            Ok(Json(judgement).into_response())
        }
        Ok(Err(error)) => Err(Problem::from(error)),
        Err(panic) => Err(Problem(StatusCode::INTERNAL_SERVER_ERROR, format!("the judge broke down: {panic}"))),
    }
}

/// One line in the log for each judgement.
fn tell(judgement: &KayentaJudgement) {
    tracing::info!(metrics = judgement.results.len(), "{judgement}");
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}: POST to /judge, GET /health", uri.path()),
    )
}

async fn no_page(uri: Uri) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("there is no {}: POST to /judge, GET /health", uri.path()))
}

/// What went wrong, as the client is told.
struct Problem(StatusCode, String);

impl From<KayentaError> for Problem {
    fn from(error: KayentaError) -> Self {
        let status = match error {
            KayentaError::Request(_) | KayentaError::Config(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        tracing::warn!(status = status.as_u16(), "{error}");
        (status, Json(json!({"error": error}))).into_response()
    }
}
