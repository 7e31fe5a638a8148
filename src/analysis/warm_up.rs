//! Which pods are so young that their latencies and gauges do not count yet: caches are cold, code is not compiled.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    judge::{
        StateError, StateKind,
        keyed::{self, SeriesKey},
    },
    model::Timestamp,
};

/// How long a pod warms up, from where it is first seen.
const WARM_UP: Duration = Duration::from_mins(1);

/// When each pod was first seen, in milliseconds since 1970; 0 for pods that were there before the analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pods {
    canary: FirstSeen,
    stable: FirstSeen,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct FirstSeen(BTreeMap<SeriesKey, i64>);

/// The pods of one arm, at one look.
pub(super) struct Arm<'a> {
    pods: &'a mut BTreeMap<SeriesKey, i64>,
    /// Whether pods that are seen at this look for the first time were there before.
    old: bool,
    now: i64,
}

impl Pods {
    /// The canary's pods. At the first look they are as old as the analysis, unless they were made for it.
    pub(super) fn canary(&mut self, now: Timestamp, made_for_it: bool) -> Arm<'_> {
        let old = self.canary.0.is_empty() && !made_for_it;
        Arm { pods: &mut self.canary.0, old, now: now.as_millisecond() }
    }

    /// The stable version's pods. At the first look they are older than the analysis.
    pub(super) fn stable(&mut self, now: Timestamp) -> Arm<'_> {
        let old = self.stable.0.is_empty();
        Arm { pods: &mut self.stable.0, old, now: now.as_millisecond() }
    }
}

impl Arm<'_> {
    /// Whether the pod is warming up.
    pub(super) fn is_warming_up(&mut self, pod: &str) -> bool {
        let first = if self.old { 0 } else { self.now };
        let seen = *self.pods.entry(SeriesKey::of(pod)).or_insert(first);
        let age = Duration::from_millis(u64::try_from(self.now.saturating_sub(seen)).unwrap_or(0));
        seen > 0 && age < WARM_UP
    }
}

impl From<FirstSeen> for String {
    fn from(FirstSeen(pods): FirstSeen) -> Self {
        // Most pods were there before, and need no number.
        let number = |seen: i64| (seen != 0).then_some(Some(seen as f64));
        keyed::encode(StateKind::WarmUp, pods.into_iter().map(|(key, seen)| (key, number(seen))))
    }
}

impl TryFrom<String> for FirstSeen {
    type Error = StateError;

    fn try_from(text: String) -> Result<Self, StateError> {
        let pod = |(key, numbers): (SeriesKey, Vec<Option<f64>>)| match numbers[..] {
            [] => Ok((key, 0)),
            [Some(seen)] => Ok((key, whole(seen))),
            _ => Err(StateError::WrongLength { expected: 1, found: numbers.len() }),
        };
        keyed::decode(StateKind::WarmUp, &text)?.into_iter().map(pod).collect::<Result<_, _>>().map(Self)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970, which were written as a whole number")]
fn whole(milliseconds: f64) -> i64 {
    milliseconds as i64
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
