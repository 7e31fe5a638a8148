//! Reading the templates, and what can be said of each without Prometheus.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;
use siskin::{
    api::{ClusterAnalysisTemplate, Kind, Metric},
    measure::{Arguments, Arm, MetricQuery, MetricTemplate, PerArm, Variant},
};

#[path = "../../src/measure/tests/arms.rs"]
mod arms;

/// A template, as its file has it.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) object: ClusterAnalysisTemplate,
}

/// Every template, by name.
pub(crate) fn all() -> Vec<Template> {
    let mut templates: Vec<_> = files("analysis-templates", "yaml")
        .into_iter()
        .map(|(name, text)| {
            let object = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}.yaml: {error}"));
            Template { name, text, object }
        })
        .collect();
    templates.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!templates.is_empty());
    templates
}

/// The files of a folder of the checkout that end so, by the name before that.
pub(crate) fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let listed = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = listed.map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

impl Template {
    pub(crate) fn metrics(&self) -> &[Metric] {
        &self.object.spec.template.metrics
    }

    /// The defaults, and over them what is given.
    pub(crate) fn arguments(&self, given: &Arguments) -> Arguments {
        let defaults = self.object.spec.template.args.iter();
        let mut arguments: Arguments =
            defaults.filter_map(|arg| Some((arg.name.clone(), arg.value.clone()?))).collect();
        arguments.extend(given.clone());
        arguments
    }

    /// Every metric's queries, filled in.
    pub(crate) fn render(&self, arms: &PerArm<Arm>, given: &Arguments) -> Vec<MetricQuery> {
        let arguments = self.arguments(given);
        let render = |metric: &Metric| {
            let queries = MetricTemplate::of(metric.name.clone(), metric).expect("a metric of one kind");
            queries.render(arms, &arguments).unwrap_or_else(|error| panic!("{}: {error}", self.name))
        };
        self.metrics().iter().map(render).collect()
    }
}

/// The arms of a Rollout of `shop/web` whose routes name Services.
pub(crate) fn arms() -> PerArm<Arm> {
    arms::arms_of("7d4b9f6c8", "5c8f6d7b9")
}

/// Values for the arguments that have no default.
pub(crate) fn required() -> Arguments {
    [("group", "orders"), ("queue", "orders"), ("lagLimit", "1000"), ("waitingLimit", "1000")]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}

/// The texts of the queries of a metric, as the template has them.
pub(crate) fn queries(metric: &Metric) -> Vec<&str> {
    match metric.kind().expect("a metric of one kind") {
        Kind::ErrorRate(kind) => vec![&kind.requests, &kind.errors],
        Kind::Latency(kind) => vec![&kind.histogram],
        Kind::Gauge(kind) => vec![&kind.query],
        Kind::Rate(kind) => vec![&kind.requests, &kind.events],
        Kind::Threshold(kind) => vec![&kind.query],
    }
}

/// The first field of `written` that `read` does not have.
fn lost(written: &Value, read: &Value, path: &str) -> Option<String> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => written.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            read.get(name).map_or(Some(path.clone()), |read| lost(value, read, &path))
        }),
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => (written.iter().zip(read))
            .enumerate()
            .find_map(|(index, (written, read))| lost(written, read, &format!("{path}[{index}]"))),
        (Value::Number(written), Value::Number(read)) if written.as_f64() == read.as_f64() => None,
        _ => (written != read).then(|| path.to_owned()),
    }
}

#[test]
fn every_template_is_what_its_type_says_and_nothing_of_it_is_dropped() {
    for template in all() {
        let written: Value = serde_saphyr::from_str(&template.text).unwrap();
        let read = serde_json::to_value(&template.object).unwrap();
        assert_eq!(lost(&written, &read, ""), None, "{}: a field that the type does not have", template.name);
        assert_eq!(template.object.metadata.name.as_deref(), Some(&*template.name), "a template is named as its file");
        for metric in template.metrics() {
            let kinds = ["errorRate", "latency", "gauge", "rate", "threshold"];
            let value = serde_json::to_value(metric).unwrap();
            let given = kinds.iter().filter(|kind| value.get(**kind).is_some()).count();
            assert_eq!(given, 1, "{}/{}: exactly one kind", template.name, metric.name);
        }
    }
}

