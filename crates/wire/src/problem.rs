//! What is wrong with the input: collected, not first-only.

use std::fmt;

use berth_model::manifests::Place;

/// How many problems are printed before the rest is only counted.
const PRINTED: usize = 50;
/// How many problems are kept in memory; a hundred megabytes of nonsense must not become gigabytes of complaints.
const KEPT: usize = 1000;

/// One reason why the input cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which document of which source.
    pub place: Place,
    /// Kind and name, as in `Pod default/web-1`; empty where the document is no object at all.
    pub object: String,
    /// The path of the field, as in `spec.containers[0].resources.requests.cpu`; empty for the object as a whole.
    pub field: String,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        for part in [&self.object, &self.field] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

/// All problems of one load, in input order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    dropped: usize,
}

impl Problems {
    /// The problems that were kept (the first thousand).
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many problems there are, kept or not.
    pub fn len(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Keeps only the first problems.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.dropped = count.saturating_sub(self.list.len()).min(self.dropped);
        self.list.truncate(count);
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < KEPT {
            self.list.push(problem);
        } else {
            self.dropped += 1;
        }
    }
}

impl fmt::Display for Problems {
    /// One line a problem; of many, the first fifty and a count of the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().take(PRINTED).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_problems_fifty_are_printed_and_the_others_counted() {
        let place = Place { document: 2, line: 7, item: Some(3), ..Place::start("a.yaml".into()) };
        let problem = Problem {
            place,
            object: "Pod default/web".into(),
            field: "spec.priority".into(),
            message: "found true, expected an integer".into(),
        };
        let mut problems = Problems::default();
        for _ in 0..1200 {
            problems.push(problem.clone());
        }
        let text = problems.to_string();
        let first = "a.yaml:7, item 3: Pod default/web: spec.priority: found true, expected an integer";
        assert_eq!(text.lines().next(), Some(first));
        assert_eq!(text.lines().last(), Some("and 1150 more"));
        assert_eq!(problems.iter().count(), 1000);
    }
}
