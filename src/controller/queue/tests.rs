//! The queue on tokio's paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn key(name: &str) -> RolloutKey {
    RolloutKey::new("shop", name)
}

/// What was reconciled when, in milliseconds since the start.
#[derive(Clone)]
struct Diary {
    start: Instant,
    lines: Arc<Mutex<Vec<(String, u128)>>>,
}

impl Diary {
    fn new() -> Self {
        Self { start: Instant::now(), lines: Arc::default() }
    }

    fn note(&self, key: &RolloutKey) -> usize {
        let mut lines = self.lines.lock().unwrap();
        lines.push((key.name.clone(), self.start.elapsed().as_millis()));
        lines.iter().filter(|(name, _)| *name == key.name).count()
    }

    fn times(&self, name: &str) -> Vec<u128> {
        self.lines.lock().unwrap().iter().filter(|(line, _)| line == name).map(|(_, at)| *at).collect()
    }
}

/// Runs the queue for a time with a reconcile that is given how many times its Rollout has been reconciled.
async fn run<Outcome>(queue: &Queue, time: Duration, diary: &Diary, ended: impl Fn(&str, usize) -> Outcome)
where
    Outcome: Future<Output = Ended> + Send + 'static,
{
    let stop = CancellationToken::new();
    let reconcile = |key: RolloutKey, _| ended(&key.name, diary.note(&key));
    let running = queue.run(2, &stop, reconcile);
    let _ = tokio::time::timeout(time, running).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_comes_back_when_it_asked_to() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    run(&queue, Duration::from_secs(25), &diary, |_, _| async { Ended::Again(Again::after(Duration::from_secs(10))) })
        .await;
    assert_eq!(diary.times("web"), [0, 10_000, 20_000]);
}

