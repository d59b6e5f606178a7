//! C2SP `chunked-encryption` (<https://c2sp.org/chunked-encryption>), the instance for AES-256-GCM with a 32-byte key
//! commitment.
//!
//! File = salt (24) ‖ commitment (32) ‖ chunks. Every chunk holds 16 KiB of plaintext and a 16-byte tag; the last is
//! strictly shorter, maybe empty, so a file that was cut is not a file. Key, base nonce and commitment come from
//! HKDF-SHA512-Expand over the label, the salt and the caller's context; chunk i has the nonce base XOR i.

use std::io::{self, Read, Write};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{AeadInOut, KeyInit},
};
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::{EnvelopeError, FORMAT};

/// Plaintext bytes of every chunk but the last.
pub const CHUNK: usize = 16 << 10;
const TAG: usize = 16;
const SALT: usize = 24;
const COMMITMENT: usize = 32;
const HEADER: usize = SALT + COMMITMENT;

/// The random 256-bit key of one content. Wiped when dropped; has no `Debug`.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`EnvelopeError::NoRandomness`].
    pub fn generate() -> Result<Self, EnvelopeError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(|_| EnvelopeError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The key that these bytes are.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why content could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// Wrong key or context, or the ciphertext was changed or cut.
    #[error(transparent)]
    Refused(#[from] EnvelopeError),
    /// The source or the sink failed.
    #[error("could not read the ciphertext or write the plaintext: {0}")]
    Io(#[from] io::Error),
}

/// Encrypts a stream in constant memory. Returns the number of ciphertext bytes.
///
/// # Errors
/// Those of the source and the sink, and if the system gives no random bytes.
pub fn encrypt(key: &ContentKey, context: &[u8], plaintext: impl Read, ciphertext: impl Write) -> io::Result<u64> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|_| io::Error::other(EnvelopeError::NoRandomness))?;
    encrypt_with_salt(key, context, salt, plaintext, ciphertext)
}

fn encrypt_with_salt(
    key: &ContentKey,
    context: &[u8],
    salt: [u8; SALT],
    mut plaintext: impl Read,
    mut ciphertext: impl Write,
) -> io::Result<u64> {
    let chunks = Chunks::derive(key, context, &salt);
    ciphertext.write_all(&salt)?;
    ciphertext.write_all(&chunks.commitment)?;
    let mut written = HEADER as u64;
    let mut buffer = Zeroizing::new(vec![0; CHUNK]);
    for index in 0.. {
        let length = read_full(&mut plaintext, &mut buffer)?;
        let nonce = chunks.nonce(index);
        let tag = chunks
            .cipher
            .encrypt_inout_detached(&nonce, &[], (&mut buffer[..length]).into())
            .map_err(|_| io::Error::other("a chunk is too long to encrypt"))?;
        ciphertext.write_all(&buffer[..length])?;
        ciphertext.write_all(&tag)?;
        written += (length + TAG) as u64;
        if length < CHUNK {
            break;
        }
    }
    ciphertext.flush()?;
    Ok(written)
}

/// Decrypts a stream in constant memory. Returns the number of plaintext bytes.
///
/// Every byte that is written is authentic and in its place, but only `Ok` says that none is missing: use the plaintext
/// of a refused file for nothing.
///
/// # Errors
/// See [`DecryptError`].
pub fn decrypt(
    key: &ContentKey,
    context: &[u8],
    mut ciphertext: impl Read,
    mut plaintext: impl Write,
) -> Result<u64, DecryptError> {
    let mut header = [0; HEADER];
    if read_full(&mut ciphertext, &mut header)? < HEADER {
        return Err(EnvelopeError::Refused.into());
    }
    let (salt, commitment) = header.split_at(SALT);
    let chunks = Chunks::derive(key, context, salt);
    // Both sides are public values of the file or follow from the key by a one-way function: no secret is compared.
    if chunks.commitment != *commitment {
        return Err(EnvelopeError::Refused.into());
    }
    let mut written = 0;
    let mut buffer = Zeroizing::new(vec![0; CHUNK + TAG]);
    for index in 0.. {
        let length = read_full(&mut ciphertext, &mut buffer)?;
        let (body, tag) = buffer[..length].split_last_chunk_mut::<TAG>().ok_or(EnvelopeError::Refused)?;
        let tag = aes_gcm::Tag::from(*tag);
        chunks
            .cipher
            .decrypt_inout_detached(&chunks.nonce(index), &[], (&mut *body).into(), &tag)
            .map_err(|_| EnvelopeError::Refused)?;
        plaintext.write_all(body)?;
        written += body.len() as u64;
        if length < CHUNK + TAG {
            break;
        }
    }
    plaintext.flush()?;
    Ok(written)
}

/// What key, context and salt amount to.
struct Chunks {
    cipher: Aes256Gcm,
    base_nonce: [u8; 12],
    commitment: [u8; COMMITMENT],
}

impl Chunks {
    fn derive(key: &ContentKey, context: &[u8], salt: &[u8]) -> Self {
        // The key is the pseudorandom key itself. HMAC pads a short key with zeros, so padding it here to the length
        // that the crate asks for changes nothing.
        let mut prk = Zeroizing::new([0; 64]);
        prk[..32].copy_from_slice(key.as_bytes());
        let mut out = Zeroizing::new([0; 32 + 12 + COMMITMENT]);
        Hkdf::<Sha512>::from_prk(&prk[..])
            .expect("64 bytes are enough for SHA-512")
            .expand_multi_info(&[FORMAT.as_bytes(), &[0], salt, context], &mut out[..])
            .expect("76 bytes are few enough for HKDF");
        Self {
            cipher: Aes256Gcm::new_from_slice(&out[..32]).expect("32 bytes"),
            base_nonce: out[32..44].try_into().expect("12 bytes"),
            commitment: out[44..].try_into().expect("32 bytes"),
        }
    }

    fn nonce(&self, index: u64) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce[4..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce.into()
    }
}

/// Fills the buffer, or less at the stream's end.
fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
