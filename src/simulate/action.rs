//! What people, their tools and bad luck do during a simulation.

use serde_json::{Value, json};

use super::{
    admission::NEW_DEFAULT,
    scene::Scene,
    setting::{NAME, RouteShape, steps, template},
    store::Writer,
};
use crate::{
    api::Verb,
    model::{Key, VERB_ANNOTATION},
    observe::Kind,
};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A user pushes the pod template of a version.
    Push(usize),
    /// A GitOps tool applies the Deployment's manifest again; with `true` it states `paused: false`.
    ReapplyDeployment(bool),
    /// A GitOps tool replaces the route's spec with its manifest.
    ReapplyRoute,
    /// A GitOps tool replaces the Service's spec with its manifest.
    ReapplyService,
    /// A user adds a rule for another Service to the route, and to its manifest.
    AddRule,
    /// A user adds a filter (or a header) to the rule that sends to the Service, and to its manifest.
    AddFilter,
    /// A user applies a route that sends a tenth of the requests to another Service.
    AddDestination,
    /// A user changes the number of pods.
    Scale(u32),
    /// A user changes the weights of the steps.
    EditSteps(Vec<u32>),
    /// A user changes the interval of looks.
    EditInterval(&'static str),
    /// A person says a verb.
    Say(Verb),
    /// Prometheus goes down or comes back.
    Prometheus(bool),
    /// Traffic stops or comes back.
    Traffic(bool),
    /// A container restarts: its counters begin again.
    RestartContainer,
    /// All pods of the canary stop being ready for a while.
    CanaryUnready,
    /// The controller is killed at its next effect: before it, or after it (`true`).
    Kill(bool),
    /// The API server is upgraded, and fills in one more field of pod templates.
    UpgradeServer,
    /// The Rollout is deleted.
    DeleteRollout,
}

/// How long the canary's pods are unready.
const UNREADY: i64 = 6_000;

