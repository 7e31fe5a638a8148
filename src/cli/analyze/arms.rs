//! What templates may say of the two versions, from the command line.

use std::collections::BTreeSet;

use crate::{
    analysis::Metric,
    api::Kind,
    cli::Failure,
    measure::{Arm, PerArm, Template, Variant},
};

/// The names that can be given; `variant` says itself which of the two it is.
const NAMES: [&str; 7] = ["namespace", "service", "workload", "revision", "backend", "host", "subset"];

/// What was given of both.
pub(in crate::cli) struct Variables<'a> {
    pub(in crate::cli) canary: &'a [(String, String)],
    pub(in crate::cli) stable: &'a [(String, String)],
}

/// The arms. Whatever a query uses must have been given: an empty value would match something else than what was meant.
pub(in crate::cli) fn arms(given: &Variables<'_>, metrics: &[Metric]) -> Result<PerArm<Arm>, Failure> {
    let arms = PerArm {
        canary: arm("--canary", Variant::Canary, given.canary)?,
        stable: arm("--stable", Variant::Stable, given.stable)?,
    };
    for metric in metrics {
        for (query, of_stable) in queries(metric) {
            let names = Template::parse(query).map(|template| template.names()).unwrap_or_default();
            let sides = [("--canary", given.canary, true), ("--stable", given.stable, of_stable)];
            for (flag, pairs, _) in sides.into_iter().filter(|(_, _, asked)| *asked) {
                require(flag, pairs, &names, &metric.name)?;
            }
        }
    }
    let differs = metrics.iter().flat_map(queries).any(|(_, of_stable)| of_stable);
    if differs && same(&arms) {
        return Err(Failure::usage("--canary and --stable say the same: they are what is compared")
            .hint("give what tells the versions apart, such as --canary revision=5c8f6 --stable revision=7d4b9"));
    }
    Ok(arms)
}

/// One arm, which must have what the queries use.
pub(in crate::cli) fn one(
    flag: &str,
    variant: Variant,
    pairs: &[(String, String)],
    metrics: &[Metric],
) -> Result<Arm, Failure> {
    let arm = arm(flag, variant, pairs)?;
    for metric in metrics {
        for (query, _) in queries(metric) {
            let names = Template::parse(query).map(|template| template.names()).unwrap_or_default();
            require(flag, pairs, &names, &metric.name)?;
        }
    }
    Ok(arm)
}

fn require(flag: &str, pairs: &[(String, String)], names: &BTreeSet<String>, metric: &str) -> Result<(), Failure> {
    let missing =
        names.iter().find(|name| NAMES.contains(&name.as_str()) && !pairs.iter().any(|(given, _)| given == *name));
    match missing {
        Some(name) => Err(Failure::usage(format!("metric {metric} uses `{name}`, which {flag} does not give"))
            .hint(format!("add {flag} {name}=…; a value that there is not is given as {name}="))),
        None => Ok(()),
    }
}

/// The queries of a metric, and whether the stable version is asked too.
fn queries(metric: &Metric) -> Vec<(&str, bool)> {
    match metric.spec.kind() {
        Some(Kind::ErrorRate(rate)) => vec![(&rate.requests, true), (&rate.errors, true)],
        Some(Kind::Rate(rate)) => vec![(&rate.requests, true), (&rate.events, true)],
        Some(Kind::Latency(latency)) => vec![(&latency.histogram, true)],
        Some(Kind::Gauge(gauge)) => vec![(&gauge.query, true)],
        Some(Kind::Threshold(threshold)) => vec![(&threshold.query, false)],
        None => Vec::new(),
    }
}

fn same(PerArm { canary, stable }: &PerArm<Arm>) -> bool {
    *canary == Arm { variant: Variant::Canary, ..stable.clone() }
}

fn arm(flag: &str, variant: Variant, pairs: &[(String, String)]) -> Result<Arm, Failure> {
    let mut arm = Arm {
        namespace: String::new(),
        service: String::new(),
        variant,
        workload: String::new(),
        revision: String::new(),
        backend: String::new(),
        host: String::new(),
        subset: String::new(),
    };
    let mut seen = BTreeSet::new();
    for (name, value) in pairs {
        if !seen.insert(name) {
            return Err(Failure::usage(format!("{flag} gives {name} twice")));
        }
        let field = match name.as_str() {
            "namespace" => &mut arm.namespace,
            "service" => &mut arm.service,
            "workload" => &mut arm.workload,
            "revision" => &mut arm.revision,
            "backend" => &mut arm.backend,
            "host" => &mut arm.host,
            "subset" => &mut arm.subset,
            _ => {
                let known = NAMES.join(", ");
                return Err(Failure::usage(format!("{flag} does not know `{name}`; it knows {known}"))
                    .hint("values of your own are arguments of the template: --arg name=value"));
            }
        };
        field.clone_from(value);
    }
    Ok(arm)
}
