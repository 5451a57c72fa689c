//! `cargo xtask tidy`: the rules of the source that no compiler checks.

mod dependency;
mod engine_layer;
mod layer;
mod length;
mod link;
mod orphan;
mod panic;
mod plugin;
mod test_name;
mod word;

use std::process::ExitCode;

use anyhow::Result;

use crate::tree::{self, Source};

/// A check: what it finds, each as `file:line: what is wrong`.
type Check = fn(&[Source]) -> Vec<String>;

const CHECKS: &[Check] = &[
    length::check,
    word::check,
    panic::check,
    dependency::check,
    layer::check,
    engine_layer::check,
    orphan::check,
    plugin::check,
    link::check,
    test_name::check,
];

/// Prints what is not tidy; the exit code is 1 where anything is.
pub(crate) fn run() -> Result<ExitCode> {
    let sources = tree::read(&tree::root())?;
    let problems = problems(&sources);
    for problem in &problems {
        println!("{problem}");
    }
    println!("the engine's layers, the lowest first: {}", engine_layer::LAYERS.join(" < "));
    println!("tidy: {} files, {} problems", sources.len(), problems.len());
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

fn problems(sources: &[Source]) -> Vec<String> {
    CHECKS.iter().flat_map(|check| check(sources)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_tidy() -> Result<()> {
        let problems = problems(&tree::read(&tree::root())?);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }
}
