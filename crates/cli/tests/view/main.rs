//! The page of `berth view` and `simulate -o html` in a real browser: headless Chromium, driven by chromedriver.
//!
//! Where they are not installed the tests are skipped with a line that says so; `BERTH_REQUIRE_CHROMIUM=1` makes that a
//! failure. `BERTH_SCREENSHOTS=1` writes the pictures of the documentation. `BERTH_VIEW_NODES=5000` measures a cluster of
//! that size and prints the figures.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod devices;
mod figures;
mod live;
mod over_time;
mod questions;
mod recording;
#[path = "../berth/schema.rs"]
mod schema;
mod schemas;
mod screenshots;
mod server;
mod views;
mod webdriver;
