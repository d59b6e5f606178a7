//! What is a command in a document.

/// Programs whose lines in a code block without a language are commands.
const PROGRAMS: [&str; 9] = ["atoll", "atoll-server", "cargo", "curl", "npm", "npx", "node", "cd", "export"];
/// Languages of code blocks whose every line is a command.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// The commands in a document's code blocks, each in one line and without its comment.
pub(super) fn blocks(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for (language, block) in parts(text).1 {
        let whole = block.replace("\\\n", " ");
        for line in whole.lines() {
            let line = line.split(" #").next().unwrap_or(line).trim();
            let first = line.split_whitespace().next().unwrap_or("");
            if SHELLS.contains(&language) && !first.is_empty() || language.is_empty() && PROGRAMS.contains(&first) {
                commands.push(line.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
    commands
}

/// The words of a command line as a shell would part them: what is in quotes is one.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').enumerate().flat_map(|(i, part)| match i % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    })
}

/// The spans of code in a document's text.
pub(super) fn spans(text: &str) -> Vec<String> {
    let prose = parts(text).0;
    prose
        .split("\n\n")
        .flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2))
        .map(|span| span.replace('\n', " "))
        .collect()
}

/// The text without code blocks, and the blocks with their languages.
fn parts(text: &str) -> (String, Vec<(&str, String)>) {
    let (mut prose, mut found, mut open): (_, Vec<(&str, String)>, _) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(language), false) => {
                found.push((language.trim(), String::new()));
                open = true;
            }
            (None, true) => {
                let block = &mut found.last_mut().unwrap().1;
                block.push_str(line);
                block.push('\n');
            }
            (None, false) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    assert!(!open, "a code block does not end");
    (prose, found)
}

#[test]
fn commands_are_found_and_nothing_else() {
    let text = "Run `cargo dev\nup` now:\n```\natoll a \\\n   --b  # why\n✓ done\n```\n```text\natoll no\n```\n```sh\nls\n```\n";
    assert_eq!(blocks(text), ["atoll a --b", "ls"]);
    assert_eq!(spans(text), ["cargo dev up"]);
}
