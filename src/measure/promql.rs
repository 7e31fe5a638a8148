//! Where a value may stand in a PromQL query, and how it is written there so that it stays a value: the one place that
//! keeps an argument from becoming query text. Knows the quotes and comments of PromQL, nothing else of its grammar.

use std::borrow::Cow;

/// What surrounds a place in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside every quote, comments included.
    Bare,
    /// Between quotes of this kind, where a backslash escapes.
    Quoted(char),
    /// Between backticks, where nothing escapes.
    Raw,
}

/// Why a value can't stand where the query wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misplaced {
    /// Outside quotes only words are let through.
    NotAWord,
    /// Nothing escapes a backtick between backticks.
    Backtick,
}

impl Place {
    /// Writes a value so that it reads back as itself at this place.
    pub(super) fn write(self, value: &str) -> Result<Cow<'_, str>, Misplaced> {
        match self {
            Self::Bare if value.chars().all(is_word) => Ok(value.into()),
            Self::Bare => Err(Misplaced::NotAWord),
            Self::Quoted(quote) => Ok(escape(value, quote)),
            Self::Raw if value.contains('`') => Err(Misplaced::Backtick),
            Self::Raw => Ok(value.into()),
        }
    }
}

/// Characters of metric names, label names, numbers and durations; none of them ends or joins an expression.
fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':' | '.')
}

/// Escapes a value for a PromQL string in these quotes.
pub(super) fn escape(value: &str, quote: char) -> Cow<'_, str> {
    if !value.contains([quote, '\\', '\n']) {
        return value.into();
    }
    let mut escaped = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\\' => escaped.push_str("\\\\"),
            _ if character == quote => escaped.extend(['\\', quote]),
            _ => escaped.push(character),
        }
    }
    escaped.into()
}

/// Escapes a value for a regular expression of RE2, which Prometheus matches against the whole label value.
pub(super) fn escape_regex(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Follows the literal text of a query and knows what surrounds the place where it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reader {
    within: Within,
    after_backslash: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Within {
    #[default]
    Code,
    Comment,
    Quoted(char),
    Raw,
}

impl Reader {
    /// Reads on.
    pub(super) fn read(&mut self, text: &str) {
        for character in text.chars() {
            let escaped = std::mem::take(&mut self.after_backslash);
            self.within = match (self.within, character) {
                (Within::Code, '"' | '\'') => Within::Quoted(character),
                (Within::Code, '`') => Within::Raw,
                (Within::Code, '#') => Within::Comment,
                (Within::Comment, '\n') | (Within::Raw, '`') => Within::Code,
                (Within::Quoted(_), '\\') => {
                    self.after_backslash = !escaped;
                    self.within
                }
                (Within::Quoted(quote), _) if character == quote && !escaped => Within::Code,
                (within, _) => within,
            };
        }
    }

    /// What surrounds the place reached; none right after a backslash, which would swallow what comes next.
    pub(super) fn place(self) -> Option<Place> {
        if self.after_backslash {
            return None;
        }
        Some(match self.within {
            Within::Code | Within::Comment => Place::Bare,
            Within::Quoted(quote) => Place::Quoted(quote),
            Within::Raw => Place::Raw,
        })
    }
}
