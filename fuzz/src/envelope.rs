//! Everything that is sealed: bytes that differ from those that were sealed open nothing.

use std::sync::OnceLock;

use alloy_primitives::{Address, B256, U256};
use atoll_protocol::{
    envelope::{
        ContentKey, Context, SecretKey,
        content::{self, CHUNK},
        delivered, key_wrap, sealed,
    },
    report::Report,
    result::JobResult,
};
use zeroize::Zeroizing;

use crate::{market, model};

/// What the edits are made of.
struct Originals {
    key: [u8; 32],
    identity: SecretKey,
    context: Context,
    order: B256,
    /// Plaintexts of lengths around the borders of chunks, and what they were sealed to.
    contents: Vec<(Vec<u8>, Vec<u8>)>,
    result: Vec<u8>,
    delivered: Vec<u8>,
    wrapped: Vec<u8>,
}

fn originals() -> &'static Originals {
    static ONCE: OnceLock<Originals> = OnceLock::new();
    ONCE.get_or_init(|| {
        let key = ContentKey::from_bytes(Zeroizing::new([5; 32]));
        let identity = SecretKey::from_bytes([7; 32]).expect("any bytes are a key");
        let context = Context {
            chain_id: 31337,
            registry: Address::repeat_byte(1),
            token_id: U256::from(42),
            service_index: 0,
            version: 1,
        };
        let order = B256::repeat_byte(9);
        let public = identity.public_key();
        let contents = [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 50].map(|length| {
            let plain: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            let mut ciphertext = Vec::new();
            content::encrypt(&key, &context.to_bytes(), &plain[..], &mut ciphertext).expect("into memory");
            (plain, ciphertext)
        });
        let report: Report = serde_json::from_value(market::report()).expect("a report");
        let wrapped = key_wrap::wrap(&public, &context, &key).expect("a good key");
        Originals {
            key: [5; 32],
            contents: contents.into(),
            result: sealed::seal(
                &public,
                order,
                &JobResult::Model { report: Box::new(report), model: model::sound().to_vec() },
            )
            .expect("a good key"),
            delivered: delivered::wrap(&public, &context, order, &key).expect("a good key"),
            wrapped: serde_json::to_vec(&wrapped).expect("plain data"),
            identity,
            context,
            order,
        }
    })
}

/// The first byte chooses what was sealed, the rest how it is changed.
pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, edits)) = bytes.split_first() else { return };
    let all = originals();
    match kind % 16 {
        place @ 0..8 => content(all, &all.contents[usize::from(place)], edits),
        8..10 => {
            let changed = edited(&all.result, edits);
            let opened = sealed::open(&all.identity, all.order, &changed);
            assert_eq!(opened.is_ok(), changed == all.result, "a changed result opens");
        }
        10..12 => {
            let changed = edited(&all.delivered, edits);
            let opened = delivered::unwrap(&all.identity, &all.context, all.order, &changed);
            assert_eq!(opened.is_ok(), changed == all.delivered, "a changed delivery opens");
        }
        12..14 => wrapped(all, &edited(&all.wrapped, edits)),
        // Bytes that were never sealed.
        14 => wrapped(all, edits),
        _ => {
            let key = ContentKey::from_bytes(Zeroizing::new(all.key));
            let mut plain = Vec::new();
            let opened = content::decrypt(&key, &all.context.to_bytes(), edits, &mut plain);
            assert!(opened.is_err() && plain.is_empty(), "nobody sealed this");
        }
    }
}

fn content(all: &Originals, (plain, ciphertext): &(Vec<u8>, Vec<u8>), edits: &[u8]) {
    let changed = edited(ciphertext, edits);
    let key = ContentKey::from_bytes(Zeroizing::new(all.key));
    let mut written = Vec::new();
    let opened = content::decrypt(&key, &all.context.to_bytes(), &changed[..], &mut written);
    assert!(plain.starts_with(&written), "what is written is not what was sealed");
    if changed == *ciphertext {
        assert_eq!(opened.ok(), Some(plain.len() as u64));
    } else {
        assert!(opened.is_err(), "a changed content opens");
    }
}

fn wrapped(all: &Originals, json: &[u8]) {
    let original: key_wrap::WrappedKey = serde_json::from_slice(&all.wrapped).expect("as it was written");
    let Ok(wrapped) = serde_json::from_slice::<key_wrap::WrappedKey>(json) else { return };
    let opened = key_wrap::unwrap(&all.identity, &all.context, &wrapped);
    assert_eq!(opened.is_ok(), wrapped == original, "a changed key opens");
}

/// Applies edits of four bytes each: what to do, where (two bytes), and with what.
fn edited(original: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for &[what, high, low, value] in edits.as_chunks::<4>().0.iter().take(16) {
        let at = usize::from(u16::from_be_bytes([high, low]));
        let chunk = content::CHUNK + 16;
        let here = at % bytes.len().max(1);
        match what % 6 {
            0 if !bytes.is_empty() => bytes[here] ^= value,
            1 => bytes.truncate(at),
            2 => bytes.push(value),
            3 if !bytes.is_empty() => drop(bytes.remove(here)),
            4 => bytes.insert(at.min(bytes.len()), value),
            // Two parts as long as a chunk change places.
            5 if bytes.len() >= 2 * chunk => {
                let (one, other) = (here % (bytes.len() - chunk), usize::from(value) * chunk % (bytes.len() - chunk));
                for place in 0..chunk {
                    bytes.swap(one + place, other + place);
                }
            }
            _ => {}
        }
    }
    bytes
}
