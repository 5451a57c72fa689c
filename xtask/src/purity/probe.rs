//! Files that a pure crate must refuse, and the lint that refuses each.

/// A file.
pub(super) struct Probe {
    /// Its module.
    pub(super) name: &'static str,
    /// The lint that must fail in it.
    pub(super) lint: &'static str,
    /// An item that uses what is forbidden, and nothing else that is wrong.
    pub(super) code: &'static str,
    /// It needs what the model does not even depend on.
    pub(super) only_engine: bool,
}

const fn probe(name: &'static str, lint: &'static str, code: &'static str) -> Probe {
    Probe { name, lint, code, only_engine: false }
}

const fn engine_probe(name: &'static str, lint: &'static str, code: &'static str) -> Probe {
    Probe { name, lint, code, only_engine: true }
}

/// What is allowed, so that a failure is due to the probes.
pub(super) const CLEAN: Probe = probe(
    "probe_clean",
    "",
    "pub fn probe(map: &std::collections::BTreeMap<u8, u8>) -> usize {\n    map.values().filter(|v| **v > 0).count()\n}",
);

/// What is forbidden.
pub(super) const PROBES: &[Probe] = &[
    probe(
        "probe_clock",
        "disallowed_methods",
        "pub fn probe() -> std::time::Duration {\n    std::time::Instant::now().elapsed()\n}",
    ),
    probe(
        "probe_wall_clock",
        "disallowed_methods",
        "pub fn probe() -> bool {\n    std::time::SystemTime::now().elapsed().is_ok()\n}",
    ),
    probe(
        "probe_clock_type",
        "disallowed_types",
        "pub fn probe(a: std::time::Instant, b: std::time::Instant) -> bool {\n    a < b\n}",
    ),
    probe(
        "probe_random_source",
        "disallowed_types",
        "pub fn probe() -> u64 {\n    use std::hash::BuildHasher;\n    \
         std::hash::RandomState::new().hash_one(1)\n}",
    ),
    probe(
        "probe_random_hasher",
        "disallowed_types",
        "pub fn probe() -> u64 {\n    use std::hash::Hasher;\n    \
         std::hash::DefaultHasher::new().finish()\n}",
    ),
    probe(
        "probe_environment",
        "disallowed_methods",
        "pub fn probe() -> bool {\n    std::env::var(\"HOME\").is_ok()\n}",
    ),
    probe(
        "probe_arguments",
        "disallowed_methods",
        "pub fn probe() -> usize {\n    std::env::args_os().count()\n}",
    ),
    probe(
        "probe_temporary_folder",
        "disallowed_methods",
        "pub fn probe() -> std::path::PathBuf {\n    std::env::temp_dir()\n}",
    ),
    probe(
        "probe_file",
        "disallowed_methods",
        "pub fn probe() -> usize {\n    std::fs::read(\"a\").map_or(0, |bytes| bytes.len())\n}",
    ),
    probe(
        "probe_open_file",
        "disallowed_types",
        "pub fn probe() -> bool {\n    std::fs::File::open(\"a\").is_ok()\n}",
    ),
    probe(
        "probe_folder",
        "disallowed_methods",
        "pub fn probe() -> bool {\n    std::fs::create_dir_all(\"a\").is_ok()\n}",
    ),
    probe(
        "probe_path_exists",
        "disallowed_methods",
        "pub fn probe(path: &std::path::Path) -> bool {\n    path.exists()\n}",
    ),
    probe(
        "probe_network",
        "disallowed_types",
        "pub fn probe() -> bool {\n    std::net::TcpStream::connect(\"a:1\").is_ok()\n}",
    ),
    probe(
        "probe_thread",
        "disallowed_methods",
        "pub fn probe() -> bool {\n    std::thread::spawn(|| 1).join().is_ok()\n}",
    ),
    probe(
        "probe_process",
        "disallowed_types",
        "pub fn probe() -> bool {\n    std::process::Command::new(\"a\").spawn().is_ok()\n}",
    ),
    probe("probe_print", "print_stdout", "pub fn probe() {\n    println!(\"a\");\n}"),
    probe(
        "probe_hash_map",
        "disallowed_types",
        "pub fn probe(map: &std::collections::HashMap<u8, u8>) -> bool {\n    map.contains_key(&1)\n}",
    ),
    probe(
        "probe_hash_map_loop",
        "iter_over_hash_type",
        "pub fn probe(map: &std::collections::HashMap<u8, u8>) -> u8 {\n    let mut last = 0;\n    \
         for (_, value) in map {\n        last = *value;\n    }\n    last\n}",
    ),
    engine_probe(
        "probe_fixed_map_loop",
        "iter_over_hash_type",
        "pub fn probe(map: &rustc_hash::FxHashMap<u8, u8>) -> u8 {\n    let mut last = 0;\n    \
         for (_, value) in map {\n        last = *value;\n    }\n    last\n}",
    ),
    engine_probe(
        "probe_fixed_map_values",
        "disallowed_methods",
        "pub fn probe(map: &rustc_hash::FxHashMap<u8, u8>) -> Option<&u8> {\n    map.values().next()\n}",
    ),
    engine_probe(
        "probe_fixed_set_iteration",
        "disallowed_methods",
        "pub fn probe(set: &rustc_hash::FxHashSet<u8>) -> Option<&u8> {\n    set.iter().next()\n}",
    ),
];
