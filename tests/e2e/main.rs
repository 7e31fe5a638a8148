//! Siskin on real servers: API server, Istio, Envoy, Prometheus. What users see is asked of the client that sent the
//! requests; what Siskin did, of the API server.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod harness;

mod analysis;
mod analysis_run;
mod bad_input;
mod chart;
mod deletion;
mod failover;
mod gitops;
mod hold;
mod judge;
mod kill;
mod outage;
mod promotion;
mod rollback;
mod scale;
mod security;
mod template_changes;
mod unready;
mod verbs;
