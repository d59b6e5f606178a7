//! The seed of a private job's noise, wrapped to an auditor whom the provider names. Whoever knows it can take the noise away, so
//! it opens for that auditor's key alone, and only as the seed that a receipt is committed to.

use alloy_primitives::B256;
use zeroize::Zeroizing;

use super::{
    EnvelopeError, PublicKey, SecretKey, WrappedKey,
    key_wrap::{info, open_raw, seal_raw},
};

/// Wraps a seed with this commitment, by HPKE as in [`super::key_wrap`].
///
/// # Errors
/// [`EnvelopeError::BadPublicKey`] for a key of small order.
pub fn wrap(auditor: &PublicKey, commitment: B256, seed: &[u8; 32]) -> Result<WrappedKey, EnvelopeError> {
    let (encapsulated, ciphertext) = seal_raw(auditor, &purpose(commitment), auditor.0.as_slice(), seed)?;
    Ok(WrappedKey { recipient: auditor.0, encapsulated: encapsulated.into(), ciphertext: ciphertext.into() })
}

/// Unwraps a seed with the auditor's key. Whether it has this commitment is for the caller to check.
///
/// # Errors
/// [`EnvelopeError::Refused`] for any mismatch.
pub fn unwrap(
    secret: &SecretKey,
    commitment: B256,
    wrapped: &WrappedKey,
) -> Result<Zeroizing<[u8; 32]>, EnvelopeError> {
    let recipient = wrapped.recipient.as_slice();
    let plain = open_raw(secret, &purpose(commitment), recipient, &wrapped.encapsulated.0, &wrapped.ciphertext)?;
    plain[..].try_into().map(Zeroizing::new).map_err(|_| EnvelopeError::Refused)
}

fn purpose(commitment: B256) -> Vec<u8> {
    info(b"noise seed", commitment.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_opens_for_its_auditor_and_its_receipt_alone() {
        let key = |byte| SecretKey::from_bytes([byte; 32]).unwrap();
        let (auditor, other, commitment) = (key(1), key(2), B256::repeat_byte(3));
        let wrapped = wrap(&auditor.public_key(), commitment, &[7; 32]).unwrap();
        assert_eq!(*unwrap(&auditor, commitment, &wrapped).unwrap(), [7; 32]);
        assert!(unwrap(&other, commitment, &wrapped).is_err());
        assert!(unwrap(&auditor, B256::repeat_byte(4), &wrapped).is_err());
        let renamed = WrappedKey { recipient: other.public_key().0, ..wrapped.clone() };
        assert!(unwrap(&auditor, commitment, &renamed).is_err() && unwrap(&other, commitment, &renamed).is_err());
        let mut bent = wrapped.ciphertext.to_vec();
        bent[0] ^= 1;
        assert!(unwrap(&auditor, commitment, &WrappedKey { ciphertext: bent.into(), ..wrapped }).is_err());
    }
}
