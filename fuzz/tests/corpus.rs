//! What fuzzing found worth keeping, tried again.

use std::{fs, path::Path};

use atoll_fuzz::TARGETS;

#[test]
fn every_target_withstands_its_corpus() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    assert_eq!(folders.count(), TARGETS.len(), "a corpus of nothing");
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut tried = 0;
        for file in files {
            let path = file.unwrap().path();
            // Its name stands above the panic's own words.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            tried += 1;
        }
        assert!(tried >= 5, "{name} has a corpus of {tried}");
    }
}
