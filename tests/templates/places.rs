//! The library is the same wherever it is said or copied.

use std::{collections::BTreeSet, fs, path::Path};

use crate::library::{all, files};

#[test]
fn the_chart_carries_every_template_as_it_is() {
    let copies = files("charts/siskin/files/analysis-templates", "yaml");
    assert_eq!(copies, files("analysis-templates", "yaml"), "run `make crds` and commit");
}

#[test]
fn the_documentation_s_table_has_every_template_with_its_metrics_and_arguments() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ["))
        .map(|line| line.trim_end_matches('|').split('|').map(str::trim).collect())
        .collect();
    let named: BTreeSet<_> = rows.iter().filter_map(|row| row[0].split(']').next()).map(str::to_owned).collect();
    let names: BTreeSet<_> = all().into_iter().map(|template| template.name).collect();
    assert_eq!(named, names);

    for template in all() {
        let row = rows.iter().find(|row| row[0].starts_with(&format!("{}]", template.name))).unwrap();
        for metric in template.metrics() {
            assert!(
                row.join("|").contains(&format!("`{}`", metric.name)),
                "{}: {} is missing",
                template.name,
                metric.name
            );
        }
        for argument in &template.object.spec.template.args {
            assert!(
                row.join("|").contains(&format!("`{}`", argument.name)),
                "{}: {} is missing",
                template.name,
                argument.name
            );
        }
    }
}
