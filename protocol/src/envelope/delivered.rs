//! What the buyer of a download is given: the content key, wrapped to the X25519 key of the signed request. It opens for
//! that key alone, and only as what that service of that asset, in that version, delivered for that order.
//!
//! Bytes = magic (8) ‖ encapsulated key (32) ‖ content key and tag (48), by HPKE as in [`super::key_wrap`].

use alloy_primitives::B256;
use zeroize::Zeroizing;

use super::{
    ContentKey, Context, EnvelopeError, PublicKey, SecretKey,
    key_wrap::{info, open_raw, seal_raw},
};

const MAGIC: &[u8; 8] = b"atollk1\n";

/// Length of a delivered key, in bytes.
pub const BYTES: usize = 88;

/// Wraps a content key to the buyer of an order.
///
/// # Errors
/// [`EnvelopeError::BadPublicKey`] for a key of small order.
pub fn wrap(
    recipient: &PublicKey,
    context: &Context,
    order_id: B256,
    key: &ContentKey,
) -> Result<Vec<u8>, EnvelopeError> {
    let purpose = purpose(context, order_id);
    let (encapsulated, wrapped) = seal_raw(recipient, &purpose, recipient.0.as_slice(), key.as_bytes())?;
    Ok([&MAGIC[..], &encapsulated, &wrapped].concat())
}

/// Unwraps a content key with the buyer's key.
///
/// # Errors
/// [`EnvelopeError::Refused`] for any mismatch.
pub fn unwrap(
    secret: &SecretKey,
    context: &Context,
    order_id: B256,
    delivered: &[u8],
) -> Result<ContentKey, EnvelopeError> {
    let refused = || EnvelopeError::Refused;
    let rest = delivered.strip_prefix(MAGIC).ok_or_else(refused)?;
    let (encapsulated, wrapped) = rest.split_first_chunk::<32>().ok_or_else(refused)?;
    let recipient = secret.public_key().0;
    let plain = open_raw(secret, &purpose(context, order_id), recipient.as_slice(), encapsulated, wrapped)?;
    let bytes: [u8; 32] = plain[..].try_into().map_err(|_| refused())?;
    Ok(ContentKey::from_bytes(Zeroizing::new(bytes)))
}

fn purpose(context: &Context, order_id: B256) -> Vec<u8> {
    info(b"download", &[&context.to_bytes(), order_id.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};

    use super::*;
    use crate::envelope::key_wrap;

    const CONTEXT: Context = Context {
        chain_id: 31337,
        registry: Address::repeat_byte(1),
        token_id: U256::from_limbs([42, 0, 0, 0]),
        service_index: 1,
        version: 2,
    };

    #[test]
    fn only_the_buyer_opens_it_and_only_as_this_delivery() {
        let (buyer, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let (order, key) = (B256::repeat_byte(7), ContentKey::generate().unwrap());
        let delivered = wrap(&buyer.public_key(), &CONTEXT, order, &key).unwrap();
        assert_eq!(delivered.len(), BYTES);
        assert!(unwrap(&buyer, &CONTEXT, order, &delivered).unwrap().as_bytes() == key.as_bytes());
        let refused = |secret: &SecretKey, context: &Context, order: B256, delivered: &[u8]| {
            unwrap(secret, context, order, delivered).err() == Some(EnvelopeError::Refused)
        };
        assert!(refused(&other, &CONTEXT, order, &delivered));
        assert!(refused(&buyer, &CONTEXT, B256::repeat_byte(8), &delivered), "another order");
        for copied in [
            Context { chain_id: 1, ..CONTEXT },
            Context { registry: Address::repeat_byte(2), ..CONTEXT },
            Context { token_id: U256::from(43), ..CONTEXT },
            Context { service_index: 0, ..CONTEXT },
            Context { version: 1, ..CONTEXT },
        ] {
            assert!(refused(&buyer, &copied, order, &delivered), "{copied:?}");
        }
        for at in 0..delivered.len() {
            let mut bad = delivered.clone();
            bad[at] ^= 1;
            assert!(refused(&buyer, &CONTEXT, order, &bad), "byte {at}");
            assert!(refused(&buyer, &CONTEXT, order, &delivered[..at]), "cut at {at}");
        }
        let small = PublicKey(B256::ZERO);
        assert_eq!(wrap(&small, &CONTEXT, order, &key), Err(EnvelopeError::BadPublicKey));
    }

    /// Made by an independent library (pyhpke 0.6) for the secret key 09…09.
    #[test]
    fn a_key_that_another_library_wrapped_opens() {
        let delivered = alloy_primitives::hex!(
            "61746f6c6c6b310a"
            "71cc12aa442a124d15136791167ddc42e57e33abfd2e6bc346d96a535f210925"
            "ce891c3344b0f3422ff4dfc582097fd8a90f142c08f3a8da883e2b514ba658dc"
            "59dfa0b8ad67f6129f75ace2cfe2f8dd"
        );
        let secret = SecretKey::from_bytes([9; 32]).unwrap();
        let key = unwrap(&secret, &CONTEXT, B256::repeat_byte(7), &delivered).unwrap();
        assert!(key.as_bytes().iter().copied().eq(0..32));
    }

    #[test]
    fn what_is_published_for_the_provider_is_no_delivery_nor_the_other_way_round() {
        let (secret, key) = (SecretKey::generate().unwrap(), ContentKey::generate().unwrap());
        let order = B256::repeat_byte(7);
        let mut published = key_wrap::wrap(&secret.public_key(), &CONTEXT, &key).unwrap();
        let as_delivered = [&MAGIC[..], published.encapsulated.as_slice(), &published.ciphertext].concat();
        assert!(unwrap(&secret, &CONTEXT, order, &as_delivered).is_err());
        let delivered = wrap(&secret.public_key(), &CONTEXT, order, &key).unwrap();
        published.encapsulated = B256::from_slice(&delivered[8..40]);
        published.ciphertext = delivered[40..].to_vec().into();
        assert!(key_wrap::unwrap(&secret, &CONTEXT, &published).is_err());
    }
}
