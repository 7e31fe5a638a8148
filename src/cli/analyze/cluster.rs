//! An AnalysisRun and its templates, from the cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{Api, ResourceExt};

use crate::{
    api::{AnalysisRun, AnalysisTemplate, AnalysisTemplateSpec, ClusterAnalysisTemplate},
    cli::{
        Failure,
        failure::{Asked, in_time_for},
        kube::Connection,
    },
    model::Timestamp,
};

/// Words for the kind, as the API server knows them.
const KIND_WORDS: [&str; 6] = [
    "analysisrun",
    "analysisruns",
    "arun",
    "analysisrun.siskin.dev",
    "analysisruns.siskin.dev",
    "analysisruns.v1alpha1.siskin.dev",
];

/// A template as it is now.
pub(super) struct Template {
    pub(super) name: String,
    pub(super) spec: AnalysisTemplateSpec,
    kind: &'static str,
    changed: Option<Timestamp>,
}

impl Template {
    fn new(kind: &'static str, object: &impl ResourceExt, spec: AnalysisTemplateSpec) -> Self {
        let writes = object.managed_fields().iter();
        let writes = writes.filter_map(|ManagedFieldsEntry { time, .. }| time.as_ref().map(|time| time.0));
        let changed = writes.chain(object.creation_timestamp().map(|time| time.0)).max();
        Self { name: object.name_any(), spec, kind, changed }
    }

    /// A sentence where it was changed after the run had begun.
    pub(super) fn changed_since(&self, began: Timestamp) -> Option<String> {
        let changed = self.changed.filter(|changed| *changed > began)?;
        let Self { name, kind, .. } = self;
        Some(format!(
            "{kind} {name} was changed at {changed:.0}, after the run had begun; the replay takes it as it is now"
        ))
    }
}

/// The name in `analysisrun/NAME` or `NAME`.
pub(super) fn run_name(text: &str) -> Result<String, String> {
    let name = match text.split_once('/') {
        Some((kind, name)) if KIND_WORDS.iter().any(|word| word.eq_ignore_ascii_case(kind)) => name,
        Some((kind, _)) => return Err(format!("`{kind}` can't be replayed; write analysisrun/NAME or NAME")),
        None => text,
    };
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if name.is_empty() || !name.chars().all(letters) {
        return Err("names have lower-case letters, digits, `-` and `.`".to_owned());
    }
    Ok(name.to_owned())
}

/// Reads an AnalysisRun.
pub(super) async fn run(Connection { client, namespace }: &Connection, name: &str) -> Result<AnalysisRun, Failure> {
    let runs = Api::<AnalysisRun>::namespaced(client.clone(), namespace);
    let asked = Asked { kind: "AnalysisRun", plural: "analysisruns" };
    in_time_for(asked, &format!("read AnalysisRun {namespace}/{name}"), runs.get(name)).await
}

/// Reads the templates of an AnalysisRun.
pub(super) async fn templates(connection: &Connection, run: &AnalysisRun) -> Result<Vec<Template>, Failure> {
    let Connection { client, namespace } = connection;
    let own = Api::<AnalysisTemplate>::namespaced(client.clone(), namespace);
    let shared = Api::<ClusterAnalysisTemplate>::all(client.clone());
    let mut templates = Vec::new();
    for wanted in &run.spec.analysis.templates {
        let name = &wanted.name;
        let asked = Asked { kind: "AnalysisTemplate", plural: "analysistemplates" };
        let doing = format!("read AnalysisTemplate {namespace}/{name}");
        if let Some(found) = in_time_for(asked, &doing, own.get_opt(name)).await? {
            templates.push(Template::new("AnalysisTemplate", &found, found.spec.clone()));
            continue;
        }
        let asked = Asked { kind: "ClusterAnalysisTemplate", plural: "clusteranalysistemplates" };
        let found = in_time_for(asked, &format!("read ClusterAnalysisTemplate {name}"), shared.get_opt(name)).await?;
        let found = found.ok_or_else(|| {
            Failure::refused(format!(
                "the run was judged by the template {name}, and now there is neither an AnalysisTemplate {name} in namespace {namespace} nor a ClusterAnalysisTemplate {name}"
            ))
            .hint("create it as it was then: a replay asks the same queries")
        })?;
        templates.push(Template::new("ClusterAnalysisTemplate", &found, found.spec.template.clone()));
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_as_kubectl_names_it() {
        for text in ["web-1", "analysisrun/web-1", "arun/web-1", "AnalysisRuns.siskin.dev/web-1"] {
            assert_eq!(run_name(text), Ok("web-1".to_owned()), "{text}");
        }
        assert!(run_name("rollout/web").unwrap_err().contains("`rollout` can't be replayed"));
        assert!(run_name("").is_err() && run_name("Web").is_err() && run_name("arun/").is_err());
    }
}
