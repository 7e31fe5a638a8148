//! The verbs: writes what a person asks for on the Rollout, waits for the controller's answer and says it.
//!
//! Nothing is decided here. The request is an annotation with an id of its own; the controller applies each id once and
//! answers in the status, so a request that is sent twice or answered late does no harm.

use std::time::Duration;

use clap::Args;
use futures::StreamExt;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, watcher::watch_object},
};
use serde_json::json;

use super::{
    Failure,
    failure::in_time,
    get::{print, rollout_kind},
    kube::Connection,
    subject::Subject,
};
use crate::{
    api::{Verb, VerbRequest, status::VerbAnswer},
    model::{Clock, VERB_ANNOTATION},
};

/// The name under which the API server records these writes.
const FIELD_MANAGER: &str = "siskin-cli";

/// What every verb takes.
#[derive(Args, Clone, Debug)]
pub(super) struct VerbArgs {
    #[command(flatten)]
    subject: Subject,
    /// How long to wait for the controller's answer
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration, conflicts_with = "no_wait")]
    timeout: Duration,
    /// Only write the request; whether it was accepted shows in `siskin get`
    #[arg(long)]
    no_wait: bool,
}

/// What `promote` takes.
#[derive(Args, Clone, Debug)]
pub(super) struct PromoteArgs {
    #[command(flatten)]
    common: VerbArgs,
    /// Pass all steps, not only the current one
    #[arg(long)]
    full: bool,
}

/// Examples and exit codes, for the end of a verb's `--help`.
pub(super) fn help(verb: Verb) -> String {
    let examples = match verb {
        Verb::Pause => "siskin pause rollout/web -n shop            # until `siskin resume`",
        Verb::Resume => "siskin resume rollout/web -n shop",
        Verb::Promote | Verb::PromoteFull => {
            "siskin promote rollout/web -n shop          # go on to the next step\n  \
             siskin promote rollout/web -n shop --full   # pass all steps and roll the new version out"
        }
        Verb::Abort => {
            "siskin abort rollout/web -n shop            # all traffic back to the stable version\n  \
             siskin abort web --no-wait                  # do not wait for the answer"
        }
        Verb::Retry => "siskin retry rollout/web -n shop            # run the rolled back version once more",
        Verb::Skip => "siskin skip rollout/web -n shop             # no canary: roll the new version out now",
    };
    format!(
        "Examples:\n  {examples}\n\n\
         Exit codes: 0 accepted, 1 refused (stderr says why), 2 wrong command line, 3 nobody answered in time"
    )
}

impl PromoteArgs {
    /// Which of the two it is.
    pub(super) fn verb(&self) -> Verb {
        if self.full { Verb::PromoteFull } else { Verb::Promote }
    }

    /// What it shares with the other verbs.
    pub(super) fn common(&self) -> &VerbArgs {
        &self.common
    }
}

/// Asks for a verb and waits for what comes of it.
pub(super) async fn run(
    verb: Verb,
    args: &VerbArgs,
    Connection { client, namespace }: Connection,
    clock: &dyn Clock,
) -> Result<(), Failure> {
    let name = args.subject.required_name()?;
    let rollouts: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &rollout_kind());
    let label = format!("Rollout {namespace}/{name}");
    let seen = in_time(&format!("read {label}"), rollouts.get(&name)).await?;
    let request = request(verb, who_am_i(client).await?, &seen, clock);
    let text = serde_json::to_string(&request).map_err(anyhow::Error::from)?;
    let patch = Patch::Merge(json!({"metadata": {"annotations": {VERB_ANNOTATION: text}}}));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    in_time(&format!("write the request on {label}"), rollouts.patch(&name, &parameters, &patch)).await?;
    if args.no_wait {
        eprintln!("Asked; `siskin get rollout/{name} -n {namespace}` shows what comes of it");
        return Ok(());
    }
    let answer = answer(rollouts, &name, &request.id, args.timeout).await.map_err(|silence| silence.of(&label))?;
    if !answer.accepted {
        return Err(Failure::refused(format!("{label}: {}", answer.message)));
    }
    print(&format!("{namespace}/{name}: {}\n", answer.message))
}

/// Who asks, as the API server knows them. A server that does not say so is no reason to refuse an abort.
async fn who_am_i(client: Client) -> Result<String, Failure> {
    let reviews: Api<SelfSubjectReview> = Api::all(client);
    let review = SelfSubjectReview::default();
    let username = |review: SelfSubjectReview| review.status?.user_info?.username;
    in_time("ask the API server who you are", async {
        match reviews.create(&PostParams::default(), &review).await {
            Ok(review) => Ok(username(review).unwrap_or_else(|| "unknown".into())),
            Err(kube::Error::Api(_)) => Ok("unknown".into()),
            Err(error) => Err(error),
        }
    })
    .await
}

/// The request, with an id that no other has: the moment, what was seen, and the process that asks.
fn request(verb: Verb, by: String, seen: &DynamicObject, clock: &dyn Clock) -> VerbRequest {
    let now = clock.now();
    let version = seen.metadata.resource_version.as_deref().unwrap_or_default();
    let id = format!("{}-{version}-{}", now.as_millisecond(), std::process::id());
    VerbRequest { verb, id, by, at: format!("{now:.0}") }
}

/// Why there is no answer.
enum Silence {
    /// The time is over; the last trouble with the API server, if there was any.
    Timeout { waited: Duration, trouble: Option<String>, controller_seen: bool },
    /// Another request took the place of this one before the controller saw it.
    Overtaken,
    /// The Rollout is gone.
    Deleted,
}

impl Silence {
    fn of(self, label: &str) -> Failure {
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
async fn answer(rollouts: Api<DynamicObject>, name: &str, id: &str, patience: Duration) -> Result<VerbAnswer, Silence> {
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
    let pending = serde_json::from_str::<VerbRequest>(annotation).ok()?;
    (pending.id != id).then_some(Err(Silence::Overtaken))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

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
