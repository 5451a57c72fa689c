//! Recordings: damaged ones are refused. Blocks are compressed and have checksums, so their lines are read directly, too.
#![no_main]

use berth_journal::{Entry, Reader};
use berth_wire::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut reader) = Reader::new(bytes) {
        while let Ok(Some(_)) = reader.next_entry() {}
    }
    let mut decoder = Decoder::new();
    for line in str::from_utf8(bytes).unwrap_or_default().lines() {
        let _ = Entry::read(line, &mut decoder);
    }
});
