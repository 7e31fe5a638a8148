//! A Kubernetes namespace of a test's own: its objects, and waiting for them.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Namespace as NamespaceObject};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bed::Bed;
use crate::wait::{self, LIMIT};

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A fresh namespace. It is deleted when it goes out of scope; when that happens in a panic, the logs that help are
/// printed first.
pub struct Namespace {
    bed: &'static Bed,
    name: String,
    client: Client,
}

impl Bed {
    /// A fresh namespace with a name of its own.
    ///
    /// # Panics
    /// When the API server refuses it.
    pub async fn namespace(&'static self) -> Namespace {
        self.namespace_called("test").await
    }

    /// A fresh namespace whose name begins with `prefix`.
    ///
    /// # Panics
    /// When the API server refuses it.
    pub async fn namespace_called(&'static self, prefix: &str) -> Namespace {
        let name = format!("{prefix}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let client = self.client();
        let mut namespace = NamespaceObject::default();
        namespace.metadata.name = Some(name.clone());
        let created = Api::<NamespaceObject>::all(client.clone()).create(&PostParams::default(), &namespace).await;
        if let Err(error) = created {
            panic!("the namespace {name} could not be created: {error}");
        }
        Namespace { bed: self, name, client }
    }

    /// A namespace that a manifest has made already; from now on it is like the others.
    pub fn adopt_namespace(&'static self, name: &str) -> Namespace {
        Namespace { bed: self, name: name.to_owned(), client: self.client() }
    }
}

/// An object of a namespaced kind that a test can read and follow.
pub trait Followed:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + 'static
{
}

impl<K> Followed for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + 'static
{
}

impl Namespace {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bed that it is on.
    pub fn bed(&self) -> &'static Bed {
        self.bed
    }

    /// The administrator's client of this test.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A hostname for gateways that no other test has.
    pub fn host(&self) -> String {
        format!("{}.bed.test", self.name)
    }

    /// The full name of a Service of this namespace, for the mesh client.
    pub fn service_host(&self, service: &str) -> String {
        format!("{service}.{}.svc.cluster.local", self.name)
    }

    /// The API of one kind in this namespace.
    pub fn api<K: Followed>(&self) -> Api<K> {
        Api::namespaced(self.client(), &self.name)
    }

    /// Server-side applies all objects of a YAML text; those without a namespace get this one.
    ///
    /// # Panics
    /// When one is refused.
    pub async fn apply(&self, yaml: &str) {
        if let Err(error) = self.bed.cluster().apply(yaml, Some(&self.name)).await {
            panic!("{error:#}\n{yaml}");
        }
    }

