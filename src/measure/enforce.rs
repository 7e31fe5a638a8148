//! Bounds a query to the series of one namespace: a matcher is added to every selector in it. The controller asks
//! Prometheus with its own rights, and an operator may not want whoever writes a template to have them.
//!
//! The query is read as PromQL, and what is not certain to be PromQL is refused. So a selector can't hide in a comment
//! or a text, behind a word that one server takes for a name and another for an operator, or in what only some servers
//! know (`or` between matchers, `with`, an expression after `@`). What is sent is the query as its author wrote it,
//! without its comments, and with the matcher in it.

mod reader;
mod token;

use super::{client::Client, outcome::Gap, promql::escape};
use reader::Reader;

/// A label whose value is the namespace that a series is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforced {
    label: String,
}

/// Why a query can't be bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnforceError {
    /// The name of the label is none.
    #[error(
        "`{label}` is no name of a label that can be enforced; give one of letters, digits and `_`, such as `namespace`"
    )]
    Label {
        /// The name as given.
        label: String,
    },
    /// There is nothing to bound the query to.
    #[error("the query is of no namespace, and this controller asks only for series of a namespace")]
    NoNamespace,
    /// The query asks for another namespace, or for several.
    #[error(
        "the query has the condition `{condition}`, and this controller asks only for series with `{matcher}`; leave the condition out, or write `{{{{ namespace }}}}` as its value"
    )]
    Conflict {
        /// The condition as the query has it.
        condition: String,
        /// The only one that it may have.
        matcher: String,
    },
    /// What a query has at a place is nothing that can stand there, as far as is known here.
    #[error(
        "the query can't be bounded to series with `{matcher}`, which this controller asks for alone: {what} at byte {at} can't stand there; only PromQL of Prometheus itself is read here, and a metric whose name is a word of PromQL is written `{{__name__=\"…\"}}`"
    )]
    Unreadable {
        /// The matcher that would be added.
        matcher: String,
        /// What stands there.
        what: String,
        /// Where, in bytes from the beginning.
        at: usize,
    },
}

impl Enforced {
    /// Enforces this label.
    ///
    /// # Errors
    /// It is no name of a label.
    pub fn new(label: &str) -> Result<Self, EnforceError> {
        let is_first = |first: char| first.is_ascii_alphabetic() || first == '_';
        let is_name =
            label.starts_with(is_first) && label.chars().all(|other| is_first(other) || other.is_ascii_digit());
        // The name of the metric is no property that tells namespaces apart.
        if is_name && label != "__name__" {
            Ok(Self { label: label.to_owned() })
        } else {
            Err(EnforceError::Label { label: label.to_owned() })
        }
    }

    /// The query for the series of a namespace alone.
    ///
    /// # Errors
    /// The query asks for another namespace, or is not certain to be PromQL.
    pub(super) fn bound(&self, query: &str, namespace: &str) -> Result<String, EnforceError> {
        if namespace.is_empty() {
            return Err(EnforceError::NoNamespace);
        }
        let matcher = format!(r#"{}="{}""#, self.label, escape(namespace, '"'));
        let unreadable = |(what, at): (String, usize)| EnforceError::Unreadable { matcher: matcher.clone(), what, at };
        let tokens = token::tokens(query).map_err(unreadable)?;
        let selectors = Reader::selectors(&tokens).map_err(unreadable)?;

        let (mut bounded, mut copied) = (String::with_capacity(query.len() + 64), 0);
        let mut insertions = Vec::new();
        for selector in &selectors {
            let mut has = false;
            for condition in selector.conditions.iter().filter(|condition| condition.label == self.label) {
                if condition.operator != "=" || condition.value.as_deref() != Some(namespace) {
                    let condition = query[condition.start..condition.end].chars().take(200).collect();
                    return Err(EnforceError::Conflict { condition, matcher });
                }
                has = true;
            }
            if !has {
                let inserted = match (selector.braces, selector.empty) {
                    (false, _) => format!("{{{matcher}}}"),
                    (true, true) => matcher.clone(),
                    (true, false) => format!("{matcher},"),
                };
                insertions.push((selector.at, selector.at, inserted));
            }
        }
        // A server that ends a comment elsewhere would read other text as code.
        insertions.extend(token::comments(query).into_iter().map(|(start, end)| (start, end, String::new())));
        insertions.sort_by_key(|(start, ..)| *start);
        for (start, end, inserted) in insertions {
            bounded.push_str(&query[copied..start]);
            bounded.push_str(&inserted);
            copied = end;
        }
        bounded.push_str(&query[copied..]);
        Ok(bounded)
    }
}

impl Client {
    /// The query as it is sent for a namespace: bounded to its series where the operator wants that.
    pub(super) fn bounded(&self, namespace: &str, query: &str) -> Result<String, Gap> {
        match &self.enforced {
            Some(enforced) => {
                enforced.bound(query, namespace).map_err(|problem| Gap::QueryNotAllowed(problem.to_string()))
            }
            None => Ok(query.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
