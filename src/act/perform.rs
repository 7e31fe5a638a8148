//! Performs one effect against an API server.
//!
//! Nothing is read before a write: each request carries its own conditions, and the server's answer goes into the
//! cache at once, so that the next decision sees it. Every call has a timeout.

use std::{future::Future, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
    core::ApiResource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Effect, Notice,
    error::{EffectError, Problem},
};
use crate::{
    model::{Key, Object, RolloutKey, words::cut},
    observe::{Cache, Kind},
};

/// The name under which the API server records what Siskin wrote.
pub const FIELD_MANAGER: &str = "siskin";
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The API server's limit on an Event's note, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Performs effects with one client, and keeps the cache up to date with what the server answers.
#[derive(Clone)]
pub struct Performer {
    client: Client,
    cache: Arc<Cache>,
    /// The name of this process in Events.
    instance: String,
}

impl Performer {
    /// The client must not retry by itself: a call that fails is tried again by the next reconcile, which knows more.
    pub fn new(client: Client, cache: Arc<Cache>, instance: String) -> Self {
        Self { client, cache, instance }
    }

    /// Performs one effect on behalf of a Rollout. An Event that can't be written is logged and is no error: telling
    /// people must not keep a rollout from going on.
    pub async fn perform(&self, rollout: &RolloutKey, effect: &Effect) -> Result<(), EffectError> {
        match effect {
            Effect::Patch { target, patch, .. } => self.patch(target, patch).await,
            Effect::Create { object, .. } => self.create(object).await,
            Effect::Apply { object, .. } => self.apply(object).await,
            Effect::Delete { target, uid, .. } => self.delete(target, uid).await,
            Effect::Status(status) => self.status(&rollout_key(rollout), status).await,
            Effect::AnalysisStatus { target, status } => self.status(target, status).await,
            Effect::Event(notice) => {
                if let Err(error) = self.publish(rollout, notice).await {
                    tracing::warn!(%rollout, %error, reason = notice.reason, "an event could not be written");
                }
                Ok(())
            }
        }
    }

    async fn patch(&self, target: &Key, patch: &json_patch::Patch) -> Result<(), EffectError> {
        let (kind, api) = self.api(target, "patch")?;
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(patch.clone());
        let answer = call(target, "patch", api.patch(&target.name, &parameters, &patch)).await?;
        self.put(kind, &answer);
        Ok(())
    }

    async fn create(&self, object: &Value) -> Result<(), EffectError> {
        const ACTION: &str = "create";
        let target = Object::new(object.clone()).key();
        let (kind, api) = self.api(&target, ACTION)?;
        let dynamic: DynamicObject = serde_json::from_value(object.clone())
            .map_err(|error| EffectError::new(&target, ACTION, Problem::Other, &error.to_string()))?;
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let answer = call(&target, ACTION, api.create(&parameters, &dynamic)).await?;
        self.put(kind, &answer);
        Ok(())
    }

    async fn apply(&self, object: &Value) -> Result<(), EffectError> {
        let target = Object::new(object.clone()).key();
        let (kind, api) = self.api(&target, "apply")?;
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let answer = call(&target, "apply", api.patch(&target.name, &parameters, &Patch::Apply(object))).await?;
        self.put(kind, &answer);
        Ok(())
    }

    async fn delete(&self, target: &Key, uid: &str) -> Result<(), EffectError> {
        let (kind, api) = self.api(target, "delete")?;
        let parameters = DeleteParams {
            preconditions: Some(Preconditions { uid: Some(uid.into()), resource_version: None }),
            ..DeleteParams::background()
        };
        match call(target, "delete", api.delete(&target.name, &parameters)).await.map(either::Either::left) {
            // Still there until its finalizers are done.
            Ok(Some(object)) => self.put(kind, &object),
            Err(error) if error.problem != Problem::NotFound => return Err(error),
            Ok(None) | Err(_) => {
                self.cache.delete(kind, &target.namespace, &target.name, uid);
            }
        }
        Ok(())
    }

