//! The verbs: writes what a person asks for on the Rollout, waits for the controller's answer and says it.
//!
//! Nothing is decided here. The request is an annotation with an id of its own; the controller applies each id once and
//! answers in the status, so a request that is sent twice or answered late does no harm. The request names the canary's
//! revision that was there when the person asked: one that was pushed meanwhile is not what they meant.

mod answer;

use std::time::Duration;

use clap::{Args, builder::NonEmptyStringValueParser};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::json;

use self::answer::answer;
use super::{
    Failure,
    failure::in_time,
    get::{print, rollout_kind},
    kube::Connection,
    subject::Subject,
};
use crate::{
    api::{Verb, VerbRequest},
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
    /// The canary's revision that is meant, as `siskin get` shows it; the one of this moment where none is given
    #[arg(long, value_name = "HASH", conflicts_with = "any_revision", value_parser = NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Whatever runs when the controller reads the request, also a version that was pushed meanwhile
    #[arg(long)]
    any_revision: bool,
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
    let request = request(verb, who_am_i(client).await?, revision(verb, args, &seen), &seen, clock);
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
fn request(verb: Verb, by: String, revision: Option<String>, seen: &DynamicObject, clock: &dyn Clock) -> VerbRequest {
    let now = clock.now();
    let version = seen.metadata.resource_version.as_deref().unwrap_or_default();
    let id = format!("{}-{version}-{}", now.as_millisecond(), std::process::id());
    VerbRequest { verb, id, by, at: format!("{now:.0}"), revision }
}

/// The canary's revision that is meant: the one that was asked for, or else the one that is there. Where there is none yet,
/// a verb that lowers risk is for whatever comes.
fn revision(verb: Verb, args: &VerbArgs, seen: &DynamicObject) -> Option<String> {
    if args.any_revision {
        return None;
    }
    let there = || seen.data["status"]["canaryRevision"].as_str().map(ToOwned::to_owned);
    args.revision.clone().or_else(there).or_else(|| verb.raises_risk().then(String::new))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn args(words: &[&str]) -> VerbArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: VerbArgs,
        }
        <Line as clap::Parser>::parse_from(["siskin", "web"].iter().chain(words)).args
    }

    fn rollout(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({"metadata": {"name": "web"}, "status": status})).unwrap()
    }

    #[test]
    fn a_request_is_for_the_canary_that_was_seen_or_named() {
        let seen = rollout(&json!({"canaryRevision": "7d5c9f6b8"}));
        let meant = |verb, words: &[&str]| revision(verb, &args(words), &seen);
        assert_eq!(meant(Verb::PromoteFull, &[]).as_deref(), Some("7d5c9f6b8"));
        assert_eq!(meant(Verb::Abort, &[]).as_deref(), Some("7d5c9f6b8"));
        assert_eq!(meant(Verb::Skip, &["--revision", "5f6d7c8b9"]).as_deref(), Some("5f6d7c8b9"));
        assert_eq!(meant(Verb::Skip, &["--any-revision"]), None);
    }

    #[test]
    fn where_no_canary_was_seen_only_what_lowers_risk_is_for_whatever_comes() {
        let seen = rollout(&json!({"phase": "Preparing"}));
        let meant = |verb| revision(verb, &args(&[]), &seen);
        assert_eq!([Verb::Pause, Verb::Abort].map(meant), [None, None]);
        let raising = [Verb::Resume, Verb::Promote, Verb::PromoteFull, Verb::Retry, Verb::Skip];
        assert!(raising.map(meant).iter().all(|revision| revision.as_deref() == Some("")));
    }
}
