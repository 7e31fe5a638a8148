//! Reads the queries whose answer can be taken apart again by labels: a selector, or one aggregation around a selector.
//! Whatever else PromQL has is not read, and so is sent as it is.

use super::promql::escape;

/// Aggregations that take no parameter and look at each group of series for itself.
const OPERATORS: [&str; 8] = ["sum", "min", "max", "avg", "count", "group", "stddev", "stdvar"];

/// A query that has been read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Query {
    pub(super) aggregation: Option<Aggregation>,
    pub(super) name: String,
    pub(super) matchers: Vec<Matcher>,
}

/// What stands around a selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aggregation {
    pub(super) operator: String,
    /// Whether the labels are those that stay, or those that go.
    pub(super) by: bool,
    pub(super) labels: Vec<String>,
}

/// One condition of a selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Matcher {
    pub(super) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(super) operator: &'static str,
    /// The text that the quotes stand for.
    pub(super) value: String,
}

impl Query {
    /// Reads a query; nothing where it is of another form.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let query = reader.query()?;
        reader.skip_space();
        reader.rest.is_empty().then_some(query)
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { aggregation, name, matchers } = self;
        if let Some(Aggregation { operator, by, labels }) = aggregation {
            write!(out, "{operator} {} ({}) (", if *by { "by" } else { "without" }, labels.join(", "))?;
        }
        write!(out, "{name}{{")?;
        for (index, Matcher { label, operator, value }) in matchers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, r#"{comma}{label}{operator}"{}""#, escape(value, '"'))?;
        }
        write!(out, "}}{}", if aggregation.is_some() { ")" } else { "" })
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes a text that must stand here.
    fn take(&mut self, text: &str) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Takes the name of a metric or label.
    fn word(&mut self, colons: bool) -> Option<&'a str> {
        self.skip_space();
        let of_name =
            |character: char| character.is_ascii_alphanumeric() || character == '_' || (colons && character == ':');
        let end = self.rest.find(|character| !of_name(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty() && !word.starts_with(|first: char| first.is_ascii_digit())).then_some(word)
    }

    fn query(&mut self) -> Option<Query> {
        let start = self.rest;
        let operator = self.word(true).filter(|word| OPERATORS.contains(word));
        let Some(operator) = operator else {
            self.rest = start;
            return self.selector();
        };
        self.skip_space();
        let before = if self.rest.starts_with('(') { None } else { Some(self.grouping()?) };
        self.take("(")?;
        let selector = self.selector()?;
        self.take(")")?;
        self.skip_space();
        let (by, labels) = match before {
            Some(grouping) => grouping,
            None if self.rest.is_empty() => (true, Vec::new()),
            None => self.grouping()?,
        };
        Some(Query { aggregation: Some(Aggregation { operator: operator.to_owned(), by, labels }), ..selector })
    }

    /// `by (a, b)` or `without (a, b)`.
    fn grouping(&mut self) -> Option<(bool, Vec<String>)> {
        let by = match self.word(false)? {
            "by" => true,
            "without" => false,
            _ => return None,
        };
        self.take("(")?;
        Some((by, self.list(")", |reader| Some(reader.word(false)?.to_owned()))?))
    }

    fn selector(&mut self) -> Option<Query> {
        self.skip_space();
        let name = if self.rest.starts_with('{') { "" } else { self.word(true)? };
        self.skip_space();
        let matchers = match self.rest.strip_prefix('{') {
            Some(rest) => {
                self.rest = rest;
                self.list("}", Self::matcher)?
            }
            None => Vec::new(),
        };
        Some(Query { aggregation: None, name: name.to_owned(), matchers })
    }

    fn matcher(&mut self) -> Option<Matcher> {
        let label = self.word(false)?.to_owned();
        self.skip_space();
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| self.rest.starts_with(operator))?;
        self.take(operator)?;
        Some(Matcher { label, operator, value: self.quoted()? })
    }

    /// Items with commas between them, perhaps one at the end, up to what closes the list.
    fn list<T>(&mut self, close: &str, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        loop {
            if self.take(close).is_some() {
                return Some(items);
            }
            items.push(item(self)?);
            if self.take(",").is_none() {
                self.take(close)?;
                return Some(items);
            }
        }
    }

    /// The text that a string stands for; nothing where it has escapes other than those that are written here.
    fn quoted(&mut self) -> Option<String> {
        self.skip_space();
        let mut characters = self.rest.char_indices();
        let (_, quote) = characters.next().filter(|(_, first)| matches!(first, '"' | '\'' | '`'))?;
        let mut text = String::new();
        loop {
            match characters.next()? {
                (end, character) if character == quote => {
                    self.rest = &self.rest[end + quote.len_utf8()..];
                    return Some(text);
                }
                (_, '\\') if quote != '`' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    same @ ('\\' | '"' | '\'') => text.push(same),
                    _ => return None,
                },
                (_, '\n') if quote != '`' => return None,
                (_, character) => text.push(character),
            }
        }
    }
}
