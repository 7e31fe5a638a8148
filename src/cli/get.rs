//! `siskin get`: one Rollout on a screen, or all of them in a list; once, or kept up to date.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde_json::{Value, json};

use super::{
    Failure,
    failure::in_time,
    kube::Connection,
    screen::{self, Columns, Style, View},
    subject::Subject,
    watch,
};
use crate::{api::Rollout, model::Clock};

/// Columns of an output that is no terminal: lines are not cut there.
pub(super) const UNCUT: usize = 1_000;

/// Show a Rollout, or all of them
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  siskin get rollout web -n shop         # phase, steps, pods, evidence, outcomes
  siskin get rollout web -n shop --watch # the same, live; Ctrl-C ends it
  siskin get rollouts --all-namespaces   # one line each
  siskin get ro/web -o json              # the object itself

Exit codes: 0 shown, 1 it does not exist or can't be read, 2 wrong command line")]
pub(super) struct GetArgs {
    #[command(flatten)]
    subject: Subject,
    /// The Rollouts of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Keep the screen up to date; one line a change where stdout is no terminal
    #[arg(short, long)]
    watch: bool,
    /// Another form than the screen
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// The forms of output beside the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// The objects as JSON
    Json,
    /// The objects as YAML
    Yaml,
    /// A list with revisions and messages
    Wide,
}

/// Shows what was asked for.
pub(super) async fn run(args: &GetArgs, connection: Connection, clock: &dyn Clock) -> Result<(), Failure> {
    let name = args.subject.name()?;
    if args.all_namespaces && name.is_some() {
        return Err(Failure::usage("a Rollout's name can't be looked for in all namespaces")
            .hint("leave out `--all-namespaces`, or the name"));
    }
    let reader = Reader::new(connection, args.all_namespaces);
    match (name, args.watch) {
        (Some(name), true) => Box::pin(watch::one(&reader, &name, args.output, clock)).await,
        (None, true) => Box::pin(watch::all(&reader, args.output, clock)).await,
        (Some(name), false) => show_one(&reader, &name, args.output, clock).await,
        (None, false) => show_all(&reader, args.output, clock).await,
    }
}

async fn show_one(reader: &Reader, name: &str, form: Option<Form>, clock: &dyn Clock) -> Result<(), Failure> {
    let object = reader.rollout(name).await?;
    match form {
        Some(Form::Json | Form::Yaml) => print(&serialise(&without_managers(object), form)?),
        Some(Form::Wide) => {
            let view = View::new(&parse(&object)?, None, None, clock.now());
            print(&screen::list(&[view], reader.columns(form), width(), Style::of_stdout()))
        }
        None => {
            let rollout = parse(&object)?;
            let workload = &rollout.spec.workload_ref.name;
            let canary = screen::canary_name(workload);
            let (workload, canary) = tokio::join!(reader.deployment(workload), reader.deployment(&canary));
            let view = View::new(&rollout, workload.as_ref(), canary.as_ref(), clock.now());
            print(&screen::render(&view, width(), Style::of_stdout()))
        }
    }
}

async fn show_all(reader: &Reader, form: Option<Form>, clock: &dyn Clock) -> Result<(), Failure> {
    let doing = format!("list the Rollouts of {}", reader.place());
    let objects = in_time(&doing, reader.rollouts.list(&ListParams::default())).await?.items;
    if matches!(form, Some(Form::Json | Form::Yaml)) {
        let items: Vec<Value> = objects.into_iter().map(without_managers).collect();
        return print(&serialise(&json!({"apiVersion": "v1", "kind": "List", "items": items}), form)?);
    }
    if objects.is_empty() {
        eprintln!("No Rollouts in {}", reader.place());
        return Ok(());
    }
    let now = clock.now();
    let view = |object| parse(object).map(|rollout| View::new(&rollout, None, None, now));
    let (views, malformed) = sorted_out(objects.iter().map(view));
    print(&screen::list(&views, reader.columns(form), width(), Style::of_stdout()))?;
    Failure::of_all(malformed).map_or(Ok(()), Err)
}

/// What could be read, and why the rest could not: one malformed object hides no other.
pub(super) fn sorted_out<T>(results: impl Iterator<Item = Result<T, Failure>>) -> (Vec<T>, Vec<Failure>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(failure) => bad.push(failure),
        }
    }
    (good, bad)
}

/// Reads from the API server for one command.
pub(super) struct Reader {
    pub(super) rollouts: Api<DynamicObject>,
    pub(super) deployments: Api<Deployment>,
    namespace: Option<String>,
}

impl Reader {
    fn new(Connection { client, namespace }: Connection, everywhere: bool) -> Self {
        Self {
            rollouts: if everywhere {
                Api::all_with(client.clone(), &rollout_kind())
            } else {
                Api::namespaced_with(client.clone(), &namespace, &rollout_kind())
            },
            deployments: Api::namespaced(client, &namespace),
            namespace: (!everywhere).then_some(namespace),
        }
    }

    /// The Rollout, or why there is none.
    pub(super) async fn rollout(&self, name: &str) -> Result<DynamicObject, Failure> {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        in_time(&format!("read Rollout {namespace}/{name}"), self.rollouts.get(name)).await
    }

    /// A Deployment that decorates the screen; a person who may not read it gets the screen without.
    async fn deployment(&self, name: &str) -> Option<Deployment> {
        in_time("read a Deployment", self.deployments.get_opt(name)).await.ok().flatten()
    }

    pub(super) fn columns(&self, form: Option<Form>) -> Columns {
        Columns { namespace: self.namespace.is_none(), wide: form == Some(Form::Wide) }
    }

    pub(super) fn place(&self) -> String {
        self.namespace.as_ref().map_or_else(|| "all namespaces".into(), |namespace| format!("namespace {namespace}"))
    }
}

/// The kind, for reading objects without losing fields that this version of the program does not know.
pub(super) fn rollout_kind() -> ApiResource {
    ApiResource::erase::<Rollout>(&())
}

/// The Rollout in an object.
pub(super) fn parse(object: &DynamicObject) -> Result<Rollout, Failure> {
    let name = object.metadata.name.clone().unwrap_or_default();
    object.clone().try_parse::<Rollout>().map_err(|error| {
        Failure::refused(format!("Rollout {name} has a form that this version of siskin does not know: {error}"))
            .hint("`-o yaml` shows it as it is")
    })
}

/// The object as the server has it, less the bookkeeping that nobody reads.
pub(super) fn without_managers(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    let types = rollout_kind();
    let mut value = serde_json::to_value(object).expect("an object that came as JSON goes as JSON");
    value["apiVersion"] = types.api_version.into();
    value["kind"] = types.kind.into();
    value
}

/// The object in the form that was asked for.
pub(super) fn serialise(value: &Value, form: Option<Form>) -> Result<String, Failure> {
    if form == Some(Form::Yaml) {
        let text = serde_saphyr::to_string(value).map_err(anyhow::Error::from)?;
        return Ok(format!("{}\n", text.trim_end()));
    }
    Ok(format!("{value:#}\n"))
}

/// Columns to draw in.
pub(super) fn width() -> usize {
    use io::IsTerminal;
    if io::stdout().is_terminal() { screen::terminal_size().0 } else { UNCUT }
}

/// Writes data to stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
