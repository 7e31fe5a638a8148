//! `siskin crds`: the kinds as a cluster installs them, from the types.

use std::{
    fs,
    io::{Write, stdout},
    path::PathBuf,
};

use anyhow::Context;

use crate::api::crds;

/// Arguments of `siskin crds`.
#[derive(Debug, clap::Args)]
pub(super) struct CrdsArgs {
    /// Write one file a kind into this directory instead
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Prints or writes them.
pub(super) fn run(args: &CrdsArgs) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for crd in crds() {
        // By way of a JSON value, whose fields are sorted: the text must not depend on anything but the types.
        let yaml = serde_saphyr::to_string(&serde_json::to_value(&crd)?)?;
        documents.push((crd.spec.names.plural, yaml));
    }
    let Some(directory) = &args.directory else {
        let documents: Vec<String> = documents.into_iter().map(|(_, yaml)| yaml).collect();
        return Ok(stdout().write_all(documents.join("---\n").as_bytes())?);
    };
    fs::create_dir_all(directory).with_context(|| format!("can't make the directory {}", directory.display()))?;
    for (plural, yaml) in documents {
        let path = directory.join(format!("{plural}.yaml"));
        let text = format!("# Made by `make crds` from the types in src/api; edits are lost.\n{yaml}");
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}
