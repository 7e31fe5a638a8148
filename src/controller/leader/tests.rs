//! The rules of the lease, on a store in memory and tokio's paused clock.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::*;

/// A lease in memory with the API server's rule: a write must state the current version.
#[derive(Clone, Default)]
struct Store {
    lease: Arc<Mutex<Option<Lease>>>,
    down: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
}

impl Store {
    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::Other("down".into())) } else { Ok(()) }
    }

    fn spec(&self) -> LeaseSpec {
        self.lease.lock().unwrap().clone().and_then(|lease| lease.spec).unwrap_or_default()
    }

    fn holder(&self) -> String {
        self.spec().holder_identity.unwrap_or_default()
    }
}

impl LeaseStore for Store {
    async fn get(&self) -> Result<Option<Lease>, StoreError> {
        self.check()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(self.lease.lock().unwrap().clone())
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.check()?;
        let mut known = self.lease.lock().unwrap();
        if known.is_some() {
            return Err(StoreError::Conflict);
        }
        let mut lease = lease.clone();
        lease.metadata.resource_version = Some("1".into());
        Ok(known.insert(lease).clone())
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, StoreError> {
        self.check()?;
        let mut known = self.lease.lock().unwrap();
        let version = known.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if version != lease.metadata.resource_version {
            return Err(StoreError::Conflict);
        }
        let next = version.unwrap_or_default().parse::<u64>().unwrap_or_default() + 1;
        let mut lease = lease.clone();
        lease.metadata.resource_version = Some(next.to_string());
        Ok(known.insert(lease).clone())
    }
}

fn candidate(store: &Store, identity: &str) -> Election<Store> {
    let epoch = Instant::now();
    let wall_clock = move || Timestamp::UNIX_EPOCH + epoch.elapsed();
    Election::new(store.clone(), "siskin".into(), identity.into(), Box::new(wall_clock))
}

/// How long something takes, in whole seconds.
async fn seconds(what: impl Future<Output = ()>) -> u64 {
    let start = Instant::now();
    what.await;
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_leads_and_the_second_waits_as_long_as_it_renews() {
    let store = Store::default();
    let (mut one, mut two) = (candidate(&store, "one"), candidate(&store, "two"));
    assert_eq!(seconds(one.acquire()).await, 0);
    tokio::select! {
        () = one.keep() => panic!("the leader lost its lease"),
        () = two.acquire() => panic!("there are two leaders"),
        () = sleep(Duration::from_mins(5)) => {}
    }
    assert_eq!(store.holder(), "one");
}

#[tokio::test(start_paused = true)]
async fn a_dead_leaders_lease_is_taken_when_it_has_run_out_here() {
    let store = Store::default();
    candidate(&store, "one").acquire().await;
    let mut two = candidate(&store, "two");
    let waited = seconds(two.acquire()).await;
    assert!((15..=17).contains(&waited), "{waited} s");
    assert_eq!((store.holder().as_str(), store.spec().lease_transitions), ("two", Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_back_is_taken_at_once() {
    let store = Store::default();
    let mut one = candidate(&store, "one");
    one.acquire().await;
    one.release().await;
    assert_eq!(store.holder(), "");
    assert_eq!(seconds(candidate(&store, "two").acquire()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_container_takes_its_own_lease_back_at_once() {
    let store = Store::default();
    candidate(&store, "one").acquire().await;
    assert_eq!(seconds(candidate(&store, "one").acquire()).await, 0);
    assert_eq!(store.spec().lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_gives_up_before_others_may_take_over() {
    let store = Store::default();
    let mut one = candidate(&store, "one");
    one.acquire().await;
    store.down.store(true, Ordering::SeqCst);
    assert!(seconds(one.keep()).await < DURATION.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_was_taken_knows_at_its_next_renewal() {
    let store = Store::default();
    let mut one = candidate(&store, "one");
    one.acquire().await;
    let mut thief = candidate(&store, "two");
    thief.seen = store.get().await.unwrap().map(|lease| (lease, Instant::now()));
    let stolen = thief.mine(thief.seen.as_ref().map(|(lease, _)| lease));
    store.replace(&stolen).await.unwrap();
    assert_eq!(seconds(one.keep()).await, RETRY.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_one_write_and_no_read() {
    let store = Store::default();
    let mut one = candidate(&store, "one");
    one.acquire().await;
    store.reads.store(0, Ordering::SeqCst);
    let _ = timeout(Duration::from_mins(1), one.keep()).await;
    assert_eq!(store.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_see_the_same_free_lease_one_gets_it() {
    let store = Store::default();
    let mut first = candidate(&store, "zero");
    first.acquire().await;
    first.release().await;
    let (mut one, mut two) = (candidate(&store, "one"), candidate(&store, "two"));
    let (won_one, won_two) = tokio::join!(one.attempt(), two.attempt());
    assert_ne!(won_one.unwrap_or(false), won_two.unwrap_or(false));
}
