//! Who leads: one process at a time, by a Lease, after the rules of client-go.
//!
//! - A lease is taken only by a write that names the version which was read, so two can't take it at once.
//! - Whether another's lease has run out is judged by this process' own clock, from when it *saw* the last renewal;
//!   clocks of different nodes are never compared.
//! - A leader that can't renew gives up before its lease runs out for others.
//! - A lease that is free, given back, or this process' own (a restarted container of the same pod) is taken at once.

use std::{future::Future, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use tokio::time::{Instant, sleep, timeout};

use crate::model::Timestamp;

/// How long others leave a lease alone after a renewal.
pub(super) const DURATION: Duration = Duration::from_secs(15);
/// How long a leader tries to renew before it gives up.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The time between two attempts.
const RETRY: Duration = Duration::from_secs(2);
/// How long one request may take; several fit into the deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the lease is kept.
pub(super) trait LeaseStore: Send + Sync {
    /// The lease, if there is one.
    fn get(&self) -> impl Future<Output = Result<Option<Lease>, StoreError>> + Send;
    /// Makes the lease.
    fn create(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;
    /// Replaces the version of the lease that it states.
    fn replace(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Somebody else wrote first.
    #[error("another process wrote the lease first")]
    Conflict,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// One process' view of the lease.
pub(super) struct Election<Store> {
    store: Store,
    name: String,
    identity: String,
    wall_clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The lease as last seen, and when its text was first seen to be so.
    seen: Option<(Lease, Instant)>,
}

impl<Store: LeaseStore> Election<Store> {
    /// A candidate. `identity` must be this process' own; a pod's name is, as its containers run one after another.
    pub(super) fn new(
        store: Store,
        name: String,
        identity: String,
        wall_clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { store, name, identity, wall_clock, seen: None }
    }

    /// Waits until this process leads.
    pub(super) async fn acquire(&mut self) {
        let mut told: Option<String> = None;
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {
                    let holder = self.holder().map(str::to_owned);
                    if holder != told {
                        tracing::info!(holder = holder.as_deref().unwrap_or_default(), "another process leads");
                        told = holder;
                    }
                }
                Err(error) => tracing::warn!(%error, lease = self.name, "the lease can't be had"),
            }
            sleep(RETRY).await;
        }
    }

    /// Keeps the lease; returns when it is lost.
    pub(super) async fn keep(&mut self) {
        let mut renewed = Instant::now();
        loop {
            sleep(RETRY).await;
            let left = (renewed + RENEW_DEADLINE).saturating_duration_since(Instant::now());
            match timeout(left, self.attempt()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => {
                    tracing::error!(holder = self.holder().unwrap_or_default(), "another process took the lease");
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, lease = self.name, "the lease could not be renewed"),
                Err(_) => {
                    tracing::warn!(lease = self.name, "the lease could not be renewed: the API server does not answer");
                }
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                tracing::error!(lease = self.name, "the lease could not be renewed for {} s", RENEW_DEADLINE.as_secs());
                return;
            }
        }
    }

    /// Gives the lease back, so that the next leader need not wait for its end.
    pub(super) async fn release(&mut self) {
        let Some((lease, _)) = self.seen.take().filter(|(lease, _)| holder(lease) == Some(&self.identity)) else {
            return;
        };
        let mut lease = lease;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime((self.wall_clock)()));
        }
        match timeout(CALL_TIMEOUT, self.store.replace(&lease)).await {
            Ok(Ok(_)) => tracing::info!(lease = self.name, "gave the lease back"),
            Ok(Err(error)) => tracing::warn!(%error, lease = self.name, "the lease could not be given back"),
            Err(_) => tracing::warn!(lease = self.name, "the lease could not be given back in time"),
        }
    }

    /// One attempt to take or renew the lease; whether this process leads now. A leader writes without reading first:
    /// it knows the version that it wrote.
    async fn attempt(&mut self) -> Result<bool, StoreError> {
        if self.holder() != Some(self.identity.as_str()) {
            let Some(lease) = call(self.store.get()).await? else {
                let lease = call(self.store.create(&self.mine(None))).await?;
                self.see(lease);
                return Ok(true);
            };
            self.see(lease);
        }
        let Some((lease, since)) = &self.seen else { return Ok(false) };
        if !self.free(lease, *since) {
            return Ok(false);
        }
        match call(self.store.replace(&self.mine(Some(lease)))).await {
            Ok(lease) => {
                self.see(lease);
                Ok(true)
            }
            Err(error) => {
                // What was known of it is no longer so, or not for sure: an answer that was lost may have been a yes.
                let lease = call(self.store.get()).await?;
                match lease {
                    Some(lease) => self.see(lease),
                    None => self.seen = None,
                }
                if self.holder().is_some_and(|holder| holder != self.identity) { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Whether this process may take a lease that has looked like this since then.
    fn free(&self, lease: &Lease, since: Instant) -> bool {
        let duration = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let duration = Duration::from_secs(duration.unsigned_abs().into());
        match holder(lease) {
            None => true,
            Some(holder) => holder == self.identity || since.elapsed() >= duration,
        }
    }

    /// The lease as this process' own. Taking it over counts as a transition; renewing it does not.
    fn mine(&self, known: Option<&Lease>) -> Lease {
        let now = MicroTime((self.wall_clock)());
        let spec = known.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let renewing = known.is_some_and(|lease| holder(lease) == Some(&self.identity));
        let transitions = spec.lease_transitions.unwrap_or_default();
        Lease {
            metadata: known.map_or_else(
                || ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                |lease| lease.metadata.clone(),
            ),
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: if renewing { spec.acquire_time } else { Some(now.clone()) },
                renew_time: Some(now),
                lease_transitions: Some(if renewing || known.is_none() { transitions } else { transitions + 1 }),
                ..spec
            }),
        }
    }

    /// Notes what the lease looks like. Its time starts anew only where its text has changed.
    fn see(&mut self, lease: Lease) {
        let since = match &self.seen {
            Some((known, since)) if known.spec == lease.spec => *since,
            _ => Instant::now(),
        };
        self.seen = Some((lease, since));
    }

    fn holder(&self) -> Option<&str> {
        self.seen.as_ref().and_then(|(lease, _)| holder(lease))
    }
}

/// Who holds a lease, if anybody.
fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

async fn call<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let silence = || StoreError::Other(format!("the API server did not answer within {} s", CALL_TIMEOUT.as_secs()));
    timeout(CALL_TIMEOUT, call).await.unwrap_or_else(|_| Err(silence()))
}

mod api_server;
pub(super) use api_server::ApiServerLease;

#[cfg(test)]
mod tests;
