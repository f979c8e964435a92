//! Replays the seeds through the targets, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use motekey_fuzz::{TARGETS, replay};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The names in a folder, without their endings.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder))
        .into_iter()
        .flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect()
}

#[test]
fn every_seed_and_every_beginning_of_one_keeps_the_promises() {
    for (name, target) in TARGETS {
        let files = replay::folder(*target, &Path::new(ROOT).join("seeds").join(name)).unwrap();
        assert!(files > 0, "{name} has no seed");
    }
}

#[test]
fn every_target_has_a_program_and_seeds() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets, names("fuzz_targets"));
    assert_eq!(targets, names("seeds"));
}