#[tokio::test(start_paused = true)]
async fn many_wakes_are_one_reconcile() {
    let (queue, diary) = (Queue::new(), Diary::new());
    for _ in 0..100 {
        queue.wake(key("web"));
    }
    run(&queue, Duration::from_secs(1), &diary, |_, _| async { Ended::Again(Again::after(Duration::from_secs(10))) })
        .await;
    assert_eq!(diary.times("web"), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_is_woken_while_it_runs_runs_again_and_never_twice_at_once() {
    let (queue, diary) = (Queue::new(), Diary::new());
    let at_once = Arc::new(AtomicUsize::new(0));
    queue.wake(key("web"));
    let (waker, counter) = (queue.clone(), Arc::clone(&at_once));
    run(&queue, Duration::from_secs(10), &diary, move |_, round| {
        let (waker, counter) = (waker.clone(), Arc::clone(&counter));
        async move {
            assert_eq!(counter.fetch_add(1, Ordering::SeqCst), 0);
            if round == 1 {
                waker.wake(key("web"));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            counter.fetch_sub(1, Ordering::SeqCst);
            Ended::Again(Again::after(Duration::from_mins(1)))
        }
    })
    .await;
    assert_eq!(diary.times("web"), [0, 1000]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_caught_and_disturbs_no_other() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("bad"));
    queue.wake(key("good"));
    run(&queue, Duration::from_millis(1500), &diary, |name, _| {
        let bad = name == "bad";
        async move {
            assert!(!bad, "a panic that this test wants");
            Ended::Again(Again::after(Duration::from_secs(1)))
        }
    })
    .await;
    assert_eq!(diary.times("good"), [0, 1000]);
    let bad = diary.times("bad");
    assert!(bad.len() == 3 || bad.len() == 4, "backs off: {bad:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_until_a_change_or_a_success() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    run(&queue, Duration::from_mins(2), &diary, |_, _| async { Ended::Failed(Failure::default()) }).await;
    let before = diary.times("web");
    let pauses: Vec<u128> = before.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((150..=200).contains(&pauses[0]) && pauses.iter().all(|pause| *pause <= 30_001), "{pauses:?}");
    assert!(pauses.last().is_some_and(|pause| *pause >= 22_000), "{pauses:?}");

    queue.wake(key("web"));
    let woken = diary.start.elapsed().as_millis();
    run(&queue, Duration::from_secs(1), &diary, |_, _| async { Ended::Again(Again::after(Duration::from_mins(1))) })
        .await;
    assert_eq!(diary.times("web")[before.len()..], [woken]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_given_number_run_at_once() {
    let (queue, diary) = (Queue::new(), Diary::new());
    for name in ["one", "two", "three"] {
        queue.wake(key(name));
    }
    run(&queue, Duration::from_millis(1500), &diary, |_, _| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ended::Gone
    })
    .await;
    assert_eq!((diary.times("one"), diary.times("three"), diary.times("two")), (vec![0], vec![0], vec![1000]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_runs_and_starts_nothing_more() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    let stop = CancellationToken::new();
    let done = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&done);
    let (diary_of_run, stop_of_run) = (diary.clone(), stop.clone());
    queue
        .run(2, &stop, move |key, _| {
            diary_of_run.note(&key);
            let (stop, counter) = (stop_of_run.clone(), Arc::clone(&counter));
            async move {
                stop.cancel();
                tokio::time::sleep(Duration::from_secs(3)).await;
                counter.fetch_add(1, Ordering::SeqCst);
                Ended::Again(Again::after(Duration::ZERO))
            }
        })
        .await;
    assert_eq!((done.load(Ordering::SeqCst), diary.times("web")), (1, vec![0]));
}

#[tokio::test(start_paused = true)]
async fn what_ran_when_the_lease_was_lost_is_due_again() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    run(&queue, Duration::from_secs(1), &diary, |_, _| async { std::future::pending().await }).await;
    run(&queue, Duration::from_secs(1), &diary, |_, _| async { Ended::Gone }).await;
    assert_eq!(diary.times("web"), [0, 1000]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_does_not_come_to_rest_is_slowed_down() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    run(&queue, Duration::from_mins(10), &diary, |_, _| async {
        Ended::Again(Again::after(Duration::from_millis(50)))
    })
    .await;
    let times = diary.times("web");
    assert!(times.len() < 45, "{}", times.len());
    assert_eq!(times[5] - times[4], 50);
}

#[tokio::test(start_paused = true)]
async fn who_steps_aside_keeps_nobody_from_starting() {
    let (queue, diary) = (Queue::new(), Diary::new());
    let names: Vec<String> = (0..40).map(|number| format!("web-{number}")).collect();
    for name in &names {
        queue.wake(key(name));
    }
    let stop = CancellationToken::new();
    let hanging = queue.run(2, &stop, |key, running| {
        diary.note(&key);
        async move {
            running.step_aside();
            std::future::pending().await
        }
    });
    let _ = tokio::time::timeout(Duration::from_secs(1), hanging).await;
    assert!(names.iter().all(|name| diary.times(name) == [0]));
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_is_told_at_once_that_its_rollout_was_woken() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    let stop = CancellationToken::new();
    let waiting = queue.run(1, &stop, |_, running| {
        let diary = diary.clone();
        async move {
            running.woken().await;
            diary.note(&key("woken"));
            Ended::Gone
        }
    });
    let waker = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        queue.wake(key("web"));
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), async { tokio::join!(waiting, waker) }).await;
    assert_eq!(diary.times("woken"), [300]);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_calms_writes_delays_a_look() {
    let look = Duration::from_secs(1);
    let endings = [
        Ended::Again(Again { after: Duration::from_millis(50), look: Some(look) }),
        Ended::Conflict { look: Some(look) },
        Ended::Failed(Failure { look: Some(look), ..Failure::default() }),
    ];
    for ended in endings {
        let (queue, diary) = (Queue::new(), Diary::new());
        queue.wake(key("web"));
        run(&queue, Duration::from_mins(1), &diary, |_, _| async move { ended }).await;
        let times = diary.times("web");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 1_000), "{ended:?}: {times:?}");
        assert!(times.len() < 90, "{ended:?}: {}", times.len());
    }
}

#[tokio::test(start_paused = true)]
async fn what_lowers_risk_is_tried_again_within_two_seconds_however_often_it_fails() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    let failure = Failure { lowers_risk: true, ..Failure::default() };
    run(&queue, Duration::from_mins(5), &diary, |_, _| async move { Ended::Failed(failure) }).await;
    let times = diary.times("web");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 2_001), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let (queue, diary) = (Queue::new(), Diary::new());
    queue.wake(key("web"));
    let failure = Failure { lowers_risk: true, retry_after: Some(Duration::from_secs(7)), look: Some(Duration::ZERO) };
    run(&queue, Duration::from_secs(30), &diary, |_, _| async move { Ended::Failed(failure) }).await;
    assert_eq!(diary.times("web"), [0, 7_000, 14_000, 21_000, 28_000]);
}
