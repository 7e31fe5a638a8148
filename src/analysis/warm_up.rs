//! Which pods are so young that their latencies and gauges do not count yet: caches are cold, code is not compiled.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// How long a pod warms up, from where it is first seen.
const WARM_UP: Duration = Duration::from_mins(1);

/// When each pod was first seen, in milliseconds since 1970; 0 for pods that were there before the analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pods {
    canary: BTreeMap<String, i64>,
    stable: BTreeMap<String, i64>,
}

/// The pods of one arm, at one look.
pub(super) struct Arm<'a> {
    pods: &'a mut BTreeMap<String, i64>,
    /// Whether pods that are seen at this look for the first time were there before.
    old: bool,
    now: i64,
}

impl Pods {
    /// The canary's pods. At the first look they are as old as the analysis, unless they were made for it.
    pub(super) fn canary(&mut self, now: Timestamp, made_for_it: bool) -> Arm<'_> {
        let old = self.canary.is_empty() && !made_for_it;
        Arm { pods: &mut self.canary, old, now: now.as_millisecond() }
    }

    /// The stable version's pods. At the first look they are older than the analysis.
    pub(super) fn stable(&mut self, now: Timestamp) -> Arm<'_> {
        let old = self.stable.is_empty();
        Arm { pods: &mut self.stable, old, now: now.as_millisecond() }
    }
}

impl Arm<'_> {
    /// Whether the pod is warming up.
    pub(super) fn is_warming_up(&mut self, pod: &str) -> bool {
        let first = if self.old { 0 } else { self.now };
        let seen = match self.pods.get(pod) {
            Some(seen) => *seen,
            None => *self.pods.entry(pod.to_owned()).or_insert(first),
        };
        let age = Duration::from_millis(u64::try_from(self.now.saturating_sub(seen)).unwrap_or(0));
        seen > 0 && age < WARM_UP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_new_pod_warms_up_for_a_minute_and_an_old_one_does_not() {
        let mut pods = Pods::default();
        assert!(!pods.stable(at(0)).is_warming_up("old-1"));
        let mut stable = pods.stable(at(10));
        assert!(stable.is_warming_up("new-1") && !stable.is_warming_up("old-1"));
        assert!(pods.stable(at(69)).is_warming_up("new-1"));
        assert!(!pods.stable(at(70)).is_warming_up("new-1"));
    }

    #[test]
    fn the_pods_of_a_canary_that_was_made_for_the_analysis_warm_up_from_the_first_look() {
        for made_for_it in [true, false] {
            let mut pods = Pods::default();
            assert_eq!(pods.canary(at(0), made_for_it).is_warming_up("canary-1"), made_for_it);
        }
    }
}
