//! Every answer of the golden corpus is the engine's answer too. `cargo xtask conformance` shows the same by family.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Result;
use berth_conformance::family::{Tally, files, name, run_file};

/// How many differences are shown, of all families together.
const SHOWN: usize = 5;

#[test]
fn the_engine_answers_as_upstream_did_in_every_family() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/golden");
    let mut files = files(&[corpus])?;
    let sizes = files.iter().map(|f| Ok(std::fs::metadata(f)?.len())).collect::<Result<Vec<u64>>>()?;
    let mut by_size: Vec<(u64, PathBuf)> = sizes.into_iter().zip(files.drain(..)).collect();
    by_size.sort(); // the largest is taken first, from the end
    let families = by_size.len();

    let outcomes = run_all(by_size.into_iter().map(|(_, file)| file).collect());
    assert_eq!(outcomes.len(), families);
    let mut total = Tally::default();
    for (family, tally) in outcomes {
        let tally = tally?;
        println!("{family}: {}", tally.line());
        total.add(tally, SHOWN);
    }
    println!("total: {}", total.line());
    assert!(total.answers > 0, "the corpus is empty");
    assert_eq!(total.mismatches, 0, "\n{}", total.shown.join("\n\n"));
    Ok(())
}

/// Runs the families on all cores; the outcomes come sorted by family.
fn run_all(queue: Vec<PathBuf>) -> Vec<(String, Result<Tally>)> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let queue = Mutex::new(queue);
    let next = || queue.lock().ok().and_then(|mut q| q.pop());
    let work = || {
        let families = std::iter::from_fn(next);
        families.map(|file| (name(&file), run_file(&file, SHOWN))).collect::<Vec<_>>()
    };
    let mut outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|worker| worker.join().expect("a worker panicked")).collect()
    });
    outcomes.sort_by(|a, b| a.0.cmp(&b.0));
    outcomes
}
