//! As much of an API server as one Rollout needs, on loopback, with a controller that answers every request at once; and
//! any other object to be read.

use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

/// What the controller behind the server does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Controller {
    Accepts,
    Refuses,
    IsAway,
}

#[derive(Clone)]
struct Shared {
    rollout: Arc<Mutex<Value>>,
    controller: Controller,
    /// What else can be read, each by its path.
    objects: Arc<BTreeMap<String, Value>>,
}

/// The server; it ends with the test's process.
pub(crate) struct ApiServer {
    address: SocketAddr,
    rollout: Arc<Mutex<Value>>,
}

impl ApiServer {
    /// A server with Rollout shop/web and nothing else.
    pub(crate) async fn with(controller: Controller) -> Self {
        Self::holding(controller, BTreeMap::new()).await
    }

    /// A server with Rollout shop/web and other objects, each by the path under which it is read.
    pub(crate) async fn holding(controller: Controller, objects: BTreeMap<String, Value>) -> Self {
        let rollout = Arc::new(Mutex::new(json!({
            "apiVersion": "siskin.dev/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "web", "namespace": "shop", "resourceVersion": "7", "uid": "1"},
            "spec": {
                "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "traffic": {"service": "web", "routes": [{"kind": "HTTPRoute", "name": "web"}]},
                "strategy": {"canary": {"steps": [{"weight": 5}, {"weight": 25}]}},
                "ofTheFuture": true,
            },
            "status": {"phase": "Idle", "message": "Waiting for a new pod template", "stableRevision": "6b7f8c9d4"},
        })));
        let rollouts = "/apis/siskin.dev/v1alpha1/namespaces/shop/rollouts";
        let router = Router::new()
            .route("/apis/authentication.k8s.io/v1/selfsubjectreviews", post(who_am_i))
            .route(rollouts, get(list))
            .route(&format!("{rollouts}/web"), get(read).patch(patch))
            .fallback(any_object)
            .with_state(Shared { rollout: rollout.clone(), controller, objects: Arc::new(objects) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, rollout }
    }

    /// A kubeconfig for this server, in a file of its own.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kubeconfig-{}", self.address.port()));
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::File::create(&path).unwrap().write_all(config.to_string().as_bytes()).unwrap();
        path
    }

    /// The request that was written last.
    pub(crate) fn request(&self) -> Value {
        let rollout = self.rollout.lock().unwrap();
        let text = rollout["metadata"]["annotations"]["siskin.dev/verb"].as_str().unwrap();
        serde_json::from_str(text).unwrap()
    }
}

async fn who_am_i() -> Json<Value> {
    Json(json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {},
        "status": {"userInfo": {"username": "alice"}},
    }))
}

async fn read(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.rollout.lock().unwrap().clone())
}

#[derive(serde::Deserialize)]
struct ListQuery {
    watch: Option<String>,
}

/// The list, or a watch in which nothing ever happens.
async fn list(State(shared): State<Shared>, Query(query): Query<ListQuery>) -> Response {
    if query.watch.as_deref() == Some("true") {
        return Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()).into_response();
    }
    let rollout = shared.rollout.lock().unwrap().clone();
    let metadata = json!({"resourceVersion": "8"});
    Json(json!({"apiVersion": "siskin.dev/v1alpha1", "kind": "RolloutList", "metadata": metadata, "items": [rollout]}))
        .into_response()
}

async fn patch(State(shared): State<Shared>, Json(change): Json<Value>) -> Json<Value> {
    let mut rollout = shared.rollout.lock().unwrap();
    json_patch::merge(&mut rollout, &change);
    let text = rollout["metadata"]["annotations"]["siskin.dev/verb"].as_str().unwrap();
    let request: Value = serde_json::from_str(text).unwrap();
    let answer = match shared.controller {
        Controller::Accepts => Some((true, "Rolling back")),
        Controller::Refuses => Some((false, "No run is on its way")),
        Controller::IsAway => None,
    };
    if let Some((accepted, message)) = answer {
        rollout["status"]["lastVerb"] = json!({"request": request, "accepted": accepted, "message": message});
    }
    Json(rollout.clone())
}

async fn any_object(State(shared): State<Shared>, uri: Uri) -> (StatusCode, Json<Value>) {
    if let Some(object) = shared.objects.get(uri.path()) {
        return (StatusCode::OK, Json(object.clone()));
    }
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": "not found",
    });
    (StatusCode::NOT_FOUND, Json(status))
}
