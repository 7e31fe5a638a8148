//! The shape of the files: each says at its top what it is for, and is short enough to be read at once.

use crate::{Violation, source::SourceFile};

/// No file is longer, tests included.
const LONGEST: usize = 600;
/// Half of the files are shorter.
const MEDIAN: usize = 150;

/// Files that do not have it.
pub(crate) fn violations(files: &[SourceFile]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in files {
        let mut violation = |line, text: String| found.push(Violation { file: file.path.clone(), line, text });
        if !file.text.starts_with("//! ") {
            violation(
                1,
                "does not start with `//! ` and a sentence that says what the file is for: write it".to_owned(),
            );
        }
        let length = file.text.lines().count();
        if length > LONGEST {
            violation(
                LONGEST + 1,
                format!("has {length} lines, more than {LONGEST}: split it by what its parts are for"),
            );
        }
    }
    let mut lengths: Vec<(usize, &str)> =
        files.iter().map(|file| (file.text.lines().count(), file.path.as_str())).collect();
    lengths.sort_unstable();
    if let Some((median, path)) = lengths.get(lengths.len() / 2)
        && *median >= MEDIAN
    {
        found.push(Violation {
            file: (*path).to_owned(),
            line: 1,
            text: format!(
                "is the median of {} files and has {median} lines: it must stay under {MEDIAN}; split the longest",
                files.len()
            ),
        });
    }
    found
}

#[cfg(test)]
fn file(path: &str, head: &str, lines: usize) -> SourceFile {
    SourceFile { path: path.into(), text: format!("{head}\n{}", "\n".repeat(lines - 1)) }
}

#[test]
fn a_file_without_a_head_and_a_file_without_an_end_are_found() {
    let files =
        [file("src/a.rs", "//! Good.", 10), file("src/b.rs", "use std::fmt;", 10), file("src/c.rs", "//! Long.", 601)];
    let found: Vec<_> = violations(&files).into_iter().map(|found| (found.file, found.line)).collect();
    assert_eq!(found, [("src/b.rs".to_owned(), 1), ("src/c.rs".to_owned(), 601)]);
}

#[test]
fn a_house_of_long_files_is_found() {
    let files =
        [file("src/a.rs", "//! Short.", 10), file("src/b.rs", "//! Long.", 150), file("src/c.rs", "//! Long.", 160)];
    let found = violations(&files);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file, "src/b.rs");
}
