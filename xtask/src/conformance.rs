//! `cargo xtask conformance`: the engine against upstream's golden answers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use berth_conformance::family::{Tally, files, name, run_file};

/// Compares everything in an answer: verdicts, reasons, scores, choice, message, preemption.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this family
    #[arg(long)]
    family: Option<String>,
    /// How many differences to show
    #[arg(long, default_value_t = 5)]
    show: usize,
    /// Scenario files (.jsonl, .jsonl.gz) or folders of them; the project's corpus if none is given
    paths: Vec<PathBuf>,
}

/// Runs the scenarios; the exit code is 1 where any answer differs.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/golden");
    let paths = if args.paths.is_empty() { vec![corpus] } else { args.paths.clone() };
    let mut total = Tally::default();
    for path in files(&paths)? {
        let family = name(&path);
        if args.family.as_ref().is_some_and(|wanted| *wanted != family) {
            continue;
        }
        let tally = run_file(&path, args.show)?;
        println!("{family}: {}", tally.line());
        total.add(tally, args.show);
    }
    println!("total: {}", total.line());
    for difference in &total.shown {
        println!("\n{difference}");
    }
    Ok(ExitCode::from(u8::from(total.mismatches > 0)))
}
