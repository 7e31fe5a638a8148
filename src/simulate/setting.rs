//! Where a simulation takes place: the user's manifests, the Rollout, and how slow everything is.

use serde_json::{Value, json};

use super::{clock::Millis, pods::Version, random::Random, store::Store};
use crate::observe::Kind;

/// The name of the user's Deployment, Service, route and Rollout.
pub(super) const NAME: &str = "web";

/// What kind of route carries the traffic, and how the two versions are told apart on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteShape {
    /// An HTTPRoute; the user's Service is pinned.
    HttpRoutePinned,
    /// An HTTPRoute with a generated stable Service.
    HttpRouteUnpinned,
    /// A VirtualService that names hosts; the user's Service is pinned.
    VirtualServiceHost,
    /// A VirtualService that names subsets of a DestinationRule.
    VirtualServiceSubset,
}

impl RouteShape {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::HttpRoutePinned, Self::HttpRouteUnpinned, Self::VirtualServiceHost, Self::VirtualServiceSubset];

    /// The kind of the route.
    pub fn kind(self) -> Kind {
        match self {
            Self::HttpRoutePinned | Self::HttpRouteUnpinned => Kind::HttpRoute,
            Self::VirtualServiceHost | Self::VirtualServiceSubset => Kind::VirtualService,
        }
    }
}

/// Where a simulation takes place.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// What kind of route carries the traffic.
    pub route: RouteShape,
    /// Whether the admission policy holds the workload; else it is held at all times.
    pub policy: bool,
    /// The steps' weights in percent.
    pub steps: Vec<u32>,
    /// Whether the versions are compared; else the steps pass by time.
    pub analysis: bool,
    /// `Rollback` or `Pause`.
    pub on_regression: &'static str,
    /// `Rollback` or `Pause`.
    pub on_no_data: &'static str,
    /// Pods of the workload.
    pub replicas: u32,
    /// Requests a second.
    pub rate: f64,
    /// The user's versions, by number. Number 0 is what runs at the beginning.
    pub versions: Vec<Version>,
    /// How late the controller's watches are.
    pub watch_delay: Millis,
    /// How late the proxies are.
    pub proxy_delay: Millis,
    /// How late EndpointSlices are.
    pub endpoint_delay: Millis,
    /// How long a pod takes to become ready.
    pub start_time: Millis,
    /// The time between two scrapes.
    pub scrape: Millis,
    /// The chance that a scrape of one pod fails.
    pub missed_scrapes: f64,
}

impl Setting {
    /// A plain one: nothing is slow, and Prometheus misses nothing.
    pub fn plain(route: RouteShape, policy: bool) -> Self {
        let (good, bad) = (Version { error_rate: 0.01, starts: true }, Version { error_rate: 0.2, starts: true });
        Self {
            route,
            policy,
            steps: vec![10, 50],
            analysis: true,
            on_regression: "Rollback",
            on_no_data: "Pause",
            replicas: 4,
            rate: 6000.0,
            versions: vec![good, good, bad],
            watch_delay: 0,
            proxy_delay: 100,
            endpoint_delay: 100,
            start_time: 2_000,
            scrape: 1_000,
            missed_scrapes: 0.0,
        }
    }

    /// One at random.
    pub fn draw(random: &mut Random) -> Self {
        let base = 0.01;
        let mut versions = vec![Version { error_rate: base, starts: true }];
        for _ in 0..4 {
            let error_rate = *random.pick(&[base, base, 0.2, 0.2, 2.0 * base]);
            versions.push(Version { error_rate, starts: random.chance(0.9) });
        }
        Self {
            route: *random.pick(&RouteShape::ALL),
            policy: random.chance(0.75),
            steps: random.pick(&[vec![10, 50], vec![20], vec![10, 30, 60], vec![50, 90]]).clone(),
            analysis: random.chance(0.9),
            on_regression: *random.pick(&["Rollback", "Rollback", "Pause"]),
            on_no_data: *random.pick(&["Pause", "Rollback"]),
            replicas: u32::try_from(random.between(1, 6)).unwrap_or(1),
            rate: 6000.0,
            versions,
            watch_delay: *random.pick(&[0, 50, 400, 1500]),
            proxy_delay: *random.pick(&[20, 150, 500]),
            endpoint_delay: *random.pick(&[20, 150, 500]),
            start_time: *random.pick(&[500, 3_000, 12_000]),
            scrape: *random.pick(&[1_000, 1_000, 5_000]),
            missed_scrapes: *random.pick(&[0.0, 0.05]),
        }
    }

