//! A metric of a template, before and after its queries are filled in. No network: everything that can be wrong with a
//! template and its arguments shows here, before a run starts.

use std::{collections::BTreeMap, fmt};

use super::template::{Template, TemplateError};
use crate::api::{self, Kind};

/// The longest name of a Kubernetes object that stands in a query.
const LONGEST_NAME: usize = 253;
/// A host's name has those of a Service and a namespace, and the cluster's domain.
const HOST_NAMES: usize = 3;

/// The values of a template's arguments, by name. Names are identifiers.
pub type Arguments = BTreeMap<String, String>;

/// Which side of the comparison something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// The version that runs.
    Stable,
    /// The version on trial.
    Canary,
}

impl fmt::Display for Variant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        })
    }
}

/// One of something for each variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerArm<T> {
    /// The stable version's.
    pub stable: T,
    /// The canary's.
    pub canary: T,
}

impl<T> PerArm<T> {
    /// The same for each arm.
    pub fn map<U>(self, mut of: impl FnMut(T) -> U) -> PerArm<U> {
        PerArm { stable: of(self.stable), canary: of(self.canary) }
    }

    /// Both, without taking them.
    pub fn as_ref(&self) -> PerArm<&T> {
        PerArm { stable: &self.stable, canary: &self.canary }
    }

    /// Both, to change them.
    pub fn as_mut(&mut self) -> PerArm<&mut T> {
        PerArm { stable: &mut self.stable, canary: &mut self.canary }
    }
}

/// The two counters of a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters<T> {
    /// All requests.
    pub requests: T,
    /// Those of them that are counted: errors, or what else a rate is about.
    pub events: T,
}

/// What a template can say about one arm. Every field is a variable of the same name; all but the first two differ
/// between the arms. What an arm does not have is "".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The Rollout's namespace.
    pub namespace: String,
    /// The user's Service, which the routes named before the run.
    pub service: String,
    /// `stable` or `canary`.
    pub variant: Variant,
    /// The workload that runs the arm's pods: `web`, `web-canary`.
    pub workload: String,
    /// The hash that the server gave the arm's pod template.
    pub revision: String,
    /// The Service by which the routes name the arm.
    pub backend: String,
    /// The full name of that Service: `web-canary.shop.svc.cluster.local`.
    pub host: String,
    /// The Istio subset by which the routes name the arm.
    pub subset: String,
}

impl Arm {
    /// The names of the variables.
    pub const VARIABLES: [&str; 8] =
        ["namespace", "service", "variant", "workload", "revision", "backend", "host", "subset"];

    fn variables(&self) -> BTreeMap<&'static str, String> {
        let Self { namespace, service, variant, workload, revision, backend, host, subset } = self;
        let variant = variant.to_string();
        let values = [namespace, service, &variant, workload, revision, backend, host, subset];
        Self::VARIABLES.into_iter().zip(values.map(Clone::clone)).collect()
    }
}

/// The queries of a metric as its template has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryTemplates {
    /// Raw counters, asked for once for each arm.
    Counters(Counters<String>),
    /// Raw histograms, asked for once for each arm.
    Histogram(String),
    /// A number of each pod, asked for once for each arm.
    Gauge(String),
    /// One number of the canary.
    Threshold(String),
}

/// A metric of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricTemplate {
    /// Its name, unique in the Rollout.
    pub name: String,
    /// The Prometheus to ask, where it is not the default one.
    pub address: Option<String>,
    /// What to ask.
    pub queries: QueryTemplates,
}

/// The queries of a metric, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Raw counters of both arms.
    Counters(PerArm<Counters<String>>),
    /// Raw histograms of both arms.
    Histogram(PerArm<String>),
    /// A number of each pod of both arms.
    Gauge(PerArm<String>),
    /// One number of the canary.
    Threshold(String),
}

impl Queries {
    /// What is asked about the canary, which is the wording of what is asked about the stable version too.
    pub fn of_canary(&self) -> Vec<&str> {
        match self {
            Self::Counters(PerArm { canary: Counters { requests, events }, .. }) => vec![requests, events],
            Self::Histogram(PerArm { canary: query, .. })
            | Self::Gauge(PerArm { canary: query, .. })
            | Self::Threshold(query) => vec![query],
        }
    }
}

