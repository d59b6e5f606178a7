//! Bars on long work: on a terminal, and never where `--json` was asked for or stderr goes to a file.

use std::{
    io::{IsTerminal, Read},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressBarIter, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// How far something is. It keeps its last state on the screen when it ends.
pub(crate) struct Bar(ProgressBar);

impl Output {
    /// A bar over so many bytes; only their number where it is not known how many will come.
    pub(crate) fn bytes(self, what: &'static str, total: impl Into<Option<u64>>) -> Bar {
        let total = total.into();
        let form = match total {
            Some(_) => "{prefix:>12} {bar:32.cyan/blue} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
            None => "{prefix:>12} {spinner} {bytes}  {bytes_per_sec}  {elapsed}",
        };
        self.bar(what, total, form)
    }

    /// Something of unknown length that is waited for.
    pub(crate) fn waiting(self, what: &'static str) -> Bar {
        let bar = self.bar(what, None, "{prefix:>12} {spinner}  {elapsed}");
        bar.0.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn bar(self, what: &'static str, total: Option<u64>, form: &str) -> Bar {
        let shown = !self.json && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target).with_prefix(what);
        bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Bar(bar)
    }
}

impl Bar {
    /// Counts what is read from a source.
    pub(crate) fn reading<R: Read>(&self, source: R) -> ProgressBarIter<R> {
        self.0.wrap_read(source)
    }

    /// So many bytes are done in all.
    pub(crate) fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Says something without getting in the bar's way.
    pub(crate) fn note(&self, out: Output, text: impl std::fmt::Display) {
        self.0.suspend(|| out.note(text));
    }

    /// What counts, to be given to a stream.
    pub(crate) fn counter(&self) -> impl Fn(u64) + Send + Sync + use<> {
        let bar = self.0.clone();
        move |bytes| bar.inc(bytes)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
