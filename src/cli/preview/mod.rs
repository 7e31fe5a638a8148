//! `siskin preview`: what would be done to routes and to the objects that they name, shown without a cluster.
//!
//! It runs the same functions as the controller, on manifests. What only a cluster knows (revision hashes) gets
//! placeholders, and stderr says so; stdout has the data alone, and nothing where a route can't be used.

mod documents;
mod edit;
mod rollout;
mod show;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

pub(super) use self::documents::Documents;
use super::{Failure, get::print, screen::Style};

/// Show what would be done to the routes, without a cluster
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Documents: the Rollout and its HTTPRoutes or VirtualServices; where they matter the Service, the
DestinationRule and the Deployment too. Other kinds are passed over.

Examples:
  siskin preview -f rollout.yaml -f route.yaml --weight 25
  siskin preview -f manifests/ --weight 100 -o yaml
  kustomize build overlays/production | siskin preview -f - --weight 5 -o json

Exit codes: 0 shown, 1 a route can't be used (stderr says why), 2 wrong command line")]
pub(super) struct PreviewArgs {
    /// A manifest, a directory of manifests, or `-` for stdin; can be given more than once
    #[arg(short, long = "filename", value_name = "PATH", required = true)]
    filenames: Vec<PathBuf>,
    /// The canary's share of the traffic, in percent
    #[arg(short, long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    weight: u32,
    /// The namespace of manifests that name none
    #[arg(short, long)]
    namespace: Option<String>,
    /// The form of the output [default: diff on a terminal, else yaml]
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// The forms of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// What changes, and the JSON patches
    Diff,
    /// The objects as they would be, with the JSON patches in comments
    Yaml,
    /// The objects as they would be, in a List
    Json,
}

/// Shows what would be done.
pub(super) fn run(args: &PreviewArgs) -> Result<(), Failure> {
    let documents = Documents::read(&args.filenames, args.namespace.as_deref())?;
    let edit::Edits { edits, notes } = edit::edits(&documents, args.weight)?;
    let form = args.output.unwrap_or(if io::stdout().is_terminal() { Form::Diff } else { Form::Yaml });
    let text = match form {
        Form::Diff => show::diff(&edits, Style::of_stdout()).map_err(anyhow::Error::from)?,
        Form::Yaml => show::documents(&edits).map_err(anyhow::Error::from)?,
        Form::Json => show::list(&edits),
    };
    print(&text)?;
    for note in notes {
        eprintln!("note: {note}");
    }
    Ok(())
}
