//! The two secrets of a home: a wallet that signs and an X25519 identity that decrypts. Files, mode 0600.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use alloy::{primitives::B256, signers::local::PrivateKeySigner};
use atoll_protocol::envelope::SecretKey;
use zeroize::{Zeroize, Zeroizing};

/// File of the wallet's private key: `0x` and 64 hex digits.
pub(crate) const WALLET: &str = "wallet.key";
/// File of the X25519 secret: 64 hex digits.
pub(crate) const IDENTITY: &str = "identity.key";

/// A key file that can not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Not there.
    #[error("there is no {}; create keys with `atoll keygen --home {}`", path.display(), home.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The folder it should be in.
        home: PathBuf,
    },
    /// Others may read it.
    #[error("{} can be read by others (mode {mode:03o}); run `chmod 600 {}` and try again", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is there already.
    #[error("{} is there already and is not overwritten; use another --home, or move it away", .0.display())]
    Exists(PathBuf),
    /// Not a key.
    #[error("{} does not hold a key of 64 hex digits; restore it from a backup, or create keys in another --home", .0.display())]
    Form(PathBuf),
    /// The text that was imported is not a key.
    #[error("what was imported is not a private key of 64 hex digits (with or without 0x)")]
    Import,
    /// Reading or writing failed.
    #[error("can not use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes; try again")]
    NoRandomness,
}

/// The wallet of a home.
pub(crate) fn wallet(home: &Path) -> Result<PrivateKeySigner, KeyError> {
    let path = home.join(WALLET);
    let text = read_secret(home, &path)?;
    parse_wallet(&text).ok_or(KeyError::Form(path))
}

/// The X25519 identity of a home.
pub(crate) fn identity(home: &Path) -> Result<SecretKey, KeyError> {
    let path = home.join(IDENTITY);
    let text = read_secret(home, &path)?;
    decode(&text).and_then(|bytes| SecretKey::from_bytes(*bytes).ok()).ok_or(KeyError::Form(path))
}

/// Reads a wallet's private key from a file that only its owner may read, or from stdin for `-`.
pub(crate) fn import_wallet(source: &Path) -> Result<PrivateKeySigner, KeyError> {
    let text = if source == Path::new("-") {
        let mut text = Zeroizing::new(String::with_capacity(256));
        let read = io::stdin().take(256).read_to_string(&mut text);
        read.map_err(|source| KeyError::Io { path: "stdin".into(), source })?;
        text
    } else {
        let home = source.parent().unwrap_or(Path::new("."));
        read_secret(home, source)?
    };
    parse_wallet(&text).ok_or(KeyError::Import)
}

/// A new wallet.
pub(crate) fn generate_wallet() -> Result<PrivateKeySigner, KeyError> {
    let mut bytes = B256::ZERO;
    // One draw in 2^128 is not a valid key; then it is drawn again.
    loop {
        getrandom::fill(&mut bytes[..]).map_err(|_| KeyError::NoRandomness)?;
        if let Ok(signer) = PrivateKeySigner::from_bytes(&bytes) {
            bytes.0.zeroize();
            return Ok(signer);
        }
    }
}

/// A new identity.
pub(crate) fn generate_identity() -> Result<SecretKey, KeyError> {
    SecretKey::generate().map_err(|_| KeyError::NoRandomness)
}

/// Writes both keys of a new home; neither may exist.
pub(crate) fn store(home: &Path, wallet: &PrivateKeySigner, identity: &SecretKey) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { path: home.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(home).map_err(io)?;
    for name in [WALLET, IDENTITY] {
        let path = home.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(KeyError::Exists(path));
        }
    }
    let mut key = wallet.to_bytes();
    let mut hex_key = Zeroizing::new([0; 64]);
    let encoded = hex::encode_to_slice(key, &mut hex_key[..]);
    key.0.zeroize();
    encoded.map_err(|_| KeyError::Form(home.join(WALLET)))?;
    let mut text = Zeroizing::new(b"0x".to_vec());
    text.reserve_exact(65);
    text.extend(hex_key.iter());
    write_secret(&home.join(WALLET), &text)?;
    let mut hex_key = Zeroizing::new([0; 64]);
    hex::encode_to_slice(&identity.to_bytes()[..], &mut hex_key[..])
        .map_err(|_| KeyError::Form(home.join(IDENTITY)))?;
    write_secret(&home.join(IDENTITY), &hex_key[..])
}

fn write_secret(path: &Path, secret: &[u8]) -> Result<(), KeyError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(secret).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all()).map_err(io)
}

fn read_secret(home: &Path, path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned(), home: home.to_owned() },
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let file = fs::File::open(path).map_err(io)?;
    // Of the file that is open, so that it can not be exchanged between the check and the reading.
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.take(256).read_to_string(&mut text).map_err(io)?;
    Ok(text)
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), &mut bytes[..]).ok()?;
    Some(bytes)
}

fn parse_wallet(text: &str) -> Option<PrivateKeySigner> {
    let text = text.trim();
    let bytes = decode(text.strip_prefix("0x").unwrap_or(text))?;
    PrivateKeySigner::from_slice(&bytes[..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> (tempfile::TempDir, PrivateKeySigner, SecretKey) {
        let dir = tempfile::tempdir().unwrap();
        let (wallet, identity) = (generate_wallet().unwrap(), generate_identity().unwrap());
        store(&dir.path().join("home"), &wallet, &identity).unwrap();
        (dir, wallet, identity)
    }

    #[test]
    fn reads_back_what_it_wrote_with_mode_0600() {
        let (dir, signer, secret) = stored();
        let home = dir.path().join("home");
        assert_eq!(wallet(&home).unwrap().address(), signer.address());
        assert_eq!(identity(&home).unwrap().public_key().0, secret.public_key().0);
        for name in [WALLET, IDENTITY] {
            let mode = fs::metadata(home.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn does_not_overwrite_either_file() {
        let (dir, signer, secret) = stored();
        let home = dir.path().join("home");
        fs::remove_file(home.join(WALLET)).unwrap();
        assert!(matches!(store(&home, &signer, &secret), Err(KeyError::Exists(path)) if path.ends_with(IDENTITY)));
        assert!(!home.join(WALLET).exists(), "nothing is half written");
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        let (dir, ..) = stored();
        let home = dir.path().join("home");
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(home.join(WALLET), fs::Permissions::from_mode(mode)).unwrap();
            let error = wallet(&home).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        fs::set_permissions(home.join(WALLET), fs::Permissions::from_mode(0o400)).unwrap();
        assert!(wallet(&home).is_ok());
    }

    #[test]
    fn says_which_file_is_missing_or_broken_and_never_what_is_in_it() {
        let (dir, ..) = stored();
        let home = dir.path().join("home");
        fs::write(home.join(IDENTITY), "c0ffee").unwrap();
        let Err(error) = identity(&home) else { panic!("accepted six digits") };
        assert!(error.to_string().contains(IDENTITY) && !error.to_string().contains("c0ffee"), "{error}");
        fs::remove_file(home.join(IDENTITY)).unwrap();
        let Err(error) = identity(&home) else { panic!("accepted nothing") };
        assert!(error.to_string().contains("atoll keygen"), "{error}");
    }

    #[test]
    fn takes_keys_with_and_without_prefix() {
        let key = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
        let expected = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
        for text in [key.to_owned(), format!("0x{key}\n")] {
            assert_eq!(parse_wallet(&text).unwrap().address().to_string(), expected);
        }
        for bad in ["", "0x", "zz", &key[1..], &"0".repeat(64)] {
            assert!(parse_wallet(bad).is_none(), "{bad}");
        }
    }
}
