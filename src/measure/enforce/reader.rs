//! Finds the selectors of a query. Reads from left to right without going back, and knows at each place whether a value
//! or an operator must come: so a word is a metric precisely where Prometheus takes it for one.

use super::token::{Problem, Token, TokenKind};

/// Words that stand between values.
const OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];
/// Functions of many series, which may say before their argument by which labels.
const AGGREGATIONS: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
    "limitk",
    "limit_ratio",
];
/// Other words of the language, which a metric may have as its name only in braces.
const RESERVED: [&str; 16] = [
    "bool",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "start",
    "end",
    "step",
    "smoothed",
    "anchored",
    "fill",
    "fill_left",
    "fill_right",
];
/// What stands between values.
const SYMBOLS: [&str; 12] = ["+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="];

/// A selector of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector {
    /// Where a matcher is inserted.
    pub(super) at: usize,
    /// Whether that is within braces.
    pub(super) braces: bool,
    /// Whether there is nothing else in them.
    pub(super) empty: bool,
    pub(super) conditions: Vec<Condition>,
}

/// A condition on a label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) label: String,
    pub(super) operator: String,
    /// None where the text has escapes.
    pub(super) value: Option<String>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Reads tokens.
pub(super) struct Reader<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
    selectors: Vec<Selector>,
}

