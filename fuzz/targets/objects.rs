//! Objects of an API server. An object that is read, written and read again is the same.
#![no_main]

use berth_wire::{Decoder, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &str| {
    let mut decoder = Decoder::new();
    if let Ok(Some(object)) = decoder.object(json) {
        let written = encode(&object);
        assert_eq!(decoder.object(&written).ok().flatten().as_ref(), Some(&object), "{written}");
    }
});
