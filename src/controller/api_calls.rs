//! Counts requests to the API server where they leave the process, whoever makes them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use kube::{Client, Config, client::ClientBuilder};
use tower::{Layer, Service};

use super::metrics::Metrics;

/// A client whose requests are counted.
///
/// # Errors
/// Where the configuration names certificates or tokens that can't be used.
pub(super) fn counting_client(config: Config, metrics: Arc<Metrics>) -> kube::Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Counting { metrics }).build())
}

struct Counting {
    metrics: Arc<Metrics>,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted { inner, metrics: Arc::clone(&self.metrics) }
    }
}

struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S, Body, Answer> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Answer>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let verb = verb(request.method(), request.uri().query().unwrap_or_default());
        let resource = resource(request.uri().path());
        let metrics = Arc::clone(&self.metrics);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.requested(verb, resource, answer.as_ref().ok().map(|answer| answer.status().as_u16()));
            answer
        })
    }
}

/// The API server's own word for what a request does; a list counts as a read.
fn verb(method: &Method, query: &str) -> &'static str {
    match *method {
        Method::GET if query.split('&').any(|part| part == "watch=true" || part == "watch=1") => "watch",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// What a path is about: `deployments` or `rollouts/status`; without names, of which there are any number.
fn resource(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (["api", _, rest @ ..] | ["apis", _, _, rest @ ..]) = parts.as_slice() else { return "other".to_owned() };
    match rest {
        ["namespaces", _, plural, _, subresource] => format!("{plural}/{subresource}"),
        ["namespaces", _, plural] | ["namespaces", _, plural, _] | [plural] | [plural, _] => (*plural).to_owned(),
        [] => "discovery".to_owned(),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_counted_by_its_resource_and_never_by_a_name() {
        assert_eq!(resource("/apis/siskin.dev/v1alpha1/namespaces/shop/rollouts/web/status"), "rollouts/status");
        assert_eq!(resource("/api/v1/namespaces/shop/services/web"), "services");
        assert_eq!(resource("/api/v1/services"), "services");
        assert_eq!(resource("/apis/gateway.networking.k8s.io/v1"), "discovery");
        assert_eq!(resource("/version"), "other");
    }

    #[test]
    fn a_watch_is_no_read() {
        assert_eq!(verb(&Method::GET, "limit=1&watch=true"), "watch");
        assert_eq!(verb(&Method::GET, "limit=500"), "get");
    }
}
