//! Recordings: damaged ones are refused.
#![no_main]

use berth_journal::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    while let Ok(Some(_)) = reader.next_entry() {}
});
