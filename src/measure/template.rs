//! Query templates: PromQL with `{{ expression }}` in it. Expressions are minijinja's (`revision`, `args.port`, `subset
//! | regex`, `'5..' if args.strict == 'no' else '[45]..'`); there are no statements, loops, functions or includes. A value
//! never becomes query text: it is escaped for the quotes that it stands in, and outside quotes only a word is let
//! through.
//!
//! Whoever may write a template must not be able to exhaust the controller. Three limits hold while a template is read
//! and filled in: the length of an expression, what an expression may make on the way to its value, and the length of
//! the query.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    sync::LazyLock,
};

use minijinja::{Environment, ErrorKind, Expression, State, UndefinedBehavior, Value, value::ValueKind};

use super::promql::{Misplaced, Place, Reader, escape_regex};

/// The map of a template's arguments.
pub(super) const ARGUMENTS: &str = "args";

/// The longest query that is sent, in bytes. Hand-written ones have some hundred.
const LONGEST_QUERY: usize = 64 << 10;
/// The longest expression, in bytes: a chain of filters or operators nests as deep as it is long, and is compiled by
/// recursion.
const LONGEST_EXPRESSION: usize = 500;
/// What the evaluation of one expression may spend. One unit is an instruction, or 64 bytes of a text that is made.
const FUEL: u64 = 4_000;
/// The longest part of an expression or value that an error repeats, in characters.
const LONGEST_QUOTE: usize = 100;

/// Empty but for our one filter: no functions and no tests.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("regex", |state: &State, value: &str| {
        // Twice the length at most is made. It is paid for before it is made: what a filter gives is charged too late.
        state.consume_fuel(value.len() as u64 / 32)?;
        Ok::<_, minijinja::Error>(escape_regex(value))
    });
    environment
});

/// Why a template can't be read or filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name that nothing defines.
    #[error("template variable `{name}` is not defined; defined are {defined}")]
    Undefined {
        /// The name as the template has it.
        name: String,
        /// What there is, separated by commas.
        defined: String,
    },
    /// What stands between the braces is not an expression, or it can't be evaluated.
    #[error("`{{{{ {expression} }}}}`: {problem}")]
    Expression {
        /// The text between the braces.
        expression: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The closing braces are missing.
    #[error("`{{{{{rest}` is not closed by `}}}}`")]
    Unclosed {
        /// The beginning of what follows the opening braces.
        rest: String,
    },
    /// A statement; only expressions are known.
    #[error("`{{%` begins a statement; only `{{{{ expressions }}}}` are known here")]
    Statement,
    /// The value would be part of an escape sequence.
    #[error("`{{{{ {expression} }}}}` stands right after a backslash; write `\\\\` for a backslash of its own")]
    AfterBackslash {
        /// The text between the braces.
        expression: String,
    },
    /// The expression is too long to be read.
    #[error(
        "`{{{{ {expression} }}}}` has {bytes} bytes, and an expression may have {LONGEST_EXPRESSION}; shorten it, or put a part of it into an argument"
    )]
    LongExpression {
        /// The beginning of the text between the braces.
        expression: String,
        /// Its length.
        bytes: usize,
    },
    /// The expression makes more on the way to its value than may be made.
    #[error(
        "`{{{{ {expression} }}}}` makes more than {} KiB of text, or takes more than {FUEL} operations; make it smaller: `| regex` doubles what it escapes, and is needed once",
        FUEL * 64 / 1024
    )]
    Budget {
        /// The text between the braces.
        expression: String,
    },
    /// The query is too long.
    #[error(
        "the query has {bytes} bytes or more when it is filled in, and a query may have {LONGEST_QUERY}; shorten the query, or the values of its arguments"
    )]
    LongQuery {
        /// How long it was when it was given up.
        bytes: usize,
    },
    /// The value can't be written where it stands without becoming query text.
    #[error("`{{{{ {expression} }}}}` is `{value}`, but {place}")]
    Misplaced {
        /// The text between the braces.
        expression: String,
        /// What it came to.
        value: String,
        /// What is let through at that place.
        place: &'static str,
    },
}

/// A query template that has been read.
pub struct Template {
    pieces: Vec<Piece>,
}

