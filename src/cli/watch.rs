//! `siskin get --watch`: follows the API server's events on a live screen, or as lines where there is no terminal.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Stdout},
    time::Duration,
};

use futures::{StreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    api::DynamicObject,
    runtime::{WatchStreamExt, reflector, watcher, watcher::watch_object},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    Failure,
    get::{Form, Reader, parse, print, rollout_kind, serialise, sorted_out, without_managers},
    screen::{self, Columns, LiveScreen, Style, View},
};
use crate::model::Clock;

/// A Rollout with the Deployments that decorate it.
struct Sight {
    rollout: DynamicObject,
    workload: Option<Deployment>,
    canary: Option<Deployment>,
}

/// What was seen of one Rollout.
enum Change {
    Rollout(Result<Option<Box<DynamicObject>>, watcher::Error>),
    Workload(Option<Deployment>),
    Canary(Option<Deployment>),
}

/// Follows one Rollout until the person stops it or the Rollout is deleted.
pub(super) async fn one(reader: &Reader, name: &str, form: Option<Form>, clock: &dyn Clock) -> Result<(), Failure> {
    let rollout = reader.rollout(name).await?;
    let workload_name = parse(&rollout)?.spec.workload_ref.name;
    let mut sight = Sight { rollout, workload: None, canary: None };
    // Who may not read Deployments sees the screen without them.
    let deployment = |name: &str| {
        let seen = watch_object(reader.deployments.clone(), name).default_backoff();
        seen.filter_map(|seen| std::future::ready(seen.ok()))
    };
    let rollouts = watch_object(reader.rollouts.clone(), name).default_backoff();
    let changes = stream::select(
        rollouts.map(|seen| Change::Rollout(seen.map(|object| object.map(Box::new)))),
        stream::select(
            deployment(&workload_name).map(Change::Workload),
            deployment(&screen::canary_name(&workload_name)).map(Change::Canary),
        ),
    );
    let mut changes = std::pin::pin!(changes);
    let list = (form == Some(Form::Wide)).then(|| reader.columns(form));
    let mut display = Display::open(form, list, clock)?;
    let mut wakes = Wakes::new()?;
    loop {
        display.show(std::slice::from_ref(&sight))?;
        tokio::select! {
            wake = wakes.next() => if wake == Wake::Stop { return Ok(()) },
            change = changes.next() => match change {
                None => return Ok(()),
                Some(Change::Rollout(Ok(Some(newer)))) => {
                    sight.rollout = *newer;
                    display.trouble = None;
                }
                Some(Change::Rollout(Ok(None))) => {
                    drop(display);
                    eprintln!("Rollout {name} was deleted");
                    return Ok(());
                }
                Some(Change::Rollout(Err(error))) => display.trouble = Some(error.to_string()),
                Some(Change::Workload(newer)) => sight.workload = newer,
                Some(Change::Canary(newer)) => sight.canary = newer,
            },
        }
    }
}

/// Follows all Rollouts until the person stops it.
pub(super) async fn all(reader: &Reader, form: Option<Form>, clock: &dyn Clock) -> Result<(), Failure> {
    let writer = reflector::store::Writer::new(rollout_kind());
    let store = writer.as_reader();
    let changes = reflector(writer, watcher(reader.rollouts.clone(), watcher::Config::default())).default_backoff();
    let mut changes = std::pin::pin!(changes);
    let mut display = Display::open(form, Some(reader.columns(form)), clock)?;
    let mut wakes = Wakes::new()?;
    let mut complete = false;
    loop {
        if complete || display.trouble.is_some() {
            let mut sights: Vec<Sight> = store
                .state()
                .iter()
                .map(|object| Sight { rollout: DynamicObject::clone(object), workload: None, canary: None })
                .collect();
            sights.sort_by_key(|sight| (sight.rollout.metadata.namespace.clone(), sight.rollout.metadata.name.clone()));
            display.show(&sights)?;
        }
        tokio::select! {
            wake = wakes.next() => if wake == Wake::Stop { return Ok(()) },
            change = changes.next() => match change {
                None => return Ok(()),
                Some(Ok(event)) => {
                    complete |= matches!(event, watcher::Event::InitDone);
                    display.trouble = None;
                }
                Some(Err(error)) => display.trouble = Some(error.to_string()),
            },
        }
    }
}

