//! Arguments of Random: which of all sequences of choices it takes.

use crate::fields::Fields;

/// The seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RandomArgs {
    /// The same seed, pod and nodes give the same choice.
    pub seed: u64,
}

impl RandomArgs {
    pub(crate) const FIELDS: &[&str] = &["seed"];

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Self { seed: fields.uint64("seed").unwrap_or_default() }
    }
}
