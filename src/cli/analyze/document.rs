//! An AnalysisRun or a Rollout among the files: what it says of the analysis stands where the command line says nothing.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::templates::GROUP;
use crate::{
    analysis::Step,
    api::{Analysis, AnalysisRun, AnalysisTemplateSpec, ArmVariables, Rollout, TemplateRef},
    cli::{Failure, preview::Documents},
    model::Object,
    plan::analysis_run,
};

/// What a document says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Document {
    /// `AnalysisRun shop/web-7`.
    name: String,
    /// Its templates, their arguments, and its error rates.
    pub(in crate::cli) analysis: Analysis,
    /// What only an AnalysisRun says: its step, and what templates may say of the two versions.
    pub(super) run: Option<Run>,
    /// What only a Rollout says.
    pub(in crate::cli) rollout: Option<Rollout>,
}

/// What an AnalysisRun says beside that.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) step: Step,
    pub(super) canary: Vec<(String, String)>,
    pub(super) stable: Vec<(String, String)>,
}

/// The one document that says how to analyse; none where there are only templates.
pub(in crate::cli) fn document(documents: &Documents) -> Result<Option<Document>, Failure> {
    let of_kind = |kind: &'static str| documents.of_kind(GROUP, kind).map(move |object| (kind, object));
    let mut found = of_kind("AnalysisRun").chain(of_kind("Rollout"));
    let Some((kind, object)) = found.next() else { return Ok(None) };
    if let Some((other, second)) = found.next() {
        return Err(Failure::refused(format!(
            "the files have {} and {}, and only one can say how to analyse",
            name(kind, object),
            name(other, second)
        ))
        .hint("give the files of one of them"));
    }
    let document = if kind == "AnalysisRun" { of_run(object) } else { of_rollout(object) }?;
    document.check()?;
    Ok(Some(document))
}

fn of_run(object: &Object) -> Result<Document, Failure> {
    let name = name("AnalysisRun", object);
    let run: AnalysisRun = parsed(&name, object)?;
    let variables = |given: &ArmVariables| {
        let value = serde_json::to_value(given).unwrap_or(Value::Null);
        let own = value.as_object().into_iter().flatten();
        let own = own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        std::iter::once(("namespace".to_owned(), object.namespace().to_owned())).chain(own).collect::<Vec<_>>()
    };
    let arms = &run.spec.arms;
    let said = Run { step: analysis_run::step(&run), canary: variables(&arms.canary), stable: variables(&arms.stable) };
    if said.step.min > said.step.max {
        return Err(Failure::refused(format!("{name}: minDuration must not be longer than maxDuration")));
    }
    if !(1.0..=99.0).contains(&said.step.weight.weight) {
        return Err(Failure::refused(format!("{name}: weight {} is not from 1 to 99", said.step.weight.weight)));
    }
    Ok(Document { name, analysis: run.spec.analysis, run: Some(said), rollout: None })
}

fn of_rollout(object: &Object) -> Result<Document, Failure> {
    let name = name("Rollout", object);
    let rollout: Rollout = parsed(&name, object)?;
    let analysis = rollout.spec.analysis.clone().ok_or_else(|| {
        Failure::refused(format!("{name} has no analysis: it goes on by time alone"))
            .hint("give the templates alone, without it")
    })?;
    Ok(Document { name, analysis, run: None, rollout: Some(rollout) })
}

impl Document {
    /// Those of the templates that it names, in its order. As in a cluster, an AnalysisTemplate comes before a
    /// ClusterAnalysisTemplate of the same name.
    pub(super) fn templates(
        &self,
        known: &[(String, AnalysisTemplateSpec)],
    ) -> Result<Vec<(String, AnalysisTemplateSpec)>, Failure> {
        let named = |wanted: &TemplateRef| {
            known.iter().find(|(name, _)| *name == wanted.name).cloned().ok_or_else(|| {
                Failure::refused(format!(
                    "{} names the template {}, which the files do not have",
                    self.name, wanted.name
                ))
                .hint("give its file, too, by another -f")
            })
        };
        self.analysis.templates.iter().map(named).collect()
    }

    /// What the server would refuse.
    fn check(&self) -> Result<(), Failure> {
        let chances = [
            ("falseRollback", self.analysis.false_rollback()),
            ("missedRegression", self.analysis.missed_regression()),
        ];
        match chances.into_iter().find(|(_, chance)| !(*chance > 0.0 && *chance < 0.5)) {
            Some((field, chance)) => {
                Err(Failure::refused(format!("{}: {field} {chance} is not above 0 and below 0.5", self.name)))
            }
            None => Ok(()),
        }
    }
}

fn name(kind: &str, object: &Object) -> String {
    format!("{kind} {}/{}", object.namespace(), object.name())
}

fn parsed<T: DeserializeOwned>(name: &str, object: &Object) -> Result<T, Failure> {
    serde_json::from_value(object.value().clone()).map_err(|error| Failure::refused(format!("{name}: {error}")))
}

/// Pairs of the command line before those of a document.
pub(super) fn before(given: &[(String, String)], said: &[(String, String)]) -> Vec<(String, String)> {
    let left = said.iter().filter(|(name, _)| !given.iter().any(|(other, _)| other == name));
    given.iter().chain(left).cloned().collect()
}