/// Where the changes go.
struct Display<'a> {
    target: Target,
    /// The columns of a list; a whole screen for one Rollout where there are none.
    list: Option<Columns>,
    /// Why nothing new may be seen at the moment.
    trouble: Option<String>,
    /// What was printed last about each Rollout.
    printed: BTreeMap<(Option<String>, Option<String>), String>,
    clock: &'a dyn Clock,
}

enum Target {
    Screen(LiveScreen<Stdout>),
    Lines,
    Documents(Form),
}

impl<'a> Display<'a> {
    fn open(form: Option<Form>, list: Option<Columns>, clock: &'a dyn Clock) -> Result<Self, Failure> {
        let target = match form {
            Some(form @ (Form::Json | Form::Yaml)) => Target::Documents(form),
            _ if io::stdout().is_terminal() => Target::Screen(LiveScreen::enter(io::stdout())?),
            _ => Target::Lines,
        };
        Ok(Self { target, list, trouble: None, printed: BTreeMap::new(), clock })
    }

    fn show(&mut self, sights: &[Sight]) -> Result<(), Failure> {
        let now = self.clock.now();
        let view = |sight: &Sight| {
            let rollout = parse(&sight.rollout)?;
            Ok(View::new(&rollout, sight.workload.as_ref(), sight.canary.as_ref(), now))
        };
        let form = match &mut self.target {
            Target::Screen(live) => {
                let (views, malformed) = sorted_out(sights.iter().map(view));
                let text = frame(&views, self.list, self.trouble.as_deref(), Failure::of_all(malformed));
                return Ok(live.draw(&text, screen::terminal_size().1)?);
            }
            Target::Lines => None,
            Target::Documents(form) => Some(*form),
        };
        for sight in sights {
            let (time, text) = match form {
                None => match view(sight) {
                    Ok(view) => (format!("{now:.0} "), format!("{}\n", screen::summary(&view))),
                    Err(failure) => (format!("{now:.0} "), format!("{failure}\n")),
                },
                Some(form) => {
                    let separator = if form == Form::Yaml { "---\n" } else { "" };
                    (separator.to_owned(), serialise(&without_managers(sight.rollout.clone()), Some(form))?)
                }
            };
            let key = (sight.rollout.metadata.namespace.clone(), sight.rollout.metadata.name.clone());
            if self.printed.get(&key) != Some(&text) {
                print(&format!("{time}{text}"))?;
                self.printed.insert(key, text);
            }
        }
        Ok(())
    }
}

/// One frame of the live screen.
fn frame(views: &[View], list: Option<Columns>, trouble: Option<&str>, malformed: Option<Failure>) -> String {
    let (width, _) = screen::terminal_size();
    let trouble = trouble.map(|trouble| format!("The API server can't be followed, trying again: {trouble}"));
    let warnings = trouble.into_iter().chain(malformed.map(|failure| failure.to_string()));
    let content = match (list, views) {
        (None, [one]) => screen::render(one, width, Style::of_stdout()),
        (None, _) => String::new(),
        (Some(columns), views) => screen::list(views, columns, width, Style::of_stdout()),
    };
    warnings.map(|warning| format!("{warning}\n\n")).chain([content]).collect()
}

/// What a wake is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    Second,
    Stop,
}

/// What wakes the display beside changes: the ages on it once a second, and the person who has seen enough.
struct Wakes {
    second: Interval,
    signals: [Signal; 3],
}

impl Wakes {
    fn new() -> Result<Self, Failure> {
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hang_up] = signals.map(signal);
        Ok(Self { second, signals: [interrupt?, terminate?, hang_up?] })
    }

    /// The next second, or that the person has seen enough.
    async fn next(&mut self) -> Wake {
        let [interrupt, terminate, hang_up] = &mut self.signals;
        tokio::select! {
            _ = self.second.tick() => Wake::Second,
            _ = interrupt.recv() => Wake::Stop,
            _ = terminate.recv() => Wake::Stop,
            _ = hang_up.recv() => Wake::Stop,
        }
    }
}
