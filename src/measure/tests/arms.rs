//! The two versions of `shop/web`, as a Rollout names them whose routes name Services. The tests of the library of
//! templates have this file too.

use super::{Arm, PerArm, Variant};

/// The arms, of these revisions of the stable version and of the canary.
pub(crate) fn arms_of(stable: &str, canary: &str) -> PerArm<Arm> {
    let arm = |variant, suffix: &str, revision: &str| Arm {
        namespace: "shop".into(),
        service: "web".into(),
        variant,
        workload: format!("web{suffix}"),
        revision: revision.into(),
        backend: format!("web{suffix}"),
        host: format!("web{suffix}.shop.svc.cluster.local"),
        subset: String::new(),
    };
    PerArm { stable: arm(Variant::Stable, "", stable), canary: arm(Variant::Canary, "-canary", canary) }
}
