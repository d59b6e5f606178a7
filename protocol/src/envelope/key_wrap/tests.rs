use alloy_primitives::{Address, U256};

use super::*;

fn context() -> Context {
    Context {
        chain_id: 31337,
        registry: Address::repeat_byte(1),
        token_id: U256::from(42),
        service_index: 0,
        version: 1,
    }
}

#[test]
fn a_wrapped_key_opens_only_where_it_belongs() {
    let (provider, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let key = ContentKey::generate().unwrap();
    let wrapped = wrap(&provider.public_key(), &context(), &key).unwrap();
    assert_eq!(unwrap(&provider, &context(), &wrapped).unwrap().as_bytes(), key.as_bytes());
    assert!(unwrap(&other, &context(), &wrapped).is_err());

    let elsewhere = [
        Context { chain_id: 1, ..context() },
        Context { registry: Address::repeat_byte(2), ..context() },
        Context { token_id: U256::from(43), ..context() },
        Context { service_index: 1, ..context() },
        Context { version: 2, ..context() },
    ];
    for place in elsewhere {
        assert!(unwrap(&provider, &place, &wrapped).is_err(), "{place:?}");
    }
    for field in 0..3 {
        let mut bad = wrapped.clone();
        match field {
            0 => bad.recipient.0[5] ^= 1,
            1 => bad.encapsulated.0[5] ^= 1,
            _ => bad.ciphertext = [&[bad.ciphertext[0] ^ 1], &bad.ciphertext[1..]].concat().into(),
        }
        assert!(unwrap(&provider, &context(), &bad).is_err(), "field {field}");
    }
}

#[test]
fn two_wraps_of_one_key_differ() {
    let provider = SecretKey::generate().unwrap();
    let key = ContentKey::generate().unwrap();
    let wrap = || wrap(&provider.public_key(), &context(), &key).unwrap();
    assert_ne!(wrap().encapsulated, wrap().encapsulated);
}

#[test]
fn a_public_key_of_small_order_is_refused() {
    let key = ContentKey::generate().unwrap();
    assert_eq!(wrap(&PublicKey(B256::ZERO), &context(), &key), Err(EnvelopeError::BadPublicKey));
}
