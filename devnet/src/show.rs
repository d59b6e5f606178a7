//! What the commands show: steps with a mark and their seconds, on standard error, so that standard output is free for
//! results.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Text in a colour of the terminal, if there is one.
pub(crate) fn colour(code: u8, text: impl Display) -> String {
    if std::io::stderr().is_terminal() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
}

/// A line of text.
pub(crate) fn line(text: impl Display) {
    // A closed terminal is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A step that runs.
pub(crate) struct Step {
    title: String,
    start: Instant,
    bar: ProgressBar,
}

impl Step {
    /// Shows that a step begins.
    pub(crate) fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner:.cyan} {prefix}  {msg:.dim}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "),
        );
        bar.set_prefix(title.clone());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { title, start: Instant::now(), bar }
    }

    /// Shows what it is at.
    pub(crate) fn at(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Shows that it is done, with what came of it; gives its seconds.
    pub(crate) fn done(self, details: &[(&str, String)]) -> f64 {
        self.bar.finish_and_clear();
        let seconds = self.start.elapsed().as_secs_f64();
        line(format!("{} {}  {}", colour(32, "✓"), self.title, colour(2, format!("{seconds:.1} s"))));
        for (name, value) in details {
            line(format!("      {}  {value}", colour(2, format!("{name:<12}"))));
        }
        seconds
    }
}

/// A training as it goes on: a bar on a terminal, a line now and then elsewhere.
pub(crate) struct Training {
    bar: Option<ProgressBar>,
    shown: u64,
}

impl Training {
    pub(crate) fn begin() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("      {bar:40.cyan/blue} {pos:>3}/{len} epochs  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, shown: 0 }
    }

    /// Shows an epoch's end.
    pub(crate) fn epoch(&mut self, epoch: u64, epochs: u64, loss: f64, accuracy: Option<f64>) {
        let accuracy = accuracy.map(|value| format!("  accuracy {value:.3}")).unwrap_or_default();
        let text = format!("loss {loss:.4}{accuracy}");
        match &self.bar {
            Some(bar) => {
                bar.set_length(epochs);
                bar.set_position(epoch);
                bar.set_message(text);
            }
            None if self.shown < 6 && epoch * 6 >= (self.shown + 1) * epochs => {
                self.shown = epoch * 6 / epochs.max(1);
                line(format!("      epoch {epoch:>3}/{epochs}  {text}"));
            }
            None => {}
        }
    }

    pub(crate) fn end(self) {
        if let Some(bar) = self.bar {
            bar.abandon();
        }
    }
}
