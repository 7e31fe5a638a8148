//! The data plane: what proxies know lags behind the API server; requests are divided by what they know, and fail where
//! that leads to no pod that serves.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{
    clock::Millis,
    pods::{Pod, Version},
    random::Random,
    store::{Change, Store, Writer},
};
use crate::{model::Object, observe::Kind, route::CANARY_SUBSET};

/// Proxies and the load on them.
#[derive(Debug)]
pub struct DataPlane {
    /// How far the proxies lag behind.
    pub delay: Millis,
    /// Requests a second.
    pub rate: f64,
    /// The user's Service, to which the load is sent.
    pub service: String,
    view: BTreeMap<(Kind, String), Object>,
    queue: VecDeque<(Millis, Change)>,
}

/// What became of the requests of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// All requests.
    pub requests: f64,
    /// Those that reached a pod of the canary.
    pub canary: f64,
    /// Those for which there was no pod.
    pub lost: f64,
}

/// Where a share of the requests goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Destination {
    /// The Service.
    pub service: String,
    /// The subset of its pods.
    pub subset: Option<String>,
    /// The share, from 0 to 1.
    pub share: f64,
}

impl Destination {
    /// Whether it is the canary's.
    pub(super) fn is_canary(&self) -> bool {
        self.service.ends_with("-canary") || self.subset.as_deref() == Some(CANARY_SUBSET)
    }
}

impl DataPlane {
    /// Proxies that know nothing yet.
    pub fn new(service: &str, rate: f64, delay: Millis) -> Self {
        Self { delay, rate, service: service.to_owned(), view: BTreeMap::new(), queue: VecDeque::new() }
    }

    /// Takes in what changed in the API server.
    pub fn hear(&mut self, change: &Change, now: Millis) {
        let heard = matches!(
            change.kind,
            Kind::Service | Kind::EndpointSlice | Kind::HttpRoute | Kind::VirtualService | Kind::DestinationRule
        );
        if heard {
            self.queue.push_back((now + self.delay, change.clone()));
        }
    }

    /// When the proxies learn something next.
    pub fn next(&self) -> Option<Millis> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// Brings the proxies up to what they know by now; of each `HTTPRoute` the status tells that they have them.
    pub fn learn(&mut self, store: &mut Store, now: Millis) {
        while self.queue.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, change)) = self.queue.pop_front() else { return };
            let name = (change.kind, change.object.name().to_owned());
            if change.gone {
                self.view.remove(&name);
            } else {
                if change.kind == Kind::HttpRoute {
                    accept(store, &change.object);
                }
                self.view.insert(name, change.object);
            }
        }
    }

    /// Divides the requests of an interval among the pods.
    pub fn serve(
        &self,
        pods: &mut [Pod],
        versions: &[Version],
        random: &mut Random,
        length: Millis,
        now: Millis,
    ) -> Served {
        let mut served = Served::default();
        let requests = self.rate * length as f64 / 1000.0;
        let routes = self.view.values().filter(|object| matches!(object.text("/kind"), "HTTPRoute" | "VirtualService"));
        for destination in routes.flat_map(|route| destinations(route, &self.service)) {
            let targets = self.targets(&destination, pods);
            if targets.is_empty() {
                let count = random.count(requests * destination.share);
                served.requests += count;
                served.lost += count;
                continue;
            }
            let mean = requests * destination.share / targets.len() as f64;
            for index in targets {
                let each = random.count(mean);
                served.requests += each;
                let pod = &mut pods[index];
                if !pod.serves(now) {
                    served.lost += each;
                    continue;
                }
                if pod.of_canary() {
                    served.canary += each;
                }
                let rate = versions.get(pod.version).map_or(0.0, |version| version.error_rate);
                pod.requests += each;
                pod.errors += random.count(each * rate).min(each);
            }
        }
        served
    }

    /// The pods behind a destination, as far as proxies know.
    fn targets(&self, destination: &Destination, pods: &[Pod]) -> Vec<usize> {
        let known = |kind, name: &str| self.view.get(&(kind, name.to_owned()));
        let (Some(_), Some(slice)) =
            (known(Kind::Service, &destination.service), known(Kind::EndpointSlice, &destination.service))
        else {
            return Vec::new();
        };
        let labels = match &destination.subset {
            None => BTreeMap::new(),
            Some(subset) => match self.subset(subset) {
                Some(labels) => labels,
                None => return Vec::new(),
            },
        };
        let ready = slice.list("/endpoints").iter().filter(|endpoint| endpoint["conditions"]["ready"] == true);
        let names = ready.filter_map(|endpoint| endpoint["targetRef"]["name"].as_str());
        names
            .filter_map(|name| pods.iter().position(|pod| pod.name == name))
            .filter(|index| labels.iter().all(|(key, value)| pods[*index].labels.get(key) == Some(value)))
            .collect()
    }

    fn subset(&self, subset: &str) -> Option<BTreeMap<String, String>> {
        let rules = self.view.iter().filter(|((kind, _), _)| *kind == Kind::DestinationRule);
        rules.map(|(_, rule)| rule).find_map(|rule| {
            let position = rule.list("/spec/subsets").iter().position(|known| known["name"] == subset)?;
            Some(rule.strings(&format!("/spec/subsets/{position}/labels")))
        })
    }
}

