//! Where results and messages go: results to stdout, as JSON or for people; messages to stderr.

use std::{fmt::Display, io::Write};

use serde::Serialize;

/// How this run of the program speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON object on stdout instead of text.
    pub(crate) json: bool,
}

impl Output {
    /// A message about what is going on.
    pub(crate) fn note(self, text: impl Display) {
        // A closed stderr is no reason to stop what may already have cost money.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// The command's result.
    pub(crate) fn result(self, value: &impl Serialize, text: impl Display) {
        if self.json {
            self.line(value);
        } else {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// One JSON object on a line of its own.
    pub(crate) fn line(self, value: &impl Serialize) {
        let mut stdout = std::io::stdout().lock();
        let text = serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }
}

/// Columns of text, each as wide as its widest cell; the last is not padded.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width =
        |i: usize| rows.iter().map(|row| row[i].chars().count()).chain([header[i].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let mut text = String::new();
        for (i, cell) in cells.iter().enumerate() {
            text.push_str(cell);
            if i + 1 < cells.len() {
                text.extend(std::iter::repeat_n(' ', widths[i] - cell.chars().count() + 2));
            }
        }
        text
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// Text from the network without control characters: a name in the catalogue must not write to the terminal's state.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_has_no_padding() {
        let text = table(&["NAME", "ID"], &[vec!["Brüste".into(), "1".into()], vec!["x".into(), "22".into()]]);
        assert_eq!(text, "NAME    ID\nBrüste  1\nx       22");
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