#[test]
fn every_template_says_at_its_top_what_it_needs() {
    for Template { name, text, .. } in all() {
        let head: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(head.iter().any(|line| line.starts_with("# Needs ")), "{name}");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(122), "{name} has a line of {longest:?} characters");
    }
}

#[test]
fn every_template_uses_all_of_its_arguments_and_no_others() {
    for template in all() {
        let value = |arg: &siskin::api::Argument| arg.value.clone().unwrap_or_else(|| "value".to_owned());
        let declared: std::collections::BTreeMap<String, String> =
            template.object.spec.template.args.iter().map(|arg| (arg.name.clone(), value(arg))).collect();
        for metric in template.metrics() {
            let queries = MetricTemplate::of(metric.name.clone(), metric).unwrap();
            queries.check(&declared).unwrap_or_else(|error| panic!("{}: {error}", template.name));
        }
        let texts: String = template.metrics().iter().flat_map(queries).collect();
        for name in declared.into_keys() {
            let used = texts.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
            assert!(
                used.into_iter().any(|expression| expression.contains(&format!("args.{name}"))),
                "{}: {name} is not used",
                template.name
            );
        }
    }
}

#[test]
fn what_is_compared_is_counted_raw_and_tells_the_versions_apart() {
    for template in all() {
        let arms = template.render(&arms(), &required());
        for (metric, rendered) in template.metrics().iter().zip(arms) {
            let compared = !matches!(metric.kind(), Some(Kind::Threshold(_)));
            let counted = compared && !matches!(metric.kind(), Some(Kind::Gauge(_)));
            for query in queries(metric) {
                let name = format!("{}/{}", template.name, metric.name);
                let estimates = ["rate(", "increase(", "delta(", "deriv(", "histogram_quantile(", "avg"];
                assert!(
                    !counted || !estimates.iter().any(|function| query.contains(function)),
                    "{name} estimates a count: {query}"
                );
                assert!(!compared || query.contains("sum by ("), "{name} has no series for each pod: {query}");
            }
            assert!(
                !compared || differ(&rendered),
                "{}/{}: both versions have the same query",
                template.name,
                metric.name
            );
        }
    }
}

/// Whether the queries of the two arms are different ones.
fn differ(metric: &MetricQuery) -> bool {
    use siskin::measure::Queries;
    match &metric.queries {
        Queries::Counters(PerArm { stable, canary }) => {
            stable.requests != canary.requests && stable.events != canary.events
        }
        Queries::Histogram(PerArm { stable, canary }) | Queries::Gauge(PerArm { stable, canary }) => stable != canary,
        Queries::Threshold(_) => false,
    }
}

#[test]
fn metrics_of_all_templates_have_names_of_their_own() {
    let mut names = BTreeMap::new();
    for template in all() {
        for metric in template.metrics() {
            if let Some(other) = names.insert(metric.name.clone(), template.name.clone()) {
                panic!("{} is a metric of {other} and of {}", metric.name, template.name);
            }
        }
    }
}

#[test]
fn an_argument_that_several_templates_have_means_the_same_to_all() {
    // A Rollout's arguments go to all of its templates. These two were there before the rule was.
    let older = [("envoy", "codeLabel"), ("http-server", "codeLabel")];
    let mut defaults = BTreeMap::new();
    for template in all() {
        for argument in
            template.object.spec.template.args.iter().filter(|arg| !older.contains(&(&template.name, &arg.name)))
        {
            let first = defaults.entry(argument.name.clone()).or_insert_with(|| argument.value.clone());
            assert_eq!(*first, argument.value, "{}: {} has another default elsewhere", template.name, argument.name);
        }
    }
}
