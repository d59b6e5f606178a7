//! The home: is it there, and can its keys be read by their owner and nobody else.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{Findings, Keys};
use crate::{
    keys::{self, IDENTITY, KeyError, WALLET},
    options::Options,
};

/// Looks at the folder and both files.
pub(super) fn look(options: &Options, findings: &mut Findings) -> Keys {
    let nothing = Keys { wallet: None, identity: None };
    let home = match options.home() {
        Ok(home) => home,
        Err(error) => {
            findings.failed("home", error.to_string(), "give --home DIR");
            return nothing;
        }
    };
    match fs::metadata(&home) {
        Err(error) => {
            let mend = format!("create one with `atoll keygen --home {}`, or name yours with --home", home.display());
            findings.failed("home", format!("{} can not be used: {error}", home.display()), mend);
            return nothing;
        }
        Ok(found) if found.permissions().mode() & 0o022 != 0 => {
            let mend = format!("run `chmod 700 {}`", home.display());
            findings.failed("home", format!("others may exchange the keys in {}", home.display()), mend);
        }
        Ok(_) => findings.ok("home", home.display().to_string()),
    }
    let wallet = match keys::wallet(&home) {
        Ok(wallet) => {
            findings.ok("wallet-key", format!("{} of {}", WALLET, wallet.address()));
            Some(wallet)
        }
        Err(error) => {
            broken("wallet-key", &error, findings);
            None
        }
    };
    let identity = match keys::identity(&home) {
        Ok(identity) => {
            findings.ok("identity-key", format!("{} of {}", IDENTITY, identity.public_key().0));
            Some(identity.public_key())
        }
        Err(error) => {
            broken("identity-key", &error, findings);
            None
        }
    };
    Keys { wallet, identity }
}

fn broken(name: &'static str, error: &KeyError, findings: &mut Findings) {
    let (found, mend) = match error {
        KeyError::Missing { path, home } => (
            format!("there is no {}", path.display()),
            format!(
                "restore it from a backup; if the home is new, create keys with `atoll keygen --home {}`",
                home.display()
            ),
        ),
        KeyError::Exposed { path, mode } => (
            format!("{} can be read by others (mode {mode:03o})", path.display()),
            format!("run `chmod 600 {}`; if others use this machine, treat the key as known", path.display()),
        ),
        KeyError::Form(path) => (
            format!("{} does not hold a key of 64 hex digits", path.display()),
            "restore it from a backup, or create keys in another --home".to_owned(),
        ),
        other => (other.to_string(), "see that the file can be read by the user who runs this".to_owned()),
    };
    findings.failed(name, found, mend);
}
