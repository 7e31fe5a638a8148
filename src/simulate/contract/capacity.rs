//! The stable version keeps its capacity.

use std::collections::BTreeMap;

use super::{
    super::{
        action::Action,
        scene::Scene,
        setting::NAME,
        traffic::{Served, destinations},
    },
    Check,
};
use crate::{observe::Kind, workload::deployment::max_unavailable};

/// Behind what carries the stable traffic there are as many ready pods as the user's own rolling update would leave.
#[derive(Default)]
pub(super) struct Stable {
    complete: bool,
    handled: usize,
}

impl Check for Stable {
    fn promise(&self) -> &'static str {
        "stable capacity is not reduced before the new version can carry the load"
    }

    fn passed(&mut self, scene: &Scene, _: &Served) -> Result<(), String> {
        // A change of the number of pods takes its time.
        self.complete &=
            !scene.happened.iter().skip(self.handled).any(|(_, action)| matches!(action, Action::Scale(_)));
        self.handled = scene.happened.len();
        let (Some(workload), Some(route)) = (scene.workload(), scene.route()) else { return Ok(()) };
        let wanted = workload.number("/spec/replicas").unwrap_or(1);
        let least = usize::try_from(wanted - max_unavailable(workload)).unwrap_or(0);
        for destination in destinations(route, NAME).iter().filter(|destination| !destination.is_canary()) {
            let Some(service) = scene.store.get(Kind::Service, &destination.service) else { continue };
            let selector = service.strings("/spec/selector");
            let subset = destination.subset.as_deref().map_or_else(BTreeMap::new, |subset| labels_of(scene, subset));
            let pods = scene
                .deployments
                .pods
                .iter()
                .filter(|pod| !pod.of_canary() && pod.ready(scene.now) && pod.matches(&selector));
            let ready = pods.filter(|pod| subset.iter().all(|(key, value)| pod.labels.get(key) == Some(value))).count();
            self.complete |= ready >= least;
            if self.complete && ready < least {
                return Err(format!("{destination:?} has {ready} ready pods, and its user wants {least} at the least"));
            }
        }
        Ok(())
    }
}

fn labels_of(scene: &Scene, subset: &str) -> BTreeMap<String, String> {
    let rule = scene.store.get(Kind::DestinationRule, NAME);
    let found = rule.and_then(|rule| {
        let position = rule.list("/spec/subsets").iter().position(|known| known["name"] == subset)?;
        Some(rule.strings(&format!("/spec/subsets/{position}/labels")))
    });
    found.unwrap_or_default()
}