/// A metric whose queries are ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricQuery {
    /// The metric's name.
    pub name: String,
    /// The namespace of the Rollout or AnalysisRun that asks. Queries of one namespace do not wait for those of another,
    /// and the operator may have them see that namespace's series alone.
    pub namespace: String,
    /// The Prometheus to ask, where it is not the default one.
    pub address: Option<String>,
    /// What to ask.
    pub queries: Queries,
}

/// A query of a metric that can't be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metric `{metric}`, {query}: {problem}")]
pub struct MetricError {
    /// The metric's name.
    pub metric: String,
    /// The field: `requests`, `events`, `histogram` or `query`.
    pub query: &'static str,
    /// What is wrong.
    pub problem: TemplateError,
}

impl MetricTemplate {
    /// The queries of a template's metric under a name that is unique in the Rollout; none where it has no kind.
    pub fn of(name: String, metric: &api::Metric) -> Option<Self> {
        let counters = |requests: &String, events: &String| {
            QueryTemplates::Counters(Counters { requests: requests.clone(), events: events.clone() })
        };
        let queries = match metric.kind()? {
            Kind::ErrorRate(rate) => counters(&rate.requests, &rate.errors),
            Kind::Rate(rate) => counters(&rate.requests, &rate.events),
            Kind::Latency(latency) => QueryTemplates::Histogram(latency.histogram.clone()),
            Kind::Gauge(gauge) => QueryTemplates::Gauge(gauge.query.clone()),
            Kind::Threshold(threshold) => QueryTemplates::Threshold(threshold.query.clone()),
        };
        Some(Self { name, address: metric.address.clone(), queries })
    }

    /// Checks the queries with the arguments that there are: every name must be defined, every value must be able to
    /// stand in its place, and the query must not be too long. Of the arms, which are not known yet, only names are
    /// checked: each variable is a word of the longest length that it can have.
    ///
    /// # Errors
    /// The first query that can't be filled in.
    pub fn check(&self, arguments: &Arguments) -> Result<(), MetricError> {
        let word = "x".repeat(LONGEST_NAME);
        let longest = Arm {
            namespace: word.clone(),
            service: word.clone(),
            variant: Variant::Canary,
            workload: word.clone(),
            revision: word.clone(),
            backend: word.clone(),
            host: word.repeat(HOST_NAMES),
            subset: word,
        };
        let check = |query, text: &str| self.fill(query, text, &longest, arguments).map(drop);
        match &self.queries {
            QueryTemplates::Counters(Counters { requests, events }) => {
                check("requests", requests)?;
                check("events", events)
            }
            QueryTemplates::Histogram(query) => check("histogram", query),
            QueryTemplates::Gauge(query) | QueryTemplates::Threshold(query) => check("query", query),
        }
    }

    /// Fills the queries in.
    ///
    /// # Errors
    /// The first query that is no template, that uses a name which nothing defines, that has a value which can't stand
    /// where the query wants it, or that is too long.
    pub fn render(&self, arms: &PerArm<Arm>, arguments: &Arguments) -> Result<MetricQuery, MetricError> {
        let render = |query, text: &str, arm: &Arm| self.fill(query, text, arm, arguments);
        let both = |query, text: &str| -> Result<_, MetricError> {
            Ok(PerArm { stable: render(query, text, &arms.stable)?, canary: render(query, text, &arms.canary)? })
        };
        let queries = match &self.queries {
            QueryTemplates::Counters(Counters { requests, events }) => {
                let (requests, events) = (both("requests", requests)?, both("events", events)?);
                Queries::Counters(PerArm {
                    stable: Counters { requests: requests.stable, events: events.stable },
                    canary: Counters { requests: requests.canary, events: events.canary },
                })
            }
            QueryTemplates::Histogram(query) => Queries::Histogram(both("histogram", query)?),
            QueryTemplates::Gauge(query) => Queries::Gauge(both("query", query)?),
            QueryTemplates::Threshold(query) => Queries::Threshold(render("query", query, &arms.canary)?),
        };
        let namespace = arms.canary.namespace.clone();
        Ok(MetricQuery { name: self.name.clone(), namespace, address: self.address.clone(), queries })
    }

    /// Fills one query in; `query` is its field.
    fn fill(&self, query: &'static str, text: &str, arm: &Arm, arguments: &Arguments) -> Result<String, MetricError> {
        Template::parse(text)
            .and_then(|template| template.render(&arm.variables(), arguments))
            .map_err(|problem| MetricError { metric: self.name.clone(), query, problem })
    }
}
