//! The rules of which rows a job looks at together, and which it holds out.

use super::{Rules, unknown};
use crate::{
    document::{AssetDocument, ColumnKind},
    job::{JobSpec, held_out},
};

impl Rules {
    /// Checks windows, the column that splits, and what a private job may not do with either.
    pub(super) fn rows(&mut self, spec: &JobSpec, document: &AssetDocument) {
        let private = spec.privacy.is_some();
        if let Some(windows) = spec.data.windows {
            self.within("/data/windows/length", windows.length, 1, 4_096);
            self.within("/data/windows/horizon", windows.horizon, 0, 4_096);
            self.within("/data/windows/stride", windows.stride, 1, 8_192);
            let rows = document.atoll.content.rows;
            if windows.count(rows) == 0 {
                let (span, message) = (windows.span(), "shorten the windows");
                self.broken("/data/windows", format!("a window spans {span} rows and there are {rows}; {message}"));
            }
            let held_out = held_out(windows.count(rows), spec.split.test_fraction);
            let others = windows.count(rows) - held_out;
            if !spec.evaluates() && held_out > 0 && others * u64::from(windows.stride) < windows.span() {
                let message = "every window shares rows with those held out, so none is left to train on; hold out fewer or shorten \
                               the windows";
                self.broken("/split/test_fraction", message.into());
            }
            if private && u64::from(windows.stride) < windows.span() {
                let message = format!("a private job lets no row be in two windows: use at least {}", windows.span());
                self.broken("/data/windows/stride", message);
            }
            if !spec.data.joined.is_empty() {
                let message = "rows that are joined do not follow each other; leave out one of both";
                self.broken("/data/windows", message.into());
            }
            if spec.split.by.is_some() {
                let message = "of windows the last are held out; give a test_fraction instead";
                self.broken("/split/by", message.into());
            }
        }
        if private && spec.training.early_stopping.is_some() {
            let message = "looks at the rows held out after each epoch, which a private job may not; leave it out";
            self.broken("/training/early_stopping", message.into());
        }
        let Some(by) = &spec.split.by else {
            if spec.training.early_stopping.is_some() && spec.split.test_fraction == 0.0 {
                self.broken("/training/early_stopping", "needs rows held out to look at".into());
            }
            return;
        };
        if private {
            let message = "lets what a row holds decide what is done with it, which a private job may not; give a \
                           test_fraction instead";
            self.broken("/split/by", message.into());
        }
        if spec.split.test_fraction != 0.0 {
            self.broken("/split/test_fraction", "is 0 where a column says which rows are held out".into());
        }
        let name = &by.column;
        if *name == spec.data.target || spec.data.inputs().any(|feature| feature == name) {
            self.broken("/split/by/column", format!("`{name}` is a feature or the target; it may be neither"));
        }
        match document.column(name).map(|column| &column.kind) {
            Some(ColumnKind::Category { values }) => {
                for (index, test) in by.test.iter().enumerate() {
                    if !values.contains(test) {
                        let known = values.join(", ");
                        self.broken(format!("/split/by/test/{index}"), format!("`{test}` is none of {known}"));
                    }
                }
                if by.test.is_empty() || values.iter().all(|value| by.test.contains(value)) {
                    self.broken("/split/by/test", "name some of the categories, and not all".into());
                }
            }
            Some(_) => self.broken("/split/by/column", format!("`{name}` is not a column of categories")),
            None => self.broken("/split/by/column", unknown(name, document)),
        }
    }
}
