//! The small arithmetic of workload files: `init * 2`, `mix(i) % 10`, `(i + round) / 3`.
//!
//! Whole numbers only. Names are the parameters of a size, which are known when a file is read, and two variables that
//! are not: `i` (which object of its kind this is, from 0) and `round` (which round of churn, from 0). `mix(x)` is a
//! fixed hash of `x`, never negative: it makes choices that look random and are the same on every run.

use std::collections::BTreeMap;

/// What an expression's variables stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Which object of its op this is, from 0.
    pub i: i64,
    /// Which round of churn this is, from 0; 0 outside of churn.
    pub round: i64,
}

/// An expression whose parameters have been filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A number.
    Number(i64),
    /// `i`.
    Index,
    /// `round`.
    Round,
    /// A fixed hash of the inner value.
    Mix(Box<Expression>),
    /// Two values combined.
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// How two values are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, rounded towards zero; by zero it gives 0.
    Divide,
    /// `%`; by zero it gives 0.
    Remainder,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says what is wrong: a name that is no parameter, or text that is no arithmetic.
    pub fn parse(text: &str, parameters: &BTreeMap<String, i64>) -> Result<Expression, String> {
        let mut reader = Reader { text, at: 0, depth: 0, parameters };
        let expression = reader.sum()?;
        match reader.peek() {
            None => Ok(expression.folded()),
            Some(c) => Err(format!("\"{text}\": did not expect '{c}'")),
        }
    }

    /// The value. Overflow wraps: a workload file is trusted to mean something.
    pub fn value(&self, variables: Variables) -> i64 {
        match self {
            Expression::Number(n) => *n,
            Expression::Index => variables.i,
            Expression::Round => variables.round,
            Expression::Mix(inner) => mix(inner.value(variables)),
            Expression::Binary(operator, left, right) => {
                operator.apply(left.value(variables), right.value(variables))
            }
        }
    }

    /// The value, where no variable occurs in it.
    pub fn constant(&self) -> Option<i64> {
        match self {
            Expression::Number(n) => Some(*n),
            _ => None,
        }
    }

    fn folded(self) -> Expression {
        match self {
            Expression::Binary(operator, left, right) => match (left.folded(), right.folded()) {
                (Expression::Number(a), Expression::Number(b)) => Expression::Number(operator.apply(a, b)),
                (left, right) => Expression::Binary(operator, Box::new(left), Box::new(right)),
            },
            Expression::Mix(inner) => match inner.folded() {
                Expression::Number(n) => Expression::Number(mix(n)),
                inner => Expression::Mix(Box::new(inner)),
            },
            leaf => leaf,
        }
    }
}

impl Operator {
    fn apply(self, left: i64, right: i64) -> i64 {
        match self {
            Operator::Add => left.wrapping_add(right),
            Operator::Subtract => left.wrapping_sub(right),
            Operator::Multiply => left.wrapping_mul(right),
            Operator::Divide => left.checked_div(right).unwrap_or(0),
            Operator::Remainder => left.checked_rem(right).unwrap_or(0),
        }
    }
}

/// The finalizer of SplitMix64, cut to 31 bits so that products with small factors do not overflow.
fn mix(value: i64) -> i64 {
    let mut z = value.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 33).cast_signed()
}

/// No workload needs more parentheses than this; a hostile file must not exhaust the stack.
const DEPTH_MAX: usize = 32;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    parameters: &'a BTreeMap<String, i64>,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some('+') => Operator::Add,
                Some('-') => Operator::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.atom()?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Multiply,
                Some('/') => Operator::Divide,
                Some('%') => Operator::Remainder,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.atom()?));
        }
    }

    fn atom(&mut self) -> Result<Expression, String> {
        match self.peek() {
            Some('(') => self.parenthesized(),
            Some(c) if c.is_ascii_digit() => {
                let digits = self.take(|c| c.is_ascii_digit());
                digits.parse().map(Expression::Number).map_err(|_| format!("{digits} is too large"))
            }
            Some(c) if c.is_ascii_alphabetic() => match self.take(|c| c.is_ascii_alphanumeric()) {
                "i" => Ok(Expression::Index),
                "round" => Ok(Expression::Round),
                "mix" if self.peek() == Some('(') => Ok(Expression::Mix(Box::new(self.parenthesized()?))),
                name => self.parameters.get(name).map(|&n| Expression::Number(n)).ok_or_else(|| {
                    let known: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
                    format!("\"{name}\" is no parameter; known are {}, i and round", known.join(", "))
                }),
            },
            Some(c) => Err(format!("\"{}\": did not expect '{c}'", self.text)),
            None => Err(format!("\"{}\": a number or a name is missing at the end", self.text)),
        }
    }

    fn parenthesized(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("\"{}\": more than {DEPTH_MAX} nested parentheses", self.text));
        }
        self.at += 1;
        let inner = self.sum()?;
        if self.peek() != Some(')') {
            return Err(format!("\"{}\": a ')' is missing", self.text));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(inner)
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<i64, String> {
        let parameters = BTreeMap::from([("nodes".to_string(), 5000), ("init".to_string(), 7)]);
        Ok(Expression::parse(text, &parameters)?.value(Variables { i: 11, round: 2 }))
    }

    #[test]
    fn arithmetic_has_the_usual_precedence() {
        let cases = [
            ("5", 5),
            ("nodes / 10 + 1", 501),
            ("i % 3", 2),
            ("(i + round) * 2", 26),
            ("10 - 2 - 3", 5),
            ("7 % 0", 0),
            ("mix(i) % 1", 0),
            ("init", 7),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
        assert_ne!(value("mix(1)"), value("mix(2)"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("pods", "\"pods\" is no parameter; known are init, nodes, i and round"),
            ("1 +", "\"1 +\": a number or a name is missing at the end"),
            ("(1", "\"(1\": a ')' is missing"),
            ("1 2", "\"1 2\": did not expect '2'"),
            ("-1", "\"-1\": did not expect '-'"),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Err(expected.to_string()), "{text}");
        }
        assert!(value(&"(".repeat(1000)).is_err());
    }

    #[test]
    fn an_expression_without_variables_is_folded() {
        let parameters = BTreeMap::from([("n".to_string(), 100)]);
        let of = |text| Expression::parse(text, &parameters).map(|e| e.constant());
        assert_eq!(of("n / 10 * 4"), Ok(Some(40)));
        assert_eq!(of("n + i"), Ok(None));
    }
}
