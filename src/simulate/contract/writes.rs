//! A write is not free.

use super::{super::scene::Scene, Act, Check};
use crate::{
    act::Effect,
    model::{Key, Object},
};

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

/// No effect of a plan is in the way of a later one.
#[derive(Default)]
pub(super) struct NoneInTheWay {
    written: Vec<Key>,
}

impl Check for NoneInTheWay {
    fn promise(&self) -> &'static str {
        "no effect of a plan defeats another of the same plan"
    }

    fn begin(&mut self, _: &Scene) {
        self.written.clear();
    }

    fn effect(&mut self, _: &Scene, act: &Act<'_>) -> Result<(), String> {
        let Some(key) = act.before.map(Object::key) else { return Ok(()) };
        if !act.done && self.written.contains(&key) {
            return Err(format!("{:?} of {key} fails, because the plan has written to it before", act.purpose()));
        }
        if !matches!(act.effect, Effect::Event(_)) {
            self.written.push(key);
        }
        Ok(())
    }
}