impl Scene {
    /// Makes it happen.
    pub(super) fn happen(&mut self, action: &Action) {
        let kind = self.setting.route.kind();
        match action {
            Action::Push(version) => {
                let template = template(*version);
                self.manifests.version = *version;
                self.user(Kind::Deployment, |deployment| {
                    deployment["spec"]["template"] = defaulted(&template, deployment);
                });
            }
            Action::ReapplyDeployment(unpause) => {
                let template = template(self.manifests.version);
                self.user(Kind::Deployment, |deployment| {
                    deployment["spec"]["template"] = defaulted(&template, deployment);
                    if let Some(spec) = deployment["spec"].as_object_mut().filter(|_| *unpause) {
                        spec.remove("paused");
                    }
                });
            }
            Action::ReapplyRoute => {
                let spec = self.manifests.route.clone();
                self.user(kind, |route| route["spec"] = spec);
            }
            Action::ReapplyService => {
                let spec = self.manifests.service.clone();
                self.user(Kind::Service, |service| service["spec"] = spec);
            }
            Action::AddRule => {
                let rule = self.other_rule();
                let rules = self.rules();
                push(&mut self.manifests.route[rules], rule.clone());
                self.user(kind, |route| push(&mut route["spec"][rules], rule));
            }
            Action::AddFilter => {
                let (rules, position) = (self.rules(), Self::own_rule());
                let (field, value) = if kind == Kind::HttpRoute {
                    (
                        "filters",
                        json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}}]),
                    )
                } else {
                    ("headers", json!({"request": {"set": {"x": "y"}}}))
                };
                self.manifests.route[rules][position][field] = value.clone();
                self.user(kind, |route| route["spec"][rules][position][field] = value);
            }
            Action::AddDestination => {
                let (rules, position, entries) = (self.rules(), Self::own_rule(), self.entries());
                let rule =
                    self.rule_with_another_destination(&self.manifests.route[rules][position][entries][0].clone());
                self.manifests.route[rules][position][entries] = rule;
                self.happen(&Action::ReapplyRoute);
            }
            Action::Scale(replicas) => {
                self.manifests.replicas = *replicas;
                self.user(Kind::Deployment, |deployment| deployment["spec"]["replicas"] = json!(replicas));
            }
            Action::EditSteps(weights) => {
                self.planned.extend(weights);
                self.user(Kind::Rollout, |rollout| rollout["spec"]["strategy"]["canary"]["steps"] = steps(weights));
            }
            Action::EditInterval(interval) => {
                self.user(Kind::Rollout, |rollout| {
                    if let Some(analysis) = rollout["spec"].get_mut("analysis") {
                        analysis["interval"] = json!(interval);
                    }
                });
            }
            Action::Say(verb) => {
                self.said += 1;
                let request = json!({"verb": verb, "id": format!("verb-{}", self.said), "by": "sre@example.com", "at": "2030-01-01T00:00:00Z"});
                self.user(Kind::Rollout, |rollout| {
                    rollout["metadata"]["annotations"][VERB_ANNOTATION] = json!(request.to_string());
                });
            }
            Action::Prometheus(up) => self.prometheus.up = *up,
            Action::Traffic(on) => self.data_plane.rate = if *on { self.setting.rate } else { 0.0 },
            Action::RestartContainer => {
                for pod in self.deployments.pods.iter_mut().rev().take(2) {
                    (pod.requests, pod.errors) = (0.0, 0.0);
                }
            }
            Action::CanaryUnready => {
                let now = self.now;
                for pod in self.deployments.pods.iter_mut().filter(|pod| pod.serves(now) && pod.of_canary()) {
                    pod.ready_from = Some(now + UNREADY);
                }
            }
            // The runner's business.
            Action::Kill(_) => {}
            Action::UpgradeServer => self.upgrade_server(),
            Action::DeleteRollout => {
                let _ = self.store.delete(&Key::new("siskin.dev/v1alpha1", "Rollout", super::NAMESPACE, NAME), "");
            }
        }
        self.stirred = true;
        self.happened.push((self.now, action.clone()));
    }

    fn user(&mut self, kind: Kind, change: impl FnOnce(&mut Value)) {
        self.store.update(Writer::User, kind, NAME, change);
    }

    /// Stored objects are read with the new default, their versions being what they were.
    fn upgrade_server(&mut self) {
        self.store.upgraded = true;
        for kind in [Kind::Deployment, Kind::ReplicaSet] {
            self.store.rewrite(kind, |object| object["spec"]["template"]["spec"][NEW_DEFAULT] = json!("Always"));
        }
    }

    fn rules(&self) -> &'static str {
        if self.setting.route.kind() == Kind::HttpRoute { "rules" } else { "http" }
    }

    fn entries(&self) -> &'static str {
        if self.setting.route.kind() == Kind::HttpRoute { "backendRefs" } else { "route" }
    }

    /// The position of the rule that sends to the Service: users add theirs behind it.
    const fn own_rule() -> usize {
        0
    }

    fn other_rule(&self) -> Value {
        match self.setting.route {
            RouteShape::HttpRoutePinned | RouteShape::HttpRouteUnpinned => json!({
                "matches": [{"path": {"type": "PathPrefix", "value": "/search"}}], "backendRefs": [{"name": "search", "port": 80}],
            }),
            RouteShape::VirtualServiceHost | RouteShape::VirtualServiceSubset => json!({
                "name": "search", "match": [{"uri": {"prefix": "/search"}}], "route": [{"destination": {"host": "search"}}],
            }),
        }
    }

    fn rule_with_another_destination(&self, own: &Value) -> Value {
        let mut own = own.clone();
        let other = if self.setting.route.kind() == Kind::HttpRoute {
            own["weight"] = json!(900);
            json!({"name": "old-web", "port": 80, "weight": 100})
        } else {
            own["weight"] = json!(90);
            json!({"destination": {"host": "old-web"}, "weight": 10})
        };
        json!([own, other])
    }
}

fn push(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

/// A template as the server keeps it: with the defaults that it has filled in before.
fn defaulted(template: &Value, deployment: &Value) -> Value {
    let mut template = template.clone();
    for field in ["restartPolicy", NEW_DEFAULT] {
        if let Some(value) = deployment["spec"]["template"]["spec"].get(field) {
            template["spec"][field] = value.clone();
        }
    }
    template
}
