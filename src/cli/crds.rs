//! `siskin crds`: the kinds as a cluster installs them, from the types.

use std::io::{Write, stdout};

use super::failure::Failure;
use crate::api::crds;

/// Prints them as one stream of YAML documents.
pub(super) fn run() -> Result<(), Failure> {
    let mut documents = Vec::new();
    for crd in crds() {
        // By way of a JSON value, whose fields are sorted: the text must not depend on anything but the types.
        let value = serde_json::to_value(&crd).map_err(anyhow::Error::from)?;
        documents.push(serde_saphyr::to_string(&value).map_err(anyhow::Error::from)?);
    }
    stdout().write_all(documents.join("---\n").as_bytes())?;
    Ok(())
}
