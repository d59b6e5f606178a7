//! A result, sealed to one buyer: the report and the model, or statistics, readable only with the key that the buyer named in the
//! signed request, and only as the result of that order.
//!
//! Bytes = magic (8) ‖ encapsulated key (32) ‖ wrapped content key (48) ‖ chunked encryption of
//! (report length, 4 bytes little endian ‖ report JSON ‖ safetensors, nothing for statistics).

use alloy_primitives::B256;
use zeroize::Zeroizing;

use super::{
    ContentKey, EnvelopeError, PublicKey, SecretKey, content,
    key_wrap::{info, open_raw, seal_raw},
};
use crate::result::JobResult;

const MAGIC: &[u8; 8] = b"atollr1\n";
const WRAPPED: usize = 48;

/// Seals a result to its buyer.
///
/// # Errors
/// [`EnvelopeError::BadPublicKey`] for an unusable result key.
pub fn seal(recipient: &PublicKey, order_id: B256, result: &JobResult) -> Result<Vec<u8>, EnvelopeError> {
    let key = ContentKey::generate()?;
    let purpose = info(b"result", order_id.as_slice());
    let (encapsulated, wrapped) = seal_raw(recipient, &purpose, recipient.0.as_slice(), key.as_bytes())?;
    let plain = Zeroizing::new(result.to_bytes().ok_or(EnvelopeError::Refused)?);

    let mut sealed = [&MAGIC[..], &encapsulated, &wrapped].concat();
    content::encrypt(&key, &purpose, &plain[..], &mut sealed).map_err(|_| EnvelopeError::NoRandomness)?;
    Ok(sealed)
}

/// Opens a result with the buyer's key.
///
/// # Errors
/// [`EnvelopeError::Refused`] for any mismatch.
pub fn open(secret: &SecretKey, order_id: B256, sealed: &[u8]) -> Result<JobResult, EnvelopeError> {
    let refused = || EnvelopeError::Refused;
    let rest = sealed.strip_prefix(MAGIC).ok_or_else(refused)?;
    let (encapsulated, rest) = rest.split_first_chunk::<32>().ok_or_else(refused)?;
    let (wrapped, ciphertext) = rest.split_first_chunk::<WRAPPED>().ok_or_else(refused)?;
    let purpose = info(b"result", order_id.as_slice());
    let key = open_raw(secret, &purpose, secret.public_key().0.as_slice(), encapsulated, wrapped)?;
    let key: [u8; 32] = key[..].try_into().map_err(|_| EnvelopeError::Refused)?;
    let mut plain = Zeroizing::new(Vec::new());
    content::decrypt(&ContentKey::from_bytes(Zeroizing::new(key)), &purpose, ciphertext, &mut *plain)
        .map_err(|_| EnvelopeError::Refused)?;

    JobResult::from_bytes(&plain).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> JobResult {
        let report = serde_json::from_value(serde_json::json!({
            "train_rows": 8, "test_rows": 2, "test_accuracy": 0.5, "test_rmse": null, "test_confusion": [null, null],
            "final_loss": 0.1, "history": [], "inputs": [], "classes": ["a", "b"], "output_scaling": null, "trainer": "t"
        }));
        JobResult::Model { report: Box::new(report.unwrap()), model: b"model".to_vec() }
    }

    #[test]
    fn statistics_are_sealed_as_their_canonical_bytes() {
        let report = serde_json::from_value(serde_json::json!({
            "rows": 8, "answers": [{"kind": "count", "count": 7, "deviation": 2.0}],
            "privacy": {"epsilon_micros": 1, "delta": 1e-5, "sampling_rate": 1.0, "steps": 1, "accountant": "renyi"},
            "trainer": "t"
        }));
        let (buyer, order) = (SecretKey::generate().unwrap(), B256::repeat_byte(7));
        let result = JobResult::Statistics(report.unwrap());
        let opened = open(&buyer, order, &seal(&buyer.public_key(), order, &result).unwrap()).unwrap();
        assert_eq!(opened, result);
        let JobResult::Statistics(report) = &opened else { panic!("statistics became a model") };
        let bytes = crate::canonical::to_bytes(report).unwrap();
        assert_eq!(opened.hash().unwrap(), B256::from_slice(&<sha2::Sha256 as sha2::Digest>::digest(bytes)));
    }

    #[test]
    fn only_the_buyer_opens_it_and_only_as_this_order() {
        let (buyer, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let order = B256::repeat_byte(7);
        let sealed = seal(&buyer.public_key(), order, &model()).unwrap();
        assert_eq!(open(&buyer, order, &sealed).unwrap(), model());
        assert_eq!(open(&other, order, &sealed), Err(EnvelopeError::Refused));
        assert_eq!(open(&buyer, B256::repeat_byte(8), &sealed), Err(EnvelopeError::Refused));
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(open(&buyer, order, &bad), Err(EnvelopeError::Refused), "byte {at}");
            assert_eq!(open(&buyer, order, &sealed[..at]), Err(EnvelopeError::Refused), "cut at {at}");
        }
    }
}
