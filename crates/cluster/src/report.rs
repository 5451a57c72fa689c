//! What a simulation has shown, as a document.

use serde::Serialize;

use crate::simulation::Simulation;

/// placeholder
#[derive(Debug, Serialize)]
pub struct TimeResult {}

impl Simulation {
    /// placeholder
    pub fn result(&mut self) -> TimeResult {
        TimeResult {}
    }
}
