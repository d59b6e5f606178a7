//! The publisher's table, encrypted: only this leaves the machine.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
};

use alloy::primitives::B256;
use atoll_protocol::envelope::{ContentKey, Context, content};

use crate::{error::CliError, hashing::Hashing, output::Output};

/// The encrypted table, in a file without a name.
pub(crate) struct Sealed {
    /// The ciphertext, from its start.
    pub(crate) file: File,
    /// Its SHA-256.
    pub(crate) sha256: B256,
    /// Its length.
    pub(crate) bytes: u64,
}

/// Encrypts the table, and makes sure that it is the one that was checked.
pub(crate) fn seal(
    table: &Path,
    key: &ContentKey,
    context: &Context,
    checked: B256,
    out: Output,
) -> Result<Sealed, CliError> {
    let temporary = |source| CliError::File { doing: "can not write", path: "a temporary file".into(), source };
    let mut file = tempfile::tempfile().map_err(temporary)?;
    let (source, length) = (open(table)?, length(table)?);
    let bar = out.bytes("encrypting", length);
    let mut plain = Hashing::new(bar.reading(source));
    let mut cipher = Hashing::new(io::BufWriter::new(&mut file));
    let bytes = content::encrypt_on(cores(), key, &context.to_bytes(), &mut plain, &mut cipher).map_err(temporary)?;
    cipher.flush().map_err(temporary)?;
    let sha256 = cipher.finish();
    if plain.finish() != checked {
        return Err(CliError::Input(format!(
            "{} changed while it was read; let it rest and try again. Nothing was uploaded",
            table.display()
        )));
    }
    file.rewind().map_err(temporary)?;
    Ok(Sealed { file, sha256, bytes })
}

/// Threads that encrypt or decrypt at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Length of a table in bytes.
pub(crate) fn length(path: &Path) -> Result<u64, CliError> {
    Ok(std::fs::metadata(path).map_err(CliError::reading(path))?.len())
}

/// Opens a table to be read in large portions.
pub(crate) fn open(path: &Path) -> Result<io::BufReader<File>, CliError> {
    Ok(io::BufReader::with_capacity(64 << 10, File::open(path).map_err(CliError::reading(path))?))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use atoll_protocol::envelope::{SecretKey, key_wrap};

    use super::*;
    use crate::hashing::sha256;

    #[test]
    fn a_table_that_changed_since_the_check_is_not_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let context =
            Context { chain_id: 1, registry: Address::ZERO, token_id: U256::from(7), service_index: 0, version: 1 };
        let key = ContentKey::generate().unwrap();
        let checked = sha256(b"a\n1\n");

        let mut sealed = seal(&path, &key, &context, checked, Output { json: true }).unwrap();
        let mut cipher = Vec::new();
        io::Read::read_to_end(&mut sealed.file, &mut cipher).unwrap();
        assert_eq!(sealed.bytes, cipher.len() as u64);
        assert_eq!(sealed.sha256, sha256(&cipher));
        let provider = SecretKey::generate().unwrap();
        let wrapped = key_wrap::wrap(&provider.public_key(), &context, &key).unwrap();
        let key = key_wrap::unwrap(&provider, &context, &wrapped).unwrap();
        let mut plain = Vec::new();
        content::decrypt(&key, &context.to_bytes(), &cipher[..], &mut plain).unwrap();
        assert_eq!(plain, b"a\n1\n");

        std::fs::write(&path, "a\n2\n").unwrap();
        let Err(error) = seal(&path, &key, &context, checked, Output { json: true }) else {
            panic!("sealed another table")
        };
        assert!(error.to_string().contains("changed while it was read"), "{error}");
    }
}
