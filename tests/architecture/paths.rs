//! The paths that code names, with use trees unfolded and `self` and `super` resolved.

/// A path in the code, such as `crate::plan::decide` or `std::fs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// The line, from 1.
    pub(crate) line: usize,
    /// Its segments; those of this crate start with `crate`.
    pub(crate) segments: Vec<String>,
    /// The name that it is known by in the module, where the path is part of a `pub use`.
    pub(crate) exported_as: Option<String>,
}

/// Every path of the code of a module.
pub(crate) fn paths(code: &str, module: &[String]) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut reader = Reader { code, at: 0 };
    let mut words: [&str; 2] = [""; 2];
    while reader.at < code.len() {
        let Some(word) = reader.word() else {
            reader.at += code[reader.at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let start = reader.at - word.len();
        let is_use = words[1] == "use";
        let follows_path = code[..start].trim_end().ends_with("::");
        if !follows_path && (is_use || reader.peeks("::")) {
            let exported = is_use && words[0] == "pub";
            reader.at = start;
            let mut trees = Vec::new();
            reader.tree(&[], &mut trees);
            found.extend(trees.into_iter().map(|tree| tree.resolve(code, module, exported)));
            words = [""; 2];
        } else {
            words = [words[1], word];
        }
    }
    found
}

/// One branch of a use tree: where it ends, its segments, and the name after `as`.
struct Branch {
    end: usize,
    segments: Vec<String>,
    alias: Option<String>,
}

impl Branch {
    fn resolve(self, code: &str, module: &[String], exported: bool) -> NamedPath {
        let line = code[..self.end].matches('\n').count() + 1;
        let name = self.alias.or_else(|| self.segments.last().cloned());
        let mut segments = self.segments.as_slice();
        let mut base = Vec::new();
        if let Some(first @ ("self" | "super")) = segments.first().map(String::as_str) {
            base = [vec!["crate".to_owned()], module.to_vec()].concat();
            if first == "self" {
                segments = &segments[1..];
            }
        }
        while segments.first().is_some_and(|segment| segment == "super") {
            base.pop();
            segments = &segments[1..];
        }
        base.extend_from_slice(segments);
        if base.last().is_some_and(|last| last == "self") {
            base.pop();
        }
        NamedPath { line, segments: base, exported_as: exported.then_some(name).flatten() }
    }
}

/// Reads code from left to right.
struct Reader<'a> {
    code: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        let rest = &self.code[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peeks(&self, token: &str) -> bool {
        self.code[self.at..].trim_start().starts_with(token)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peeks(token);
        if found {
            self.skip_blanks();
            self.at += token.len();
        }
        found
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = &self.code[self.at..];
        let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    /// Reads `a::b`, `a::{b, c as d}` or `a::*` and adds each branch.
    fn tree(&mut self, prefix: &[String], found: &mut Vec<Branch>) {
        let mut segments = prefix.to_vec();
        loop {
            self.skip_blanks();
            if self.take("{") {
                while !self.take("}") && self.at < self.code.len() {
                    self.tree(&segments, found);
                    if !self.take(",") && !self.peeks("}") {
                        return;
                    }
                }
                return;
            }
            if let Some(word) = self.word() {
                segments.push(word.to_owned());
            } else if !self.take("*") {
                break;
            }
            if !self.take("::") {
                break;
            }
        }
        let end = self.at;
        let alias = self.take("as ").then(|| {
            self.skip_blanks();
            self.word().unwrap_or_default().to_owned()
        });
        found.push(Branch { end, segments, alias });
    }
}

#[cfg(test)]
fn texts(code: &str) -> Vec<String> {
    let module = ["plan".to_owned(), "step".to_owned()];
    paths(code, &module).iter().map(|path| format!("{} {}", path.line, path.segments.join("::"))).collect()
}

#[test]
fn use_trees_are_unfolded() {
    let code = "use crate::{\n    api::{Rollout, status::Phase as Where},\n    model,\n};\nuse std::fs;\nuse tokio;";
    assert_eq!(
        texts(code),
        ["2 crate::api::Rollout", "2 crate::api::status::Phase", "3 crate::model", "5 std::fs", "6 tokio"]
    );
}

#[test]
fn paths_in_expressions_are_found() {
    let code =
        "fn now() -> Timestamp {\n    let _: std::time::Instant = Instant::now();\n    crate::act::perform::<u8>()\n}";
    assert_eq!(texts(code), ["2 std::time::Instant", "2 Instant::now", "3 crate::act::perform"]);
}

#[test]
fn relative_paths_are_resolved() {
    assert_eq!(
        texts("use super::super::cli::get; use self::deeper::It; use super::phase;"),
        ["1 crate::cli::get", "1 crate::plan::step::deeper::It", "1 crate::plan::phase"]
    );
}

#[test]
fn exported_names_are_known() {
    let exported: Vec<_> = paths("pub use effect::{Effect, Purpose as For};", &["act".to_owned()])
        .into_iter()
        .map(|path| (path.segments.join("::"), path.exported_as))
        .collect();
    assert_eq!(
        exported,
        [
            ("effect::Effect".to_owned(), Some("Effect".to_owned())),
            ("effect::Purpose".to_owned(), Some("For".to_owned()))
        ]
    );
}
