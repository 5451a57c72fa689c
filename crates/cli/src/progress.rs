//! A progress bar on stderr, for work that lasts over a second.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Progress through a number of pods.
pub(crate) struct Progress {
    total: usize,
    started: Instant,
    wanted: bool,
    bar: Option<ProgressBar>,
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Progress {
    /// Starts to count; nothing is shown before the work has lasted a second, and nothing where stderr is no terminal.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, started: Instant::now(), wanted: std::io::stderr().is_terminal(), bar: None }
    }

    /// The number of pods that are left. It may exceed the number at the start: evicted pods come back.
    pub(crate) fn left(&mut self, left: usize) {
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total as u64);
            // A template that cannot be read gives indicatif's own bar.
            if let Ok(style) = ProgressStyle::with_template("placing pods {bar:40} {pos}/{len}, {eta} left") {
                bar.set_style(style.progress_chars("##-"));
            }
            bar
        });
        bar.set_position(total.saturating_sub(left) as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