    /// Writes the status of the very object that is in the cache: where it was replaced or written since, the server
    /// refuses, and the next reconcile decides on what is there now.
    async fn status(&self, target: &Key, status: &impl Serialize) -> Result<(), EffectError> {
        const ACTION: &str = "write the status of";
        let (kind, api) = self.api(target, ACTION)?;
        let Some(known) = self.cache.read().get(kind, &target.namespace, &target.name) else {
            return Err(EffectError::new(target, ACTION, Problem::NotFound, "it is gone"));
        };
        let object = json!({
            "apiVersion": kind.api_version(),
            "kind": kind.kind(),
            "metadata": {
                "name": target.name,
                "namespace": target.namespace,
                "uid": known.uid(),
                "resourceVersion": known.resource_version(),
            },
            "status": status,
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object);
        let answer = call(target, ACTION, api.patch_status(&target.name, &parameters, &patch)).await?;
        self.put(kind, &answer);
        Ok(())
    }

    /// A recorder of its own for each Event: the shared one counts Events of the same reason as repeats of the first
    /// and drops their text, and here the text carries the numbers. A plan never says the same thing twice.
    async fn publish(&self, rollout: &RolloutKey, notice: &Notice) -> Result<(), EffectError> {
        let target = rollout_key(rollout);
        let known = self.cache.read().get(Kind::Rollout, &rollout.namespace, &rollout.name);
        let regarding = ObjectReference {
            api_version: Some(target.api_version.clone()),
            kind: Some(target.kind.clone()),
            namespace: Some(rollout.namespace.clone()),
            name: Some(rollout.name.clone()),
            uid: known.map(|known| known.uid().to_owned()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: notice.reason.clone(),
            note: Some(cut(&notice.message, LONGEST_NOTE).to_owned()),
            action: notice.reason.clone(),
            secondary: None,
        };
        let reporter = Reporter { controller: "siskin.dev/controller".into(), instance: Some(self.instance.clone()) };
        let recorder = Recorder::new(self.client.clone(), reporter);
        call(&target, "write an event on", recorder.publish(&event, &regarding)).await
    }

    /// The interface to objects of the target's kind, in its namespace.
    fn api(&self, target: &Key, action: &'static str) -> Result<(Kind, Api<DynamicObject>), EffectError> {
        let kind = Kind::of(&target.api_version, &target.kind).ok_or_else(|| {
            EffectError::new(target, action, Problem::Other, "no object of this kind is ever written")
        })?;
        Ok((kind, Api::namespaced_with(self.client.clone(), &target.namespace, &resource(kind))))
    }

    /// Reads an object again, into the cache.
    ///
    /// # Errors
    /// What kept it from being read; that it is gone is none, since its watch tells.
    pub async fn refresh(&self, target: &Key) -> Result<(), EffectError> {
        let (kind, api) = self.api(target, "read")?;
        if let Some(object) = call(target, "read", api.get_opt(&target.name)).await?
            && let Ok(object) = serde_json::to_value(&object)
        {
            self.cache.renew(kind, object);
        }
        Ok(())
    }

    fn put(&self, kind: Kind, answer: &DynamicObject) {
        match serde_json::to_value(answer) {
            Ok(object) => {
                self.cache.put(kind, object);
            }
            Err(error) => tracing::warn!(%kind, %error, "an answer of the API server can't be kept"),
        }
    }
}

/// How kube names a kind.
pub fn resource(kind: Kind) -> ApiResource {
    ApiResource {
        group: kind.group().into(),
        version: kind.version().into(),
        api_version: kind.api_version(),
        kind: kind.kind().into(),
        plural: kind.plural().into(),
    }
}

/// The key of a Rollout as an object.
pub fn rollout_key(rollout: &RolloutKey) -> Key {
    Key::new(&Kind::Rollout.api_version(), Kind::Rollout.kind(), &rollout.namespace, &rollout.name)
}

/// Waits for a call, but not for ever.
async fn call<T>(
    target: &Key,
    action: &'static str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, EffectError> {
    if let Ok(answer) = tokio::time::timeout(CALL_TIMEOUT, call).await {
        return answer.map_err(|error| EffectError::from_client(target, action, &error));
    }
    let text = format!("the API server did not answer within {} s", CALL_TIMEOUT.as_secs());
    Err(EffectError::new(target, action, Problem::Timeout, &text))
}