enum Piece {
    Text(String),
    Value { source: String, place: Place, expression: Expression<'static, 'static> },
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        fits(text.len())?;
        let (mut pieces, mut reader, mut rest) = (Vec::new(), Reader::default(), text);
        loop {
            let opening = opening(rest).unwrap_or(rest.len());
            let (literal, expression) = rest.split_at(opening);
            if literal.contains("{%") {
                return Err(TemplateError::Statement);
            }
            if !literal.is_empty() {
                reader.read(literal);
                pieces.push(Piece::Text(literal.to_owned()));
            }
            let Some(expression) = expression.strip_prefix("{{") else { return Ok(Self { pieces }) };
            let Some((source, after)) = expression.split_once("}}") else {
                return Err(TemplateError::Unclosed { rest: expression.chars().take(40).collect() });
            };
            pieces.push(Piece::value(source.trim(), reader.place())?);
            rest = after;
        }
    }

    /// Checks that every name is defined: without values, so that a template is found wrong before anything uses it.
    /// `defined` holds the names that stand alone, `arguments` those behind `args.`.
    pub fn check(&self, defined: &[&str], arguments: &BTreeSet<String>) -> Result<(), TemplateError> {
        let argument = |name: &str| name.strip_prefix("args.").is_some_and(|name| arguments.contains(name));
        match self.names().into_iter().find(|name| name != ARGUMENTS && !defined.contains(&&**name) && !argument(name))
        {
            Some(name) => Err(TemplateError::Undefined { name, defined: list(defined, arguments) }),
            None => Ok(()),
        }
    }

    /// Fills the template in.
    pub fn render(
        &self,
        variables: &BTreeMap<&'static str, String>,
        arguments: &BTreeMap<String, String>,
    ) -> Result<String, TemplateError> {
        let names: Vec<_> = variables.keys().copied().collect();
        self.check(&names, &arguments.keys().cloned().collect())?;

        let mut context: BTreeMap<&str, Value> =
            variables.iter().map(|(name, value)| (*name, Value::from(value))).collect();
        context.insert(ARGUMENTS, Value::from(arguments.clone()));
        let context = Value::from(context);

        let mut query = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => query.push_str(text),
                Piece::Value { source, place, expression } => {
                    let value = text(source, expression.eval(context.clone()))?;
                    fits(query.len() + value.len())?;
                    let written = place.write(&value).map_err(|misplaced| TemplateError::Misplaced {
                        expression: source.clone(),
                        value: shorten(&value),
                        place: explain(misplaced),
                    })?;
                    query.push_str(&written);
                }
            }
            fits(query.len())?;
        }
        Ok(query)
    }

    /// The names that the expressions use, in order: `revision`, `args.port`.
    pub fn names(&self) -> BTreeSet<String> {
        let names = |piece: &Piece| match piece {
            Piece::Text(_) => HashSet::new(),
            Piece::Value { expression, .. } => expression.undeclared_variables(true),
        };
        self.pieces.iter().flat_map(names).collect()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Template").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl Piece {
    fn value(source: &str, place: Option<Place>) -> Result<Self, TemplateError> {
        let place = place.ok_or_else(|| TemplateError::AfterBackslash { expression: source.to_owned() })?;
        if source.len() > LONGEST_EXPRESSION {
            return Err(TemplateError::LongExpression { expression: shorten(source), bytes: source.len() });
        }
        let expression = ENVIRONMENT
            .compile_expression_owned(source.to_owned())
            .map_err(|error| failed(source, error.detail().unwrap_or("is not an expression")))?;
        Ok(Self::Value { source: source.to_owned(), place, expression })
    }
}

/// Where the next expression opens. Of three braces the first is PromQL's: `{{{ args.label }}="x"}`.
fn opening(text: &str) -> Option<usize> {
    let first = text.find("{{")?;
    Some(first + usize::from(text[first..].starts_with("{{{")))
}

/// The text of a value; only texts and numbers have one.
fn text(expression: &str, value: Result<Value, minijinja::Error>) -> Result<String, TemplateError> {
    match value {
        Ok(value) => match value.kind() {
            ValueKind::String | ValueKind::Number => Ok(value.to_string()),
            ValueKind::Undefined => Err(failed(expression, "is not defined")),
            kind => Err(failed(expression, format!("is a {kind}, not a text"))),
        },
        Err(error) if error.kind() == ErrorKind::OutOfFuel => {
            Err(TemplateError::Budget { expression: shorten(expression) })
        }
        Err(error) => Err(failed(expression, error.detail().map_or_else(|| error.kind().to_string(), shorten))),
    }
}

/// Refuses a query that has come to so many bytes, where those are too many.
fn fits(bytes: usize) -> Result<(), TemplateError> {
    if bytes > LONGEST_QUERY { Err(TemplateError::LongQuery { bytes }) } else { Ok(()) }
}

fn failed(expression: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::Expression { expression: shorten(expression), problem: problem.into() }
}

/// The beginning of a text that an error repeats.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn explain(misplaced: Misplaced) -> &'static str {
    match misplaced {
        Misplaced::NotAWord => "outside quotes only letters, digits, `_`, `:` and `.` are let through",
        Misplaced::Backtick => "between backticks a backtick can't be escaped; use double quotes",
    }
}

fn list(defined: &[&str], arguments: &BTreeSet<String>) -> String {
    let arguments = arguments.iter().map(|name| format!("{ARGUMENTS}.{name}"));
    defined.iter().map(|name| (*name).to_owned()).chain(arguments).collect::<Vec<_>>().join(", ")
}
