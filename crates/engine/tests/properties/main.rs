//! Random histories of a small cluster: caches agree with the scan, plugins keep the laws, trials leave no trace.

mod crowded;
mod devices;
mod fast_path;
mod history;
mod laws;
mod likeness;
mod profiles;
mod queueing_hint;
mod trials;

use proptest::prelude::ProptestConfig;

/// How many histories each test takes: more where `BERTH_CASES` says so.
fn config() -> ProptestConfig {
    let cases = std::env::var("BERTH_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, max_shrink_iters: 4000, ..ProptestConfig::default() }
}
