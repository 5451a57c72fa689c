//! What clients and extenders send: certificates, queries, answers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    berth_live::fuzzing::certificate(bytes);
    berth_live::fuzzing::extender_answer(bytes);
    if let Ok(query) = str::from_utf8(bytes) {
        berth_live::fuzzing::query(query);
    }
});
