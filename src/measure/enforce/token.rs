//! The tokens of PromQL. Whatever could be read in two ways is an error.

/// A token and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// The name of a metric, label or function, or a word of the language.
    Word,
    /// A number or a duration.
    Number,
    /// A text with its quotes.
    Text,
    /// `[5m]`, `[5m:1m]`.
    Range,
    /// A bracket, a comma or an operator.
    Symbol,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// What the text stands for; none where that needs more than taking its quotes off.
    pub(super) fn plain(&self) -> Option<&str> {
        let inner = self.text.get(1..self.text.len().checked_sub(1)?)?;
        (self.kind == TokenKind::Text && !inner.contains('\\')).then_some(inner)
    }
}

/// The longer ones first.
const SYMBOLS: [&str; 21] =
    ["=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", ",", "@"];

/// What stands at a place and can't be read, and where.
pub(super) type Problem = (String, usize);

/// Reads a query; comments and space between tokens are left out.
pub(super) fn tokens(query: &str) -> Result<Vec<Token<'_>>, Problem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        let (kind, length) = match first {
            ' ' | '\t' | '\n' | '\r' => {
                at += 1;
                continue;
            }
            '#' => {
                at += comment(rest).ok_or_else(|| ("a carriage return in a comment".to_owned(), at))?;
                continue;
            }
            '"' | '\'' | '`' => {
                (TokenKind::Text, text(rest, first).ok_or_else(|| ("a text that does not end".to_owned(), at))?)
            }
            '[' => (TokenKind::Range, range(rest).ok_or_else(|| ("a range that is no duration".to_owned(), at))?),
            'a'..='z' | 'A'..='Z' | '_' | ':' => (TokenKind::Word, span(rest, ":_")),
            '0'..='9' | '.' => (TokenKind::Number, span(rest, "._")),
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => (TokenKind::Symbol, symbol.len()),
                None => return Err((format!("`{}`", first.escape_debug()), at)),
            },
        };
        tokens.push(Token { kind, text: &rest[..length], start: at });
        at += length;
    }
    Ok(tokens)
}

/// Where the comments of a query are that has been read.
pub(super) fn comments(query: &str) -> Vec<(usize, usize)> {
    let mut comments = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        at += match first {
            '#' => {
                let length = comment(rest).unwrap_or(rest.len());
                comments.push((at, at + length));
                length
            }
            '"' | '\'' | '`' => text(rest, first).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
    }
    comments
}

/// The length of a comment. Prometheus ends it at a carriage return too, others do not.
fn comment(rest: &str) -> Option<usize> {
    let length = rest.find('\n').unwrap_or(rest.len());
    (!rest[..length].contains('\r')).then_some(length)
}

/// The length of a text with its quotes.
fn text(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    loop {
        match characters.next()? {
            (end, character) if character == quote => return Some(end + 1),
            (_, '\n' | '\r') if quote != '`' => return None,
            (_, '\\') if quote != '`' => drop(characters.next()?),
            _ => {}
        }
    }
}

/// The length of a range with its brackets. Durations begin with a digit, so no word is one.
fn range(rest: &str) -> Option<usize> {
    let end = rest.find(']')?;
    let is_of_range = |character: char| character.is_ascii_alphanumeric() || " \t\n._:".contains(character);
    let is_duration =
        |part: &str| part.is_empty() || part.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let inner = &rest[1..end];
    (inner.chars().all(is_of_range) && inner.split([' ', '\t', '\n', ':']).all(is_duration)).then_some(end + 1)
}

/// How far letters, digits and these reach.
fn span(rest: &str, others: &str) -> usize {
    rest.find(|character: char| !character.is_ascii_alphanumeric() && !others.contains(character)).unwrap_or(rest.len())
}
