//! Files of users: YAML and JSON of any kind, as `berth simulate -f` reads them.
#![no_main]

use berth_wire::Loader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut loader = Loader::new();
    loader.read("fuzz.yaml", bytes);
    loader.read_from_folder("folder/fuzz.yaml", bytes);
    let _ = loader.finish(); // problems are an answer
});
