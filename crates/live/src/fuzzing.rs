//! What the fuzz targets in `fuzz/` call. It exists only under `cfg(fuzzing)`.

use berth_flow::{NodeVictims, PodRef};
use berth_model::Str;

use crate::extender::protocol::{Filtered, Host, Preempted};
use crate::serve::subject::Subject;

/// Reads the subject of a client certificate in DER.
pub fn certificate(bytes: &[u8]) {
    let _ = Subject::read(bytes);
}

/// Reads the query of a request.
pub fn query(text: &str) {
    crate::serve::route::read_query(text);
}

/// Reads the answers of an extender.
pub fn extender_answer(bytes: &[u8]) {
    let nodes: Vec<Str> = vec!["n1".into(), "n2".into()];
    if let Ok(filtered) = serde_json::from_slice::<Filtered<'_>>(bytes) {
        let _ = filtered.answer(&nodes, false, "http://fuzz");
    }
    let _ = serde_json::from_slice::<Vec<Host>>(bytes);
    if let Ok(preempted) = serde_json::from_slice::<Preempted>(bytes) {
        let victim = PodRef { namespace: "default".into(), name: "p".into(), uid: "u".into() };
        let candidates = [NodeVictims { node: "n1".into(), victims: vec![victim], violations: 0 }];
        let _ = preempted.answer(&candidates, "http://fuzz");
    }
}
