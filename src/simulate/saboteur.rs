//! Makes a controller break its contract, to show that the contract's checks see it. What it does to a plan, it does
//! between the plan and the cluster: effects are dropped, doubled, altered, swapped; what the plan sees is falsified.

use crate::{act::Effect, measure::Measurement, observe::Observed};

/// What happens instead of an effect.
pub(super) type InsteadOf = Box<dyn FnMut(&Effect) -> Vec<Effect> + Send>;
/// What is falsified in what the plan sees.
pub(super) type Lie = Box<dyn Fn(&mut Observed) + Send>;
/// What is falsified in what Prometheus said.
pub(super) type Misread = Box<dyn Fn(Measurement) -> Measurement + Send>;

/// Ways of breaking a controller. The default one breaks nothing.
#[derive(Default)]
pub struct Saboteur {
    /// What happens instead of an effect.
    pub instead_of: Option<InsteadOf>,
    /// What is falsified in what the plan sees.
    pub lie: Option<Lie>,
    /// What is falsified in what Prometheus said.
    pub misread: Option<Misread>,
}

impl Saboteur {
    pub(super) fn instead_of(&mut self, effect: &Effect) -> Vec<Effect> {
        self.instead_of.as_mut().map_or_else(|| vec![effect.clone()], |instead| instead(effect))
    }

    pub(super) fn lie(&self, observed: &mut Observed) {
        if let Some(lie) = &self.lie {
            lie(observed);
        }
    }

    pub(super) fn misread(&self, measurement: Measurement) -> Measurement {
        match &self.misread {
            Some(misread) => misread(measurement),
            None => measurement,
        }
    }
}
