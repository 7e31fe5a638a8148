//! The controller's answer to a request: waited for on the Rollout, and what its silence means.

use std::time::Duration;

use futures::StreamExt;
use kube::{
    Api,
    api::DynamicObject,
    runtime::{WatchStreamExt, watcher::watch_object},
};

use crate::{
    api::{VerbRequest, status::VerbAnswer},
    cli::Failure,
    model::VERB_ANNOTATION,
};

/// Why there is no answer.
pub(super) enum Silence {
    /// The time is over; the last trouble with the API server, if there was any.
    Timeout { waited: Duration, trouble: Option<String>, controller_seen: bool },
    /// Another request took the place of this one before the controller saw it.
    Overtaken,
    /// The Rollout is gone.
    Deleted,
}

impl Silence {
    pub(super) fn of(self, label: &str) -> Failure {
        match self {
            Self::Overtaken => Failure::refused(format!("another request on {label} took the place of this one"))
                .hint("`siskin get` shows whose; ask again if it is still needed"),
            Self::Deleted => Failure::refused(format!("{label} was deleted")),
            Self::Timeout { waited, trouble: Some(trouble), .. } => Failure::unanswered(format!(
                "the request was written, but {label} could not be followed for {}: {trouble}",
                humantime::format_duration(waited)
            ))
            .hint("`--no-wait` needs no permission to watch"),
            Self::Timeout { waited, trouble: None, controller_seen } => {
                let never = if controller_seen { "" } else { "; no controller has ever looked at it" };
                Failure::unanswered(format!(
                    "nobody answered for {label} within {}{never}",
                    humantime::format_duration(waited)
                ))
                .hint("is the controller running? `kubectl get pods -A -l app.kubernetes.io/name=siskin` shows it; the request stays and is answered when it is")
            }
        }
    }
}

/// Follows the Rollout until its last answer is the one to this request.
pub(super) async fn answer(
    rollouts: Api<DynamicObject>,
    name: &str,
    id: &str,
    patience: Duration,
) -> Result<VerbAnswer, Silence> {
    let mut changes = watch_object(rollouts, name).default_backoff().boxed();
    let mut trouble = None;
    let mut controller_seen = false;
    let answered = tokio::time::timeout(patience, async {
        loop {
            match changes.next().await {
                Some(Ok(Some(rollout))) => {
                    trouble = None;
                    controller_seen = !rollout.data["status"].is_null();
                    if let Some(outcome) = outcome(&rollout, id) {
                        return outcome;
                    }
                }
                Some(Ok(None)) => return Err(Silence::Deleted),
                Some(Err(error)) => trouble = Some(error.to_string()),
                None => std::future::pending().await,
            }
        }
    });
    match answered.await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(Silence::Timeout { waited: patience, trouble, controller_seen }),
    }
}

/// What the Rollout says about the request, if it says anything yet.
fn outcome(rollout: &DynamicObject, id: &str) -> Option<Result<VerbAnswer, Silence>> {
    let last = serde_json::from_value::<VerbAnswer>(rollout.data["status"]["lastVerb"].clone()).ok();
    if let Some(answer) = last.filter(|answer| answer.request.id == id) {
        return Some(Ok(answer));
    }
    let annotation = rollout.metadata.annotations.as_ref()?.get(VERB_ANNOTATION)?;
    let pending = VerbRequest::parse(annotation).ok()?;
    (pending.id != id).then_some(Err(Silence::Overtaken))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rollout(annotation: &str, status: Value) -> DynamicObject {
        let request = |id: &str| json!({"verb": "abort", "id": id, "by": "alice", "at": "2026-03-01T12:00:00Z"});
        let mut status = status;
        if let Some(id) = status["answered"].as_str().map(ToOwned::to_owned) {
            status = json!({"lastVerb": {"request": request(&id), "accepted": true, "message": "Rolled back"}});
        }
        serde_json::from_value(json!({
            "apiVersion": "siskin.dev/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "web", "annotations": {VERB_ANNOTATION: request(annotation).to_string()}},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_counts_only_where_it_is_to_this_request() {
        assert!(outcome(&rollout("mine", json!({"answered": "older"})), "mine").is_none());
        let answer = outcome(&rollout("mine", json!({"answered": "mine"})), "mine").unwrap();
        assert!(answer.is_ok_and(|answer| answer.accepted));
    }

    #[test]
    fn an_answer_is_found_also_where_the_next_request_waits_already() {
        assert!(matches!(outcome(&rollout("next", json!({"answered": "mine"})), "mine"), Some(Ok(_))));
    }

    #[test]
    fn a_request_that_another_replaced_is_not_waited_for() {
        assert!(matches!(outcome(&rollout("next", json!({})), "mine"), Some(Err(Silence::Overtaken))));
    }

    #[test]
    fn silence_is_explained_with_what_to_do() {
        let waited = Duration::from_secs(15);
        let said = [
            Silence::Timeout { waited, trouble: None, controller_seen: false },
            Silence::Timeout { waited, trouble: Some("watch of Rollouts refused".into()), controller_seen: true },
            Silence::Overtaken,
        ]
        .map(|silence| silence.of("Rollout shop/web").to_string());
        insta::assert_snapshot!(said.join("\n\n"));
    }
}