    /// Makes the user's objects.
    pub(super) fn install(&self, store: &mut Store) {
        store.policy = self.policy;
        store.create(Kind::Deployment, self.deployment());
        store.create(Kind::Service, self.service());
        // What users' other rules and destinations name.
        for other in ["search", "old-web"] {
            store.create(
                Kind::Service,
                json!({"metadata": {"name": other}, "spec": {"selector": {"app": other}, "ports": [{"port": 80}]}}),
            );
        }
        store.create(self.route.kind(), self.route());
        if self.route == RouteShape::VirtualServiceSubset {
            store.create(Kind::DestinationRule, self.destination_rule());
        }
        store.create(
            Kind::AnalysisTemplate,
            json!({"metadata": {"name": "http"}, "spec": {"metrics": [{"name": "errors", "errorRate": {
                "requests": "http_requests_total{revision=\"{{ revision }}\"}",
                "errors": "http_errors_total{revision=\"{{ revision }}\"}",
            }}]}}),
        );
        store.create(Kind::Rollout, self.rollout());
    }

    /// The user's Deployment, of version 0.
    pub fn deployment(&self) -> Value {
        json!({
            "metadata": {"name": NAME, "labels": {"team": "shop"}, "annotations": {"example.com/owner": "shop"}},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": NAME}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "template": template(0),
            },
        })
    }

    /// The user's Service.
    pub fn service(&self) -> Value {
        json!({
            "metadata": {"name": NAME, "labels": {"team": "shop"}},
            "spec": {
                "type": "ClusterIP", "clusterIP": "10.0.0.7", "selector": {"app": NAME},
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        })
    }

    /// The user's route.
    pub fn route(&self) -> Value {
        let spec = match self.route {
            RouteShape::HttpRoutePinned | RouteShape::HttpRouteUnpinned => json!({
                "parentRefs": [{"name": "edge"}],
                "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": NAME, "port": 80}]}],
            }),
            RouteShape::VirtualServiceHost => json!({
                "hosts": [NAME], "http": [{"name": "main", "timeout": "5s", "route": [{"destination": {"host": NAME, "port": {"number": 80}}}]}],
            }),
            RouteShape::VirtualServiceSubset => json!({
                "hosts": [NAME], "http": [{"name": "main", "route": [{"destination": {"host": NAME, "subset": "all"}, "weight": 100}]}],
            }),
        };
        json!({"metadata": {"name": NAME}, "spec": spec})
    }

    /// The user's DestinationRule, where there is one.
    pub fn destination_rule(&self) -> Value {
        json!({
            "metadata": {"name": NAME},
            "spec": {"host": NAME, "subsets": [{"name": "all", "labels": {"app": NAME}, "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}]},
        })
    }

    /// The Rollout.
    pub fn rollout(&self) -> Value {
        let mut spec = json!({
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "hold": if self.policy { "Admission" } else { "Always" },
            "traffic": {
                "service": NAME,
                "routes": [{"kind": self.route.kind().kind(), "name": NAME}],
                "pinService": self.route != RouteShape::HttpRouteUnpinned,
            },
            "strategy": {"canary": {"steps": steps(&self.steps)}},
            "progressDeadline": "1m",
        });
        if self.analysis {
            spec["analysis"] = json!({
                "templates": [{"name": "http"}],
                "interval": "10s",
                // So small that a single rollback of a good version in thousands of simulations is a fault.
                "falseRollback": 1e-6,
                "onRegression": self.on_regression,
                "onTimeout": "Pause",
                "onNoData": {"after": "2m", "action": self.on_no_data},
            });
        }
        json!({"metadata": {"name": NAME}, "spec": spec})
    }
}

/// The pod template of a version.
pub(super) fn template(version: usize) -> Value {
    json!({
        "metadata": {"labels": {"app": NAME}},
        "spec": {"containers": [{"name": "app", "image": format!("siskin.test/app:v{version}"), "ports": [{"name": "http", "containerPort": 8080}]}]},
    })
}

/// Steps that are short, so that a simulation is; some may pass as soon as the evidence is there.
pub(super) fn steps(weights: &[u32]) -> Value {
    let min = |weight: &u32| if weight.is_multiple_of(2) { "0s" } else { "4s" };
    weights.iter().map(|weight| json!({"weight": weight, "hold": {"min": min(weight), "max": "2m"}})).collect()
}
