//! Watches whether the admission policy that holds workloads is in force, so that `hold: Auto` can choose: its binding
//! must be there, and the policy that it binds.
//!
//! When either goes, workloads have to be held all the time again before somebody writes the next template.

use std::{
    pin::pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::TryStreamExt;
use kube::{
    Api, Client,
    api::DynamicObject,
    core::ApiResource,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::{
    cluster_world::SharedCluster,
    complaints::Complaints,
    watch::{BackOff, code},
};

/// How often a kind that this cluster does not have, or that may not be read, is tried again.
const SEARCH_INTERVAL: Duration = Duration::from_mins(5);
/// How long a start waits until it is known whether the policy is in force.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches the binding of this name, and the policy of the same name.
#[derive(Clone)]
pub(super) struct HoldWatch {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) cluster: SharedCluster,
    /// Told once it is known whether the policy is in force.
    pub(super) answered: Arc<Notify>,
}

/// One of the two objects.
#[derive(Clone, Copy, Debug)]
enum Part {
    Policy,
    Binding,
}

/// What is seen of one of them: its JSON, or why it is not there.
type Seen = Result<Value, String>;

/// What is seen of both; nothing where it is not known yet.
#[derive(Clone, Debug, Default)]
struct Parts {
    policy: Option<Seen>,
    binding: Option<Seen>,
}

impl HoldWatch {
    /// Watches for ever, and calls back when the policy comes into force or goes.
    pub(super) async fn run(self, changed: impl Fn() + Send) {
        let (parts, seen) = watch::channel(Parts::default());
        let told = self.tell(seen, changed);
        tokio::join!(self.follow(Part::Policy, &parts), self.follow(Part::Binding, &parts), told);
    }

    /// Takes every change of the two into account.
    async fn tell(&self, mut parts: watch::Receiver<Parts>, changed: impl Fn() + Send) {
        let mut known: Option<Result<(), String>> = None;
        while parts.changed().await.is_ok() {
            let Some(state) = in_force(&self.name, &parts.borrow_and_update()) else { continue };
            if known.as_ref() == Some(&state) {
                continue;
            }
            let was = self.set(state.is_ok());
            self.log(&state, known.is_some() && was);
            if was != state.is_ok() {
                changed();
            }
            known = Some(state);
            self.answered.notify_one();
        }
    }

    /// Says whether it was so before.
    fn set(&self, in_force: bool) -> bool {
        let mut cluster = self.cluster.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut cluster.admission_hold, in_force)
    }

    fn log(&self, state: &Result<(), String>, lost: bool) {
        let policy = &self.name;
        match state {
            Ok(()) => tracing::info!(policy, "the admission policy holds workloads"),
            Err(why) if lost => {
                tracing::warn!(
                    policy,
                    why,
                    "the admission policy holds workloads no more; `hold: Auto` means `Always` now"
                );
            }
            Err(why) => tracing::info!(policy, why, "no admission policy holds workloads; `hold: Auto` means `Always`"),
        }
    }

    /// Watches one of the two for ever.
    async fn follow(&self, part: Part, parts: &watch::Sender<Parts>) {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &part.resource());
        let only_it = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        let (mut back_off, mut complaints) = (BackOff::new(), Complaints::default());
        loop {
            let mut events = pin!(watcher(api.clone(), only_it.clone()));
            let mut listed = None;
            let why = loop {
                match events.try_next().await {
                    Ok(Some(Event::Init)) => listed = None,
                    Ok(Some(Event::InitApply(object))) => listed = Some(object),
                    Ok(Some(Event::InitDone)) => {
                        back_off.reset();
                        complaints.end();
                        part.set(parts, part.seen(&self.name, listed.take()));
                    }
                    Ok(Some(Event::Apply(object))) => part.set(parts, part.seen(&self.name, Some(object))),
                    Ok(Some(Event::Delete(_))) => part.set(parts, part.seen(&self.name, None)),
                    Ok(None) => break None,
                    Err(error) => match code(&error) {
                        Some(404) => break Some(format!("this cluster has no {}", part.kind())),
                        Some(403) => break Some(format!("the {} {} may not be read: {error}", part.kind(), self.name)),
                        _ => {
                            if complaints.is_news(&error.to_string()) {
                                tracing::warn!(kind = part.kind(), %error, "a watch failed and is started again");
                            }
                            back_off.wait().await;
                        }
                    },
                }
            };
            match why {
                Some(why) => {
                    part.set(parts, Err(why));
                    tokio::time::sleep(SEARCH_INTERVAL).await;
                }
                None => back_off.wait().await,
            }
        }
    }
}

impl Part {
    const fn kind(self) -> &'static str {
        match self {
            Self::Policy => "MutatingAdmissionPolicy",
            Self::Binding => "MutatingAdmissionPolicyBinding",
        }
    }

    fn resource(self) -> ApiResource {
        let plural = match self {
            Self::Policy => "mutatingadmissionpolicies",
            Self::Binding => "mutatingadmissionpolicybindings",
        };
        ApiResource {
            group: "admissionregistration.k8s.io".into(),
            version: "v1".into(),
            api_version: "admissionregistration.k8s.io/v1".into(),
            kind: self.kind().into(),
            plural: plural.into(),
        }
    }

    fn seen(self, name: &str, object: Option<DynamicObject>) -> Seen {
        let missing = || format!("there is no {} {name}", self.kind());
        serde_json::to_value(object.ok_or_else(missing)?).map_err(|error| error.to_string())
    }

    fn set(self, parts: &watch::Sender<Parts>, seen: Seen) {
        parts.send_modify(|parts| match self {
            Self::Policy => parts.policy = Some(seen),
            Self::Binding => parts.binding = Some(seen),
        });
    }
}

/// Whether both are in force, or why not; nothing where that is not known yet. A part that is known to be missing settles
/// it alone.
fn in_force(name: &str, parts: &Parts) -> Option<Result<(), String>> {
    if let Some(Err(why)) = &parts.binding {
        return Some(Err(why.clone()));
    }
    if let Some(Err(why)) = &parts.policy {
        return Some(Err(why.clone()));
    }
    let (Some(Ok(policy)), Some(Ok(binding))) = (&parts.policy, &parts.binding) else { return None };
    let bound = binding["spec"]["policyName"].as_str().unwrap_or_default();
    if bound != name {
        return Some(Err(format!("the MutatingAdmissionPolicyBinding {name} binds another policy, {bound}")));
    }
    if !holds_updates_of_deployments(policy) {
        return Some(Err(format!("the MutatingAdmissionPolicy {name} mutates no updates of deployments")));
    }
    Some(Ok(()))
}

/// Whether a policy is about the writes that have to be held. What it does with them is its own.
fn holds_updates_of_deployments(policy: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let has = |value: &Value, wanted: &str| list(value).iter().any(|known| known == wanted || known == "*");
    let rules = list(&policy["spec"]["matchConstraints"]["resourceRules"]);
    let mutates = !list(&policy["spec"]["mutations"]).is_empty();
    mutates
        && rules.iter().any(|rule| {
            has(&rule["apiGroups"], "apps")
                && has(&rule["operations"], "UPDATE")
                && has(&rule["resources"], "deployments")
        })
}

/// Waits until it is known whether the policy is in force, but not for long.
pub(super) async fn first_answer(answered: &Notify) {
    if tokio::time::timeout(PATIENCE, answered.notified()).await.is_err() {
        tracing::warn!(
            "the API server did not say within {} s whether an admission policy holds workloads; `hold: Auto` means `Always` until it does",
            PATIENCE.as_secs()
        );
    }
}

#[cfg(test)]
mod tests;
