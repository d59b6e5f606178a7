//! Every attempt without every single layer: what stands against it then.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use crate::{
    attempts::{self, FILES},
    scene::{
        KILLED,
        Outcome::{Ended, Worked},
        Scene, Seal, users,
    },
};

/// Layers that can be left out alone. A user namespace can not: without one, an unprivileged runner's worker has none of the
/// others, and without a mount namespace there is no root of its own; so those two go together.
const LAYERS: [&str; 12] = [
    "identity",
    "pid namespace",
    "net namespace",
    "ipc namespace",
    "uts namespace",
    "cgroup namespace",
    "mount namespace and root",
    "descriptors",
    "limits",
    "capabilities",
    "landlock",
    "seccomp",
];

/// Attempts that use a resource up or look at what was given, rather than break out: one layer is what stops each. Whoever is
/// given none of it still meets the runner's own clock and bounded reads (`tests/jail.rs` of the runner).
const ONE_LAYER: [&str; 4] = ["descriptor", "hog", "spin", "threads"];

/// The table's place in the document.
const DOCUMENT: &str = "../../docs/sandbox.md";
const BEGIN: &str = "<!-- the table, made by `cargo dev generate` -->\n";
const END: &str = "<!-- the end of the table -->\n";

/// By attempt and layer, the users as whom it worked.
type Escapes = BTreeMap<(&'static str, &'static str), Vec<&'static str>>;

fn escapes() -> Escapes {
    let scene = Scene::new("layers");
    let mut found = Escapes::new();
    for user in users() {
        let name = if user.is_none() { "root" } else { "a user" };
        for layer in LAYERS {
            // Spinning takes a second each time, and it is the limits that end it.
            for &(what, ..) in attempts::all().filter(|(what, ..)| *what != "spin" || layer == "limits") {
                if matches!(scene.attempt(user, Seal::Without(layer), what), Worked | Ended(0)) {
                    found.entry((what, layer)).or_default().push(name);
                }
                scene.tidy();
            }
        }
    }
    found
}

/// No single layer is all that keeps a worker from the machine's files; and the document says where one is all that keeps it
/// from something else.
#[test]
fn no_file_is_behind_one_layer_only_and_the_document_says_what_is() {
    let found = escapes();
    for ((what, layer), users) in &found {
        assert!(!FILES.iter().any(|(file, ..)| file == what), "{what} works as {users:?} without {layer}");
        assert!(
            ["seccomp"].contains(layer) || ONE_LAYER.contains(what),
            "{what} works as {users:?} without {layer}, and nothing else stands against it"
        );
    }
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = std::fs::read_to_string(&document).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("a place for the table");
    let (table, after) = rest.split_once(END).expect("an end of the table");
    let now = rows(&found);
    if std::env::var_os("ATOLL_GENERATE").is_some() {
        std::fs::write(document, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        return;
    }
    // Kernels differ in what they offer to a process without a filter, so only the attempts and the whole seal are compared.
    let kept = |table: &str| table.lines().map(|row| row.split('|').take(3).collect()).collect::<Vec<String>>();
    assert_eq!(kept(table), kept(&now), "`cargo dev generate` writes the table anew");
}

fn rows(found: &Escapes) -> String {
    let mut table = "| attempt | under the whole seal | works without |\n|---|---|---|\n".to_owned();
    for &(what, in_seal, _) in attempts::all() {
        let stopped = match in_seal {
            KILLED => "killed by seccomp",
            Ended(_) => "ended by the kernel",
            _ => "refused",
        };
        let mut without = Vec::new();
        for layer in LAYERS {
            match found.get(&(what, layer)).map(Vec::as_slice) {
                None | Some([]) => {}
                Some([only]) if users().len() > 1 => without.push(format!("{layer} (as {only})")),
                Some(_) => without.push(layer.to_owned()),
            }
        }
        let without = if without.is_empty() { "–".to_owned() } else { without.join(", ") };
        let what = what.replace("{here}", "DIRECTORY");
        writeln!(table, "| `{what}` | {stopped} | {without} |").expect("a string takes all");
    }
    table
}
