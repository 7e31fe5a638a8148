//! A page that is complete in itself: no script, nothing loaded, readable on a telephone, in the dark, on paper and by
//! a screen reader.

use std::sync::LazyLock;

use minijinja::{Environment, context, value::Serde};

use super::page::Page;
use crate::analysis::Record;

/// Templates whose names end in `.html` escape every value, whoever wrote it.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, text) in
        [("chart.html", include_str!("templates/chart.html")), ("report.html", include_str!("templates/report.html"))]
    {
        templates.add_template(name, text).expect("the templates are part of the program, and a test renders them");
    }
    templates
});

/// The page about an analysis.
pub fn html(record: &Record) -> String {
    render(&Page::new(record))
}

fn render(page: &Page) -> String {
    let context = context! {
        page => Serde(page),
        style => include_str!("templates/report.css").trim_end(),
        version => env!("CARGO_PKG_VERSION"),
    };
    let template = TEMPLATES.get_template("report.html").expect("it was added above");
    template.render(context).expect("the page has every field that the template names, and a test renders it")
}

#[cfg(test)]
mod tests;
