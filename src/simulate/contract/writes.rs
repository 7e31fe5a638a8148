//! A write is not free.

use super::{super::scene::Scene, Act, Check};
use crate::act::Effect;

/// No write changes nothing.
pub(super) struct NothingForNothing;

impl Check for NothingForNothing {
    fn promise(&self) -> &'static str {
        "no write changes nothing"
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        if act.done && !matches!(act.effect, Effect::Event(_)) && act.before == act.after {
            let what = act.after.map_or_else(String::new, |after| after.key().to_string());
            return Err(format!("{:?} of {what} changed nothing: {:?}", act.purpose(), act.effect));
        }
        Ok(())
    }
}
