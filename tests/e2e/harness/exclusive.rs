//! Most tests run side by side. One that stops a shared server, or whose result is a time, runs alone.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static TURN: RwLock<()> = RwLock::const_new(());

/// Runs beside the other tests.
pub async fn together() -> RwLockReadGuard<'static, ()> {
    TURN.read().await
}

/// Runs while no other test does.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().await
}

/// Lets time pass where the passing of time is the scenario itself: an outage of a minute, a kill at a random moment.
/// For everything that can be watched there are the waits of the bed.
pub async fn elapse(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}
