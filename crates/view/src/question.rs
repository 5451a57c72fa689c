//! Changes that a question supposes, as query parameters with the names of the command line's options.

/// The options that a question may have. A shell reads their values as it reads those of the command line.
pub const OPTIONS: [&str; 10] = [
    "without",
    "cordon",
    "drain",
    "untaint",
    "add",
    "scale",
    "force",
    "delete-emptydir-data",
    "algorithm",
    "weight",
];

/// The options without a value.
const FLAGS: [&str; 2] = ["force", "delete-emptydir-data"];

/// More options than people ask for; each one costs time.
const OPTIONS_MAX: usize = 64;

/// Options in the order in which they are given. No options ask about the cluster as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Names of [`OPTIONS`] and their values.
    pub options: Vec<(String, String)>,
    /// The moment of a recording that the question is about: how many decisions were made before it. `None`: the
    /// end.
    pub at: Option<usize>,
}

impl Question {
    /// A question with these options.
    pub fn of(options: Vec<(String, String)>) -> Self {
        Self { options, at: None }
    }

    /// Reads the options of a query string; other parameters are ignored.
    ///
    /// # Errors
    /// If there are too many, or the moment is no number.
    pub fn read(query: &str) -> Result<Self, String> {
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        let at = parameters.find(|(name, _)| name == "at").map(|(_, value)| {
            value.parse().map_err(|_| format!("at={value}: expected a number of decisions, as in at=100"))
        });
        let at = at.transpose()?;
        let parameters = form_urlencoded::parse(query.as_bytes());
        let options: Vec<(String, String)> = parameters
            .filter(|(name, _)| OPTIONS.contains(&&**name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        match options.len() {
            0..=OPTIONS_MAX => Ok(Self { options, at }),
            count => Err(format!("{count} changes are given, {OPTIONS_MAX} are allowed")),
        }
    }

    /// Whether the question supposes no change.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// The options as a query string.
    pub fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.options).finish()
    }

    /// The options as arguments of a command line.
    pub fn arguments(&self) -> Vec<String> {
        let argument = |(name, value): &(String, String)| match FLAGS.contains(&name.as_str()) {
            true => format!("--{name}"),
            false => format!("--{name}={value}"),
        };
        self.options.iter().map(argument).collect()
    }

    /// The options as a shell's command line, with quotes where a shell needs them.
    pub fn command_line(&self) -> String {
        let words = self.options.iter().flat_map(|(name, value)| {
            let value = (!FLAGS.contains(&name.as_str())).then(|| quoted(value));
            std::iter::once(format!("--{name}")).chain(value)
        });
        words.collect::<Vec<String>>().join(" ")
    }
}

/// A word as a POSIX shell reads it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_keep_their_order_and_become_a_command_line() {
        let question = Question::read("pod=a&cordon=zone%3Da&scale=deploy/web%3D20&force=&cordon=n%201&x=1");
        let question = question.unwrap_or_default();
        assert_eq!(
            question.arguments(),
            ["--cordon=zone=a", "--scale=deploy/web=20", "--force", "--cordon=n 1"]
        );
        assert_eq!(question.command_line(), "--cordon zone=a --scale deploy/web=20 --force --cordon 'n 1'");
        assert!(!question.is_empty());
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        let cases = [
            ("n1", "n1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("--force", "'--force'"),
            ("gpu!=a100", "'gpu!=a100'"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }

    #[test]
    fn a_question_has_a_bounded_number_of_options() {
        assert!(Question::read(&"cordon=a&".repeat(64)).is_ok());
        let refused = Question::read(&"cordon=a&".repeat(65));
        assert_eq!(refused, Err("65 changes are given, 64 are allowed".to_owned()));
    }
}
