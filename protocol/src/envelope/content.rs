//! C2SP `chunked-encryption` (<https://c2sp.org/chunked-encryption>), the instance for AES-256-GCM with a 32-byte key
//! commitment.
//!
//! File = salt (24) ‖ commitment (32) ‖ chunks. Every chunk holds 16 KiB of plaintext and a 16-byte tag; the last is
//! strictly shorter, maybe empty, so a file that was cut is not a file. Key, base nonce and commitment come from
//! HKDF-SHA512-Expand over the label, the salt and the caller's context; chunk i has the nonce base XOR i.

use std::io::{self, Read, Write};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{AeadInOut, KeyInit, inout::InOutBuf},
};
use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

use self::line::{Line, Pace, Sizes, read_full};
use super::{EnvelopeError, FORMAT};

mod line;

/// Plaintext bytes of every chunk but the last.
pub const CHUNK: usize = 16 << 10;
const TAG: usize = 16;
const SALT: usize = 24;
const COMMITMENT: usize = 32;
const HEADER: usize = SALT + COMMITMENT;

/// A chunk as it is in the file, but the last.
const SEALED_CHUNK: usize = CHUNK + TAG;
/// Chunks that a thread takes at a time: both its buffers, 256 KiB each, fit the cache that a core has for itself.
const BATCH: usize = 16;

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

/// Encrypts a stream in constant memory, on the caller's thread. Returns the number of ciphertext bytes.
///
/// # Errors
/// Those of the source and the sink, and if the system gives no random bytes.
pub fn encrypt(key: &ContentKey, context: &[u8], plaintext: impl Read, ciphertext: impl Write) -> io::Result<u64> {
    let chunks = encrypting(key, context, salt()?, plaintext, ciphertext)?.alone();
    Ok(HEADER as u64 + chunks.map_err(into_io)?)
}

/// [`encrypt`] with up to so many threads at once, the caller's among them. A thread holds half a mebibyte, and a content
/// of less than that starts none.
///
/// # Errors
/// Those of [`encrypt`].
pub fn encrypt_on(
    threads: usize,
    key: &ContentKey,
    context: &[u8],
    plaintext: impl Read + Send,
    ciphertext: impl Write + Send,
) -> io::Result<u64> {
    let chunks = encrypting(key, context, salt()?, plaintext, ciphertext)?.together(pace(threads));
    Ok(HEADER as u64 + chunks.map_err(into_io)?)
}

fn pace(threads: usize) -> Pace {
    Pace { threads, alone: BATCH as u64, batch: BATCH }
}

fn salt() -> io::Result<[u8; SALT]> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|_| io::Error::other(EnvelopeError::NoRandomness))?;
    Ok(salt)
}

/// Writes the header. The line of the chunks that follow it.
fn encrypting<R: Read, W: Write>(
    key: &ContentKey,
    context: &[u8],
    salt: [u8; SALT],
    plaintext: R,
    mut ciphertext: W,
) -> io::Result<Line<R, W>> {
    let chunks = Chunks::derive(key, context, &salt);
    ciphertext.write_all(&salt)?;
    ciphertext.write_all(&chunks.commitment)?;
    let sizes = Sizes { taken: CHUNK, made: SEALED_CHUNK };
    let encrypt = move |index, plain: &[u8], room: &mut [u8]| Ok(chunks.encrypt(index, plain, room));
    Ok(Line::new(sizes, Box::new(encrypt), plaintext, ciphertext))
}

fn into_io(error: DecryptError) -> io::Error {
    match error {
        DecryptError::Io(error) => error,
        DecryptError::Refused(error) => io::Error::other(error),
    }
}

/// Decrypts a stream in constant memory, on the caller's thread. Returns the number of plaintext bytes.
///
/// Every byte that is written is authentic and in its place, but only `Ok` says that none is missing: use the plaintext
/// of a refused file for nothing.
///
/// # Errors
/// See [`DecryptError`].
pub fn decrypt(
    key: &ContentKey,
    context: &[u8],
    ciphertext: impl Read,
    plaintext: impl Write,
) -> Result<u64, DecryptError> {
    decrypting(key, context, ciphertext, plaintext)?.alone()
}

/// [`decrypt`] with up to so many threads at once, the caller's among them. A thread holds half a mebibyte, and a content
/// of less than that starts none.
///
/// # Errors
/// Those of [`decrypt`].
pub fn decrypt_on(
    threads: usize,
    key: &ContentKey,
    context: &[u8],
    ciphertext: impl Read + Send,
    plaintext: impl Write + Send,
) -> Result<u64, DecryptError> {
    decrypting(key, context, ciphertext, plaintext)?.together(pace(threads))
}

/// Reads the header. The line of the chunks that follow it.
fn decrypting<R: Read, W: Write>(
    key: &ContentKey,
    context: &[u8],
    mut ciphertext: R,
    plaintext: W,
) -> Result<Line<R, W>, DecryptError> {
    let mut header = [0; HEADER];
    let (length, outcome) = read_full(&mut ciphertext, &mut header);
    outcome?;
    let (salt, commitment) = header[..length].split_at_checked(SALT).ok_or(EnvelopeError::Refused)?;
    let chunks = Chunks::derive(key, context, salt);
    // Both sides are public values of the file or follow from the key by a one-way function: no secret is compared.
    if chunks.commitment != *commitment {
        return Err(EnvelopeError::Refused.into());
    }
    let sizes = Sizes { taken: SEALED_CHUNK, made: CHUNK };
    let decrypt = move |index, cipher: &[u8], room: &mut [u8]| chunks.decrypt(index, cipher, room);
    Ok(Line::new(sizes, Box::new(decrypt), ciphertext, plaintext))
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

    /// Encrypts a chunk into the room for it. The length of ciphertext and tag.
    fn encrypt(&self, index: u64, plain: &[u8], room: &mut [u8]) -> usize {
        let (body, rest) = room.split_at_mut(plain.len());
        let both = InOutBuf::new(plain, body).expect("the same length");
        let tag = self.cipher.encrypt_inout_detached(&self.nonce(index), &[], both).expect("a chunk is short enough");
        rest[..TAG].copy_from_slice(&tag);
        plain.len() + TAG
    }

    /// Decrypts a chunk into the room for it. The length of the plaintext; of a refused chunk, nothing is in the room.
    fn decrypt(&self, index: u64, cipher: &[u8], room: &mut [u8]) -> Result<usize, EnvelopeError> {
        let (body, tag) = cipher.split_last_chunk::<TAG>().ok_or(EnvelopeError::Refused)?;
        let both = InOutBuf::new(body, &mut room[..body.len()]).expect("the same length");
        self.cipher
            .decrypt_inout_detached(&self.nonce(index), &[], both, &(*tag).into())
            .map_err(|_| EnvelopeError::Refused)?;
        Ok(body.len())
    }

    fn nonce(&self, index: u64) -> Nonce<aes_gcm::aead::consts::U12> {
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce[4..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce.into()
    }
}

#[cfg(test)]
mod tests;
