//! The order of the layers: each imports only those before it.

use std::collections::HashMap;

use crate::{
    Violation,
    paths::{NamedPath, paths},
    source::SourceFile,
};

/// The layers in the order of the flow. Those of one line do not import each other.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["judge", "route", "workload"],
    &["api"],
    &["measure"],
    &["analysis"],
    &["observe"],
    &["act::effect"],
    &["plan"],
    &["act"],
    &["controller"],
    &["report"],
    &["simulate", "characterize"],
    &["cli"],
];

/// What breaks the order.
pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let exports = exports(files);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let Some(module) = file.module().filter(|module| !module.is_empty()) else { continue };
        let Some((own_rank, own)) = layer(&module) else {
            found.push(Violation {
                file: file.path.clone(),
                line: 1,
                text: format!(
                    "`{}` is in no layer: put it into the folder of one, or give it a place in LAYERS of tests/architecture/layers.rs and in CONTRIBUTING.md",
                    module[0]
                ),
            });
            continue;
        };
        for named in paths(&file.code(), &module) {
            let path = resolve(&named.segments, &exports);
            if path.first().is_none_or(|root| root != "crate") {
                continue;
            }
            if let Some((rank, other)) = layer(&path[1..])
                && other != own
                && rank >= own_rank
            {
                found.push(Violation {
                    file: file.path.clone(),
                    line: named.line,
                    text: format!(
                        "`{own}` must not import `{}`: `{other}` is not before it in the flow; move what both need to an earlier layer, or the caller to a later one",
                        named.segments.join("::")
                    ),
                });
            }
        }
    }
    found
}

/// The layer of a module or item, by its longest name, and its place in the order.
fn layer(path: &[String]) -> Option<(usize, &'static str)> {
    let text = path.join("::");
    let matches = |name: &str| text == name || text.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    let ranked = LAYERS.iter().enumerate().flat_map(|(rank, names)| names.iter().map(move |name| (rank, *name)));
    ranked.filter(|(_, name)| matches(name)).max_by_key(|(_, name)| name.len())
}

/// Where the names that a module exports come from: `act::Effect` is `act::effect::Effect`.
fn exports(files: &[SourceFile]) -> HashMap<Vec<String>, Vec<String>> {
    let mut exports = HashMap::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let Some(module) = file.module() else { continue };
        let here = [vec!["crate".to_owned()], module.clone()].concat();
        for NamedPath { segments, exported_as, .. } in paths(&file.code(), &module) {
            let Some(name) = exported_as else { continue };
            let target = if segments[0] == "crate" { segments } else { [here.clone(), segments].concat() };
            exports.insert([here.clone(), vec![name]].concat(), target);
        }
    }
    exports
}

/// Follows exports to the module that really has the item.
fn resolve(path: &[String], exports: &HashMap<Vec<String>, Vec<String>>) -> Vec<String> {
    let mut path = path.to_vec();
    // As many times as there are folders in a path; a cycle of exports would not compile anyway.
    for _ in 0..8 {
        let Some((length, target)) =
            (1..=path.len()).find_map(|length| exports.get(&path[..length]).map(|target| (length, target)))
        else {
            break;
        };
        path = [target.as_slice(), &path[length..]].concat();
    }
    path
}

#[cfg(test)]
fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

#[test]
fn an_import_against_the_flow_is_found_at_its_line() {
    let files = [file("src/judge/bad.rs", "//! Bad.\n\nuse crate::{\n    model::Key,\n    plan::decide,\n};\n")];
    let found = violations(&files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].file.as_str(), found[0].line), ("src/judge/bad.rs", 5));
    assert!(found[0].text.starts_with("`judge` must not import `crate::plan::decide`"), "{}", found[0].text);
}

#[test]
fn neighbours_of_one_line_do_not_import_each_other() {
    assert_eq!(violations(&[file("src/route/bad.rs", "use crate::workload::hold;")]).len(), 1);
    assert_eq!(violations(&[file("src/route/bad.rs", "fn f() { crate::judge::look() }")]).len(), 1);
    assert_eq!(violations(&[file("src/route/bad.rs", "use super::super::judge;")]).len(), 1);
}

#[test]
fn an_exported_name_counts_where_it_lives() {
    let act = file("src/act/mod.rs", "mod effect; mod perform; pub use effect::Effect; pub use perform::perform;");
    assert_eq!(violations(&[act.clone(), file("src/plan/good.rs", "use crate::act::Effect;")]), []);
    assert_eq!(violations(&[act, file("src/plan/bad.rs", "use crate::act::perform;")]).len(), 1);
}

#[test]
fn a_new_folder_needs_a_place_in_the_order() {
    assert_eq!(violations(&[file("src/helpers/mod.rs", "//! Bad.")]).len(), 1);
}

#[test]
fn tests_may_import_what_they_want() {
    assert_eq!(violations(&[file("src/judge/tests.rs", "use crate::plan::decide;")]), []);
    assert_eq!(violations(&[file("src/judge/mod.rs", "#[cfg(test)]\nmod tests { use crate::plan::decide; }")]), []);
}
