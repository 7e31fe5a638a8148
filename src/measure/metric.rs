//! A metric of a template, before and after its queries are filled in. No network: everything that can be wrong with a
//! template and its arguments shows here, before a run starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::template::{Template, TemplateError};

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

/// The two counters of an error rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters<T> {
    /// All requests.
    pub requests: T,
    /// Those of them that failed.
    pub errors: T,
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
    ErrorRate(Counters<String>),
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
    ErrorRate(PerArm<Counters<String>>),
    /// One number of the canary.
    Threshold(String),
}

/// A metric whose queries are ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricQuery {
    /// The metric's name.
    pub name: String,
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
    /// `requests`, `errors` or `query`.
    pub query: &'static str,
    /// What is wrong.
    pub problem: TemplateError,
}

impl MetricTemplate {
    /// Checks the queries against the names of the arguments that there are, without values.
    ///
    /// # Errors
    /// The first query that is no template, or that uses a name which nothing defines.
    pub fn check(&self, arguments: &BTreeSet<String>) -> Result<(), MetricError> {
        let check = |query, text: &str| {
            Template::parse(text)
                .and_then(|template| template.check(&Arm::VARIABLES, arguments))
                .map_err(|problem| self.error(query, problem))
        };
        match &self.queries {
            QueryTemplates::ErrorRate(Counters { requests, errors }) => {
                check("requests", requests)?;
                check("errors", errors)
            }
            QueryTemplates::Threshold(query) => check("query", query),
        }
    }

    /// Fills the queries in.
    ///
    /// # Errors
    /// As [`check`](Self::check), and a value that can't stand where the query wants it.
    pub fn render(&self, arms: &PerArm<Arm>, arguments: &Arguments) -> Result<MetricQuery, MetricError> {
        let render = |query, text: &str, arm: &Arm| {
            Template::parse(text)
                .and_then(|template| template.render(&arm.variables(), arguments))
                .map_err(|problem| self.error(query, problem))
        };
        let queries = match &self.queries {
            QueryTemplates::ErrorRate(Counters { requests, errors }) => {
                let counters = |arm| -> Result<_, MetricError> {
                    Ok(Counters {
                        requests: render("requests", requests, arm)?,
                        errors: render("errors", errors, arm)?,
                    })
                };
                Queries::ErrorRate(PerArm { stable: counters(&arms.stable)?, canary: counters(&arms.canary)? })
            }
            QueryTemplates::Threshold(query) => Queries::Threshold(render("query", query, &arms.canary)?),
        };
        Ok(MetricQuery { name: self.name.clone(), address: self.address.clone(), queries })
    }

    fn error(&self, query: &'static str, problem: TemplateError) -> MetricError {
        MetricError { metric: self.name.clone(), query, problem }
    }
}
