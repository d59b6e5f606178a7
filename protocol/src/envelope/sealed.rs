//! A result, sealed to one buyer: the report and the model, readable only with the key that the buyer named in the
//! signed request, and only as the result of that order.
//!
//! Bytes = magic (8) ‖ encapsulated key (32) ‖ wrapped content key (48) ‖ chunked encryption of
//! (report length, 4 bytes little endian ‖ report JSON ‖ safetensors).

use alloy_primitives::B256;
use zeroize::Zeroizing;

use super::{
    ContentKey, EnvelopeError, PublicKey, SecretKey, content,
    key_wrap::{info, open_raw, seal_raw},
};
use crate::report::Report;

const MAGIC: &[u8; 8] = b"atollr1\n";
const WRAPPED: usize = 48;

/// Seals a result to its buyer.
///
/// # Errors
/// [`EnvelopeError::BadPublicKey`] for an unusable result key.
pub fn seal(recipient: &PublicKey, order_id: B256, report: &Report, model: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let key = ContentKey::generate()?;
    let purpose = info(b"result", order_id.as_slice());
    let (encapsulated, wrapped) = seal_raw(recipient, &purpose, recipient.0.as_slice(), key.as_bytes())?;
    let report = serde_json::to_vec(report).expect("a report is plain data");
    let length = u32::try_from(report.len()).map_err(|_| EnvelopeError::Refused)?;
    let plain = Zeroizing::new([&length.to_le_bytes(), &report[..], model].concat());

    let mut sealed = [&MAGIC[..], &encapsulated, &wrapped].concat();
    content::encrypt(&key, &purpose, &plain[..], &mut sealed).map_err(|_| EnvelopeError::NoRandomness)?;
    Ok(sealed)
}

/// Opens a result with the buyer's key. Returns the report and the model (safetensors).
///
/// # Errors
/// [`EnvelopeError::Refused`] for any mismatch.
pub fn open(secret: &SecretKey, order_id: B256, sealed: &[u8]) -> Result<(Report, Vec<u8>), EnvelopeError> {
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

    let (length, rest) = plain.split_first_chunk::<4>().ok_or_else(refused)?;
    let (report, model) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(refused)?;
    Ok((serde_json::from_slice(report).map_err(|_| EnvelopeError::Refused)?, model.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        serde_json::from_value(serde_json::json!({
            "train_rows": 8, "test_rows": 2, "test_accuracy": 0.5, "test_rmse": null, "test_confusion": [null, null],
            "final_loss": 0.1, "history": [], "inputs": [], "classes": ["a", "b"], "output_scaling": null, "trainer": "t"
        }))
        .unwrap()
    }

    #[test]
    fn only_the_buyer_opens_it_and_only_as_this_order() {
        let (buyer, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let order = B256::repeat_byte(7);
        let sealed = seal(&buyer.public_key(), order, &report(), b"model").unwrap();
        assert_eq!(open(&buyer, order, &sealed).unwrap(), (report(), b"model".to_vec()));
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