impl<'a> Reader<'a> {
    /// The selectors of a query, in its order.
    pub(super) fn selectors(tokens: &'a [Token<'a>]) -> Result<Vec<Selector>, Problem> {
        let mut reader = Self { tokens, next: 0, selectors: Vec::new() };
        reader.query()?;
        Ok(reader.selectors)
    }

    /// Values and operators by turns, in brackets that are counted: a hostile query nests as deep as it is long.
    fn query(&mut self) -> Result<(), Problem> {
        let mut open = 0_usize;
        loop {
            // A value, with all that stands before it.
            while self.take("+") || self.take("-") {}
            if self.take("(") {
                open += 1;
                if !self.take(")") {
                    continue;
                }
                // A function without arguments.
                open -= 1;
            } else if self.value()? {
                continue;
            }
            // What follows a value, up to the next operator.
            loop {
                let Some(token) = self.tokens.get(self.next) else {
                    return if open == 0 { Ok(()) } else { Err(self.problem()) };
                };
                if open > 0 && self.take(")") {
                    open -= 1;
                    if self.word(&["by", "without"]) {
                        self.labels()?;
                    }
                } else if (open > 0 && self.take(",")) || self.operator()? {
                    break;
                } else if token.kind == TokenKind::Range {
                    self.next += 1;
                } else if self.word(&["offset"]) {
                    self.signed_number()?;
                } else if self.take("@") {
                    if self.word(&["start", "end"]) {
                        self.must("(")?;
                        self.must(")")?;
                    } else {
                        self.signed_number()?;
                    }
                } else {
                    return Err(self.problem());
                }
            }
        }
    }

    /// A value; true where it is a function, whose arguments come next.
    fn value(&mut self) -> Result<bool, Problem> {
        let token = self.tokens.get(self.next).ok_or_else(|| self.problem())?;
        match token.kind {
            TokenKind::Number | TokenKind::Text => {
                self.next += 1;
                Ok(false)
            }
            TokenKind::Symbol if token.is("{") => self.braces().map(|()| false),
            TokenKind::Word => {
                let word = token.text.to_ascii_lowercase();
                let calls = self.tokens.get(self.next + 1).is_some_and(|next| next.is("("));
                if AGGREGATIONS.contains(&&*word) {
                    self.next += 1;
                    if self.word(&["by", "without"]) {
                        self.labels()?;
                    }
                    let arguments = self.tokens.get(self.next).is_some_and(|next| next.is("("));
                    return if arguments { Ok(true) } else { Err(self.problem()) };
                }
                if RESERVED.contains(&&*word) || OPERATORS.contains(&&*word) {
                    return Err(self.problem());
                }
                self.next += 1;
                if matches!(&*word, "inf" | "nan") || calls {
                    return Ok(calls);
                }
                if self.tokens.get(self.next).is_some_and(|next| next.is("{")) {
                    return self.braces().map(|()| false);
                }
                let at = token.end();
                self.selectors.push(Selector { at, braces: false, empty: true, conditions: Vec::new() });
                Ok(false)
            }
            _ => Err(self.problem()),
        }
    }

    /// The conditions of a selector; one of them may be the metric's name alone.
    fn braces(&mut self) -> Result<(), Problem> {
        self.must("{")?;
        let at = self.tokens[self.next - 1].end();
        let (mut conditions, mut empty) = (Vec::new(), true);
        while !self.take("}") {
            empty = false;
            let label = self.tokens.get(self.next).ok_or_else(|| self.problem())?;
            if !matches!(label.kind, TokenKind::Word | TokenKind::Text) {
                return Err(self.problem());
            }
            self.next += 1;
            if let Some(operator) = ["=", "!=", "=~", "!~"].into_iter().find(|operator| self.take(operator)) {
                let value = self
                    .tokens
                    .get(self.next)
                    .filter(|value| value.kind == TokenKind::Text)
                    .ok_or_else(|| self.problem())?;
                self.next += 1;
                conditions.push(Condition {
                    label: if label.kind == TokenKind::Word { Some(label.text) } else { label.plain() }
                        .unwrap_or_default()
                        .to_owned(),
                    operator: operator.to_owned(),
                    value: value.plain().map(str::to_owned),
                    start: label.start,
                    end: value.end(),
                });
            } else if label.kind == TokenKind::Word {
                return Err(self.problem());
            }
            if !self.take(",") && !self.tokens.get(self.next).is_some_and(|next| next.is("}")) {
                return Err(self.problem());
            }
        }
        self.selectors.push(Selector { at, braces: true, empty, conditions });
        Ok(())
    }

    /// An operator between two values, with what is said of how they are joined.
    fn operator(&mut self) -> Result<bool, Problem> {
        let Some(token) = self.tokens.get(self.next) else { return Ok(false) };
        if !(SYMBOLS.iter().any(|symbol| token.is(symbol)) || self.at_word(&OPERATORS)) {
            return Ok(false);
        }
        self.next += 1;
        self.word(&["bool"]);
        if self.word(&["on", "ignoring"]) {
            self.labels()?;
            if self.word(&["group_left", "group_right"]) && self.tokens.get(self.next).is_some_and(|next| next.is("("))
            {
                self.labels()?;
            }
        }
        Ok(true)
    }

    /// `(a, b)`.
    fn labels(&mut self) -> Result<(), Problem> {
        self.must("(")?;
        while !self.take(")") {
            let is_label = |label: &Token| matches!(label.kind, TokenKind::Word | TokenKind::Text);
            if !self.tokens.get(self.next).is_some_and(is_label) {
                return Err(self.problem());
            }
            self.next += 1;
            if !self.take(",") && !self.tokens.get(self.next).is_some_and(|next| next.is(")")) {
                return Err(self.problem());
            }
        }
        Ok(())
    }

    fn signed_number(&mut self) -> Result<(), Problem> {
        let _ = self.take("-") || self.take("+");
        if self.tokens.get(self.next).is_none_or(|number| number.kind != TokenKind::Number) {
            return Err(self.problem());
        }
        self.next += 1;
        Ok(())
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.tokens.get(self.next).is_some_and(|next| next.is(symbol));
        self.next += usize::from(found);
        found
    }

    fn must(&mut self, symbol: &str) -> Result<(), Problem> {
        if self.take(symbol) { Ok(()) } else { Err(self.problem()) }
    }

    fn at_word(&self, words: &[&str]) -> bool {
        self.tokens.get(self.next).is_some_and(|next| {
            next.kind == TokenKind::Word && words.iter().any(|word| next.text.eq_ignore_ascii_case(word))
        })
    }

    fn word(&mut self, words: &[&str]) -> bool {
        let found = self.at_word(words);
        self.next += usize::from(found);
        found
    }

    fn problem(&self) -> Problem {
        match self.tokens.get(self.next) {
            Some(token) => (format!("`{}`", token.text.chars().take(100).collect::<String>()), token.start),
            None => ("the end".to_owned(), self.tokens.last().map_or(0, Token::end)),
        }
    }
}
