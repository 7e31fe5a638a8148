//! The manifests that a preview is made from: any number of YAML or JSON documents in files, directories and stdin.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{cli::Failure, model::Object};

/// All documents that were given.
#[derive(Debug)]
pub(in crate::cli) struct Documents {
    objects: Vec<Object>,
}

impl Documents {
    /// Reads files, directories (their `.yaml`, `.yml` and `.json` files) and stdin (`-`). Objects without a namespace
    /// get `namespace`, else the only one that the others have, else `default`.
    pub(in crate::cli) fn read(paths: &[PathBuf], namespace: Option<&str>) -> Result<Self, Failure> {
        let mut values = Vec::new();
        for path in paths {
            for (source, text) in texts(path)? {
                values.extend(parse(&source, &text)?);
            }
        }
        Ok(Self::of(values, namespace))
    }

    /// Objects with a namespace each.
    fn of(mut values: Vec<Value>, namespace: Option<&str>) -> Self {
        let namespace = namespace.map_or_else(|| common_namespace(&values), ToOwned::to_owned);
        for value in &mut values {
            if value.pointer("/metadata/namespace").is_none() {
                value["metadata"]["namespace"] = namespace.clone().into();
            }
        }
        Self { objects: values.into_iter().map(Object::new).collect() }
    }

    /// These documents, as if they had been read.
    #[cfg(test)]
    pub(super) fn of_values(documents: Vec<Value>) -> Self {
        Self::of(objects(documents), None)
    }

    /// Whether there is no object at all.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// All objects.
    pub(super) fn all(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of a kind, of whatever version.
    pub(in crate::cli) fn of_kind(&self, group: &str, kind: &str) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| {
            let version = object.text("/apiVersion");
            let in_group = version.split_once('/').map_or("", |(group, _)| group);
            object.text("/kind") == kind && in_group == group
        })
    }

    /// One object.
    pub(super) fn find(&self, group: &str, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.of_kind(group, kind).find(|object| object.namespace() == namespace && object.name() == name)
    }
}

/// The texts behind one `-f`, each with what to call it.
fn texts(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let unreadable =
        |path: &Path, error: &io::Error| Failure::refused(format!("`{}` can't be read: {error}", path.display()));
    if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| unreadable(Path::new("stdin"), &error))?;
        return Ok(vec![("stdin".into(), text)]);
    }
    let files = if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| unreadable(path, &error))?;
        let mut files: Vec<PathBuf> =
            entries.into_iter().map(|entry| entry.path()).filter(|file| is_manifest(file)).collect();
        files.sort();
        files
    } else {
        vec![path.to_owned()]
    };
    files
        .into_iter()
        .map(|file| match fs::read_to_string(&file) {
            Ok(text) => Ok((file.display().to_string(), text)),
            Err(error) => Err(unreadable(&file, &error)),
        })
        .collect()
}

fn is_manifest(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    file.is_file() && matches!(extension, Some("yaml" | "yml" | "json"))
}

/// The objects in a text.
fn parse(source: &str, text: &str) -> Result<Vec<Value>, Failure> {
    serde_saphyr::from_multiple(text)
        .map(objects)
        .map_err(|error| Failure::refused(format!("`{source}` is no YAML: {error}")))
}

/// The objects among documents; a `List` is taken apart, and documents that are no objects are passed over.
fn objects(documents: Vec<Value>) -> Vec<Value> {
    let objects = documents.into_iter().flat_map(|document| match document {
        Value::Object(mut list)
            if list.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) =>
        {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        document => vec![document],
    });
    objects.filter(|object| object["kind"].is_string() && object["metadata"].is_object()).collect()
}

fn common_namespace(values: &[Value]) -> String {
    let mut namespaces = values.iter().filter_map(|value| value.pointer("/metadata/namespace")?.as_str());
    match namespaces.next() {
        Some(first) if namespaces.all(|namespace| namespace == first) => first.to_owned(),
        _ => "default".to_owned(),
    }
}
