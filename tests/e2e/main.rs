//! Siskin on real servers: API server, Istio, Envoy, Prometheus. What users see is asked of the client that sent the
//! requests; what Siskin did, of the API server.

mod harness;

mod promotion;
mod rollback;
