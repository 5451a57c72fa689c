//! CEL expressions of device selectors.
#![no_main]

use berth_devices::cel::Selector;
use berth_model::device::Device;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|expression: &str| {
    if let Ok(selector) = Selector::compile(expression) {
        let _ = selector.matches("gpu.example.com", &Device::default());
    }
});
