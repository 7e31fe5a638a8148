//! What the process tells about itself on `/metrics`.

use std::{
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::{
    measure::Measurement,
    model::Object,
    observe::{Cache, Kind},
};

/// All metrics of the process.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    reconciles: Family<Result, Counter>,
    reconcile_seconds: Histogram,
    effects: Family<Effect, Counter>,
    api_requests: Family<ApiRequest, Counter>,
    queries: Family<Query, Counter>,
    queries_spared: Counter,
    query_seconds: Histogram,
    weight: Family<Weight, Gauge>,
    evidence: Family<Evidence, Gauge<f64, AtomicU64>>,
    leader: Gauge,
    scrape: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Result {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Effect {
    purpose: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiRequest {
    verb: &'static str,
    resource: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Query {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Weight {
    namespace: String,
    rollout: String,
    value: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Evidence {
    namespace: String,
    rollout: String,
    metric: String,
    direction: &'static str,
}

impl Metrics {
    pub(super) fn new() -> Self {
        // 1 ms to 16 s: a reconcile is a few calls at most, each with a timeout of 10 s.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let mut metrics = Self {
            registry: Registry::with_prefix("siskin"),
            reconciles: Family::default(),
            reconcile_seconds: seconds(),
            effects: Family::default(),
            api_requests: Family::default(),
            queries: Family::default(),
            queries_spared: Counter::default(),
            query_seconds: seconds(),
            weight: Family::default(),
            evidence: Family::default(),
            leader: Gauge::default(),
            scrape: Mutex::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "reconciles",
            "Reconciles by their result: Ok, Gone, Panic, or the problem of the first effect that failed",
            metrics.reconciles.clone(),
        );
        registry.register(
            "reconcile_seconds",
            "How long a reconcile takes, questions and writes included",
            metrics.reconcile_seconds.clone(),
        );
        registry.register("effects", "Writes on behalf of Rollouts by purpose and result", metrics.effects.clone());
        registry.register(
            "api_requests",
            "Requests to the API server by verb, resource and answer; Error where there was none",
            metrics.api_requests.clone(),
        );
        registry.register("prometheus_queries", "Queries to Prometheus by their outcome", metrics.queries.clone());
        registry.register(
            "prometheus_queries_spared",
            "Queries that were not sent because the answer to another one held theirs",
            metrics.queries_spared.clone(),
        );
        registry.register(
            "prometheus_query_seconds",
            "How long a query to Prometheus takes",
            metrics.query_seconds.clone(),
        );
        registry.register(
            "rollout_weight_percent",
            "The canary's share of the traffic, as desired and as applied",
            metrics.weight.clone(),
        );
        registry.register(
            "rollout_evidence",
            "Natural logarithm of the evidence for harm and for safety by metric",
            metrics.evidence.clone(),
        );
        registry.register("leader", "1 where this process holds the lease", metrics.leader.clone());
        metrics
    }

    /// A reconcile that took so long and ended so.
    pub(super) fn reconciled(&self, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&Result { result }).inc();
        self.reconcile_seconds.observe(took.as_secs_f64());
    }

    /// An effect that was performed, or not.
    pub(super) fn performed(&self, purpose: String, result: &'static str) {
        self.effects.get_or_create(&Effect { purpose, result }).inc();
    }

    /// A request to the API server; without a code where it had no answer.
    pub(super) fn requested(&self, verb: &'static str, resource: String, code: Option<u16>) {
        let code = code.map_or_else(|| "Error".to_owned(), |code| code.to_string());
        self.api_requests.get_or_create(&ApiRequest { verb, resource, code }).inc();
    }

    /// The queries of one look.
    pub(super) fn measured(&self, measurement: &Measurement) {
        self.queries_spared.inc_by(measurement.spared);
        for query in &measurement.queries {
            self.queries.get_or_create(&Query { outcome: query.outcome }).inc();
            self.query_seconds.observe(query.took.as_secs_f64());
        }
    }

    /// Whether this process leads.
    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// The text that Prometheus scrapes. Weights and evidence are read from the Rollouts' statuses at this moment, so
    /// that they go with their Rollout; a follower shows none, or each would be there twice.
    pub(super) fn text(&self, cache: &Cache) -> String {
        let _one_at_a_time = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        self.weight.clear();
        self.evidence.clear();
        if self.leader.get() == 1 {
            cache.read().all(Kind::Rollout).for_each(|rollout| self.show(&rollout));
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        text
    }

    fn show(&self, rollout: &Object) {
        let (namespace, name) = (rollout.namespace(), rollout.name());
        for part in ["desired", "applied"] {
            if let Some(value) = rollout.number(&format!("/status/weight/{part}")) {
                let labels = Weight { namespace: namespace.to_owned(), rollout: name.to_owned(), value: part };
                self.weight.get_or_create(&labels).set(value);
            }
        }
        for metric in rollout.list("/status/evidence") {
            for direction in ["harm", "safe"] {
                let (Some(value), Some(metric)) = (metric[direction].as_f64(), metric["name"].as_str()) else {
                    continue;
                };
                let labels = Evidence {
                    namespace: namespace.to_owned(),
                    rollout: name.to_owned(),
                    metric: metric.to_owned(),
                    direction,
                };
                self.evidence.get_or_create(&labels).set(value);
            }
        }
    }
}
