//! Source files as the checks see them: without comments, texts and test code, with every line where it was.

use std::{fs, path::Path};

/// One Rust file.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// From the root of the checkout, with `/`.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
}

impl SourceFile {
    /// Every Rust file under a folder of the checkout, in the order of their paths.
    pub(crate) fn all_under(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        let mut folders = vec![root.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
                let path = entry.expect("a listed file can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    let path = path
                        .strip_prefix(root)
                        .expect("every file is under the root")
                        .to_string_lossy()
                        .replace('\\', "/");
                    files.push(Self { path, text });
                }
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }

    /// The module that the file is, as in `crate::a::b`; empty for the crate's roots. None outside `src`.
    pub(crate) fn module(&self) -> Option<Vec<String>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| last == "mod")
            || (parts.len() == 1 && ["lib", "main"].contains(&parts[0].as_str()))
        {
            parts.pop();
        }
        Some(parts)
    }

    /// Whether all of the file is test code, by its name.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').skip(1).any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
    }

    /// The code alone: comments, texts and test items are blanks.
    pub(crate) fn code(&self) -> String {
        blank_test_items(&blank_comments_and_texts(&self.text))
    }
}

/// Replaces all but line ends by blanks.
fn blank(out: &mut String, text: &str) {
    out.extend(text.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
}

fn blank_comments_and_texts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = comment_or_text_length(rest, out.chars().last());
        if length > 0 {
            let (skipped, after) = rest.split_at(length);
            blank(&mut out, skipped);
            rest = after;
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// How many bytes at the start of `rest` are a comment, a text or a letter in quotes; 0 where they are code.
fn comment_or_text_length(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if rest.starts_with('r') && !in_word {
        let hashes = rest[1..].chars().take_while(|letter| *letter == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
        }
    }
    if rest.starts_with('"') {
        return quoted_length(rest, '"');
    }
    // A quote that is closed after one letter, or starts an escape, is a letter; any other is a lifetime.
    let mut letters = rest.chars();
    if letters.next() == Some('\'') && (letters.next() == Some('\\') || letters.next() == Some('\'')) {
        return quoted_length(rest, '\'');
    }
    0
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Blanks what follows each `#[cfg(test)]`, up to its `;` or the end of its braces.
fn blank_test_items(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..start]);
        let mut depth = 0_usize;
        let end = rest[start..].find(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (letter == ';' || letter == '}')
        });
        let end = end.map_or(rest.len(), |at| start + at + 1);
        blank(&mut out, &rest[start..end]);
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[test]
fn comments_texts_and_test_items_are_not_code() {
    let text = r##"
//! crate::a
use crate::b; // crate::c
/* crate::d */ const TEXT: &str = "crate::e \" crate::f"; const RAW: &str = r#"crate::g " "#;
fn borrow<'a>(letter: &'a char) -> bool { *letter == '"' || *letter == '\'' }
#[cfg(test)]
mod tests { use crate::h; fn inner() {} }
use crate::i;
"##;
    let code = SourceFile { path: "src/x.rs".into(), text: text.into() }.code();
    assert_eq!(code.matches("crate::").count(), 2, "{code}");
    assert!(code.contains("crate::b") && code.contains("crate::i") && code.contains("*letter =="), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn a_file_knows_its_module() {
    let module = |path: &str| SourceFile { path: path.into(), text: String::new() }.module();
    assert_eq!(module("src/lib.rs"), Some(vec![]));
    assert_eq!(module("src/act/mod.rs"), Some(vec!["act".into()]));
    assert_eq!(module("src/act/effect.rs"), Some(vec!["act".into(), "effect".into()]));
    assert_eq!(module("tests/bed/src/lib.rs"), None);
}