/// Where the rules that send to a Service send, their foreign destinations left out. The rules share the load evenly.
pub(super) fn destinations(route: &Object, service: &str) -> Vec<Destination> {
    let http_route = route.text("/kind") == "HTTPRoute";
    let (rules, entries) = if http_route { ("/spec/rules", "backendRefs") } else { ("/spec/http", "route") };
    let ours = |name: &str| {
        name == service || name.strip_prefix(service).is_some_and(|rest| rest == "-canary" || rest == "-stable")
    };
    let mut found = Vec::new();
    let mut sending = 0.0;
    for rule in route.list(rules) {
        let entries: &[Value] = rule[entries].as_array().map_or(&[], Vec::as_slice);
        let weight = |entry: &Value| {
            entry["weight"].as_f64().unwrap_or(if http_route || entries.len() == 1 { 1.0 } else { 0.0 })
        };
        let total: f64 = entries.iter().map(weight).sum();
        let before = found.len();
        for entry in entries {
            let target = if http_route { entry } else { &entry["destination"] };
            let name = target[if http_route { "name" } else { "host" }].as_str().unwrap_or_default();
            if ours(name) && total > 0.0 {
                let subset = target["subset"].as_str().map(str::to_owned);
                found.push(Destination { service: name.to_owned(), subset, share: weight(entry) / total });
            }
        }
        sending += if found.len() > before { 1.0 } else { 0.0 };
    }
    for destination in &mut found {
        destination.share /= sending;
    }
    found
}

/// What a gateway says of a route that it serves.
fn accept(store: &mut Store, route: &Object) {
    let generation = route.generation();
    if store.get(Kind::HttpRoute, route.name()).is_none_or(|live| live.generation() != generation) {
        return;
    }
    let missing =
        route.list("/spec/rules").iter().flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten()).any(
            |backend| {
                let name = backend["name"].as_str().unwrap_or_default();
                store.get(Kind::Service, name).is_none()
            },
        );
    let condition = |kind: &str, holds: bool, reason: &str| json!({"type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": "", "observedGeneration": generation});
    let parents: Vec<Value> = route
        .list("/spec/parentRefs")
        .iter()
        .map(|parent| {
            json!({
                "parentRef": parent,
                "controllerName": "example.com/gateway",
                "conditions": [
                    condition("Accepted", true, "Accepted"),
                    condition("ResolvedRefs", !missing, if missing { "BackendNotFound" } else { "ResolvedRefs" }),
                ],
            })
        })
        .collect();
    store.update(Writer::System, Kind::HttpRoute, route.name(), |route| route["status"] = json!({"parents": parents}));
}
