//! Configurations: one that is accepted makes profiles.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(configuration) = berth_config::parse(bytes) else { return };
    for resolved in &configuration.profiles {
        berth_config::profile(resolved);
    }
});