    /// kubectl in this namespace.
    ///
    /// # Panics
    /// When kubectl fails.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.bed.kubectl(&[&["-n", &self.name], arguments].concat()).await
    }

    /// kubectl in this namespace with a standard input.
    ///
    /// # Panics
    /// When kubectl fails.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> String {
        self.bed.kubectl_with_input(&[&["-n", &self.name], arguments].concat(), input).await
    }

    /// An object that must be there.
    ///
    /// # Panics
    /// When it is not.
    pub async fn get<K: Followed>(&self, name: &str) -> K {
        match self.try_get(name).await {
            Some(object) => object,
            None => panic!("there is no {} {name} in {}", K::kind(&()), self.name),
        }
    }

    /// An object that may be there.
    ///
    /// # Panics
    /// When the API server does not answer.
    pub async fn try_get<K: Followed>(&self, name: &str) -> Option<K> {
        match self.api::<K>().get_opt(name).await {
            Ok(object) => object,
            Err(error) => panic!("{} {name} of {} could not be read: {error}", K::kind(&()), self.name),
        }
    }

    /// Watches an object until it is as wanted; `what` says in words what is waited for.
    ///
    /// # Panics
    /// When that does not happen within two minutes; the text has the object's last state, the namespace's events and
    /// the logs that help.
    pub async fn wait_for<K: Followed>(&self, name: &str, what: &str, is_so: impl Fn(&K) -> bool) -> K {
        self.wait_for_within(name, what, LIMIT, is_so).await
    }

    /// As [`Namespace::wait_for`], with a limit of the test's own.
    ///
    /// # Panics
    /// When the limit passes.
    pub async fn wait_for_within<K: Followed>(
        &self,
        name: &str,
        what: &str,
        limit: Duration,
        is_so: impl Fn(&K) -> bool,
    ) -> K {
        match wait::until(self.api::<K>(), name, limit, |object| object.is_some_and(&is_so)).await {
            Ok(Some(object)) => object,
            Ok(None) => unreachable!("an object that is not there is never as wanted"),
            Err(last) => self.give_up(&K::kind(&()), name, what, limit, last.as_ref()).await,
        }
    }

    /// Watches until an object is gone.
    ///
    /// # Panics
    /// When it is still there after two minutes.
    pub async fn wait_gone<K: Followed>(&self, name: &str) {
        if let Err(last) = wait::until(self.api::<K>(), name, LIMIT, |object| object.is_none()).await {
            self.give_up(&K::kind(&()), name, "it is gone", LIMIT, last.as_ref()).await;
        }
    }

    /// Waits until a Deployment is rolled out: every pod is of its present template and available, none else is left.
    ///
    /// # Panics
    /// When that does not happen within two minutes.
    pub async fn deployment_ready(&self, name: &str) -> Deployment {
        self.wait_for(name, "the rollout is complete", wait::is_rolled_out).await
    }

    /// An object of any kind, as JSON.
    ///
    /// # Panics
    /// When it is not there.
    pub async fn object(&self, api_version: &str, kind: &str, name: &str) -> Value {
        self.wait_for_object(api_version, kind, name, "it exists", |_| true).await
    }

    /// As [`Namespace::wait_for`], for an object of any kind.
    ///
    /// # Panics
    /// When it is not as wanted within two minutes.
    pub async fn wait_for_object(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait_for_object_within(api_version, kind, name, what, LIMIT, is_so).await
    }

    /// As [`Namespace::wait_for_object`], with a limit of the test's own.
    ///
    /// # Panics
    /// When it is not as wanted within the limit.
    pub async fn wait_for_object_within(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        what: &str,
        limit: Duration,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let api = match self.bed.cluster().api(&self.client, api_version, kind, Some(&self.name)).await {
            Ok(api) => api,
            Err(error) => panic!("{error:#}"),
        };
        let states = watcher::watch_object(api, name)
            .map(|state| state.map(|object| object.map(|object| serde_json::to_value(object).unwrap_or_default())));
        match wait::until_with(states.boxed(), limit, |object| object.is_some_and(&is_so)).await {
            Ok(object) => object.unwrap_or_default(),
            Err(last) => self.give_up(kind, name, what, limit, last.as_ref()).await,
        }
    }

    /// Waits until an `HTTPRoute` is accepted by every parent at its present generation, with its backends resolved.
    ///
    /// # Panics
    /// When that does not happen within two minutes.
    pub async fn route_accepted(&self, name: &str) -> Value {
        let version = "gateway.networking.k8s.io/v1";
        self.wait_for_object(version, "HTTPRoute", name, "every parent has accepted it", wait::is_route_accepted).await
    }

    /// A failure's text with this namespace's last events and the logs that help.
    pub async fn explain(&self, what: &str) -> String {
        let events: Api<Event> = Api::namespaced(self.client(), &self.name);
        let mut events = events.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
        events.sort_by_key(|event| event.metadata.creation_timestamp.clone());
        let shown = &events[events.len().saturating_sub(15)..];
        let lines: Vec<String> = shown
            .iter()
            .map(|event| {
                let about = &event.involved_object;
                format!(
                    "\n  {} {}: {}: {}",
                    about.kind.as_deref().unwrap_or_default(),
                    about.name.as_deref().unwrap_or_default(),
                    event.reason.as_deref().unwrap_or_default(),
                    event.message.as_deref().unwrap_or_default(),
                )
            })
            .collect();
        let (count, lines) = (shown.len(), lines.concat());
        self.bed.explain(&format!("{what}\n\nthe last {count} events of {}:{lines}", self.name))
    }

    async fn give_up<K: Serialize>(&self, kind: &str, name: &str, what: &str, limit: Duration, last: Option<&K>) -> ! {
        let state = last.map_or_else(
            || "it does not exist".to_owned(),
            |object| {
                let mut object = serde_json::to_value(object).unwrap_or_default();
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.remove("managedFields");
                }
                format!("its last state was {object:#}")
            },
        );
        let seconds = limit.as_secs();
        let text = format!("{kind} {name} of {}: {what}: not so after {seconds} s; {state}", self.name);
        panic!("{}", self.explain(&text).await)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.bed.explain(&format!("a test in the namespace {} failed", self.name)));
        }
        let name = self.name.clone();
        // The test's runtime is ending, and this client's connections with it.
        Bed::spawn_task(async move {
            let namespaces: Api<NamespaceObject> =
                Api::all(crate::cluster::client_with_token(crate::servers::api_server::ADMIN_TOKEN));
            let _ = namespaces.delete(&name, &DeleteParams::background()).await;
        });
    }
}
