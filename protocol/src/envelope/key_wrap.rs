//! Wrapping a content key to one party: HPKE (RFC 9180) in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! AES-256-GCM.
//!
//! `info` is the purpose together with the envelope's context, `aad` the recipient's public key. Base mode does not say
//! who wrapped: the wrapped key is part of the metadata whose hash the publisher's wallet puts on chain.

use alloy_primitives::{B256, Bytes};
use hpke::{
    Deserializable, HpkeError, Kem as _, OpModeR, OpModeS, Serializable, aead::AesGcm256, kdf::HkdfSha256,
    kem::X25519HkdfSha256, single_shot_open, single_shot_seal,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{ContentKey, Context, EnvelopeError};

type Kem = X25519HkdfSha256;

/// An X25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub B256);

impl PublicKey {
    /// False for the few points of small order: whatever is sealed to one of them, anybody can open (RFC 7748, 6.1).
    pub fn is_usable(&self) -> bool {
        let any = x25519_dalek::StaticSecret::from([1; 32]);
        any.diffie_hellman(&x25519_dalek::PublicKey::from(self.0.0)).was_contributory()
    }
}

/// An X25519 secret key. It only decrypts: wallets sign, and no key does both. Wiped when dropped; has no `Debug`.
pub struct SecretKey(<Kem as hpke::Kem>::PrivateKey);

impl SecretKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`EnvelopeError::NoRandomness`].
    pub fn generate() -> Result<Self, EnvelopeError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(|_| EnvelopeError::NoRandomness)?;
        Self::from_bytes(*bytes)
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// None for 32 bytes today; the form leaves room for keys that are refused.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, EnvelopeError> {
        <Kem as hpke::Kem>::PrivateKey::from_bytes(&bytes).map(Self).map_err(|_| EnvelopeError::Refused)
    }

    /// Its bytes, to be stored in a file that only its owner reads.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        let bytes: [u8; 32] = Kem::sk_to_pk(&self.0).to_bytes().into();
        PublicKey(bytes.into())
    }
}

/// A content key, wrapped to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WrappedKey {
    /// X25519 public key of the recipient.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub recipient: B256,
    /// HPKE's encapsulated key.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::forms::Hash))]
    pub encapsulated: B256,
    /// The content key and its tag, 48 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::schema::HexBytes))]
    pub ciphertext: Bytes,
}

/// Wraps `key` so that only `recipient` can unwrap it, and only under the same context.
///
/// # Errors
/// [`EnvelopeError::BadPublicKey`] for a key of small order.
pub fn wrap(recipient: &PublicKey, context: &Context, key: &ContentKey) -> Result<WrappedKey, EnvelopeError> {
    let info = info(b"content key", &context.to_bytes());
    let (encapsulated, ciphertext) = seal_raw(recipient, &info, recipient.0.as_slice(), key.as_bytes())?;
    Ok(WrappedKey { recipient: recipient.0, encapsulated: encapsulated.into(), ciphertext: ciphertext.into() })
}

/// Unwraps a key that was wrapped to `secret` under this context.
///
/// # Errors
/// [`EnvelopeError::Refused`] for any mismatch.
pub fn unwrap(secret: &SecretKey, context: &Context, wrapped: &WrappedKey) -> Result<ContentKey, EnvelopeError> {
    let info = info(b"content key", &context.to_bytes());
    let plain = open_raw(secret, &info, wrapped.recipient.as_slice(), &wrapped.encapsulated.0, &wrapped.ciphertext)?;
    let bytes: [u8; 32] = plain[..].try_into().map_err(|_| EnvelopeError::Refused)?;
    Ok(ContentKey::from_bytes(Zeroizing::new(bytes)))
}

/// HPKE's `info`: what the key is for, then what it belongs to.
pub(super) fn info(purpose: &[u8], context: &[u8]) -> Vec<u8> {
    [b"atoll/v1/", purpose, b"\0", context].concat()
}

pub(super) fn seal_raw(
    recipient: &PublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<([u8; 32], Vec<u8>), EnvelopeError> {
    let public =
        <Kem as hpke::Kem>::PublicKey::from_bytes(recipient.0.as_slice()).map_err(|_| EnvelopeError::BadPublicKey)?;
    let (encapsulated, ciphertext) =
        single_shot_seal::<AesGcm256, HkdfSha256, Kem>(&OpModeS::Base, &public, info, plaintext, aad)
            .map_err(|_| EnvelopeError::BadPublicKey)?;
    Ok((encapsulated.to_bytes().into(), ciphertext))
}

pub(super) fn open_raw(
    secret: &SecretKey,
    info: &[u8],
    aad: &[u8],
    encapsulated: &[u8; 32],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let open = || -> Result<_, HpkeError> {
        let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated)?;
        single_shot_open::<AesGcm256, HkdfSha256, Kem>(&OpModeR::Base, &secret.0, &encapsulated, info, ciphertext, aad)
    };
    open().map(Zeroizing::new).map_err(|_| EnvelopeError::Refused)
}

#[cfg(test)]
mod tests;
