use alloy_primitives::{U256, address, hex};

use super::*;

const ORDERS: Address = Address::repeat_byte(5);
const SIGNER: Address = address!("17c5185167401eD00cF5F5b2fc97D9BBfDb7D025");

fn request() -> JobRequest {
    JobRequest {
        orderId: B256::repeat_byte(1),
        specHash: B256::repeat_byte(2),
        resultKey: B256::repeat_byte(3),
        deadline: 1_700_000_000,
    }
}

/// Made by an independent library (eth-account 0.13) with the key 42…42.
const REQUEST_HASH: B256 = B256::new(hex!("0e1aeebf8f505cc4c0735b477ab8795910433dbb79fce46641b4779836e566c3"));
const REQUEST_SIGNATURE: [u8; 65] = hex!(
    "f505ca5196b92802f335b4e1eb137313667258baf27bef165caea4df44afd9c8"
    "36c98a56414ff44190bc121eaa3341d12fa4a24b8724c108858135fc272d83571b"
);

#[test]
fn a_request_signed_by_another_library_verifies() {
    let hash = signing_hash(&request(), &domain(31337, ORDERS));
    assert_eq!(hash, REQUEST_HASH);
    assert_eq!(verify(hash, &REQUEST_SIGNATURE, SIGNER), Ok(()));
}

#[test]
fn a_receipt_signed_by_another_library_verifies() {
    let byte = B256::repeat_byte;
    let receipt = Receipt {
        orderId: byte(1),
        requestHash: byte(2),
        metadataHash: byte(3),
        dataCommitment: byte(4),
        specHash: byte(5),
        trainerHash: byte(6),
        modelHash: byte(7),
        resultHash: byte(8),
        epsilonMicros: 5,
        finishedAt: 1_700_000_000,
    };
    let hash = signing_hash(&receipt, &domain(31337, ORDERS));
    assert_eq!(hash[..], hex!("7f8080fd89b9c9a04b718d691bcd393a9771db08429d87a97c3a42347f6964cd"));
    let signature = hex!(
        "837a349d62912c965a4bc47fbbcd3fbd31e34ea5af05a541cc6202800036ec30"
        "4c566eb724c337d244d3bff3959ba1b6fd1ec700eab0ba6403e05d0a88060b001c"
    );
    assert_eq!(verify(hash, &signature, SIGNER), Ok(()));
}

#[test]
fn another_chain_contract_field_or_signer_does_not_verify() {
    let other = JobRequest { deadline: 1_700_000_001, ..request() };
    let hashes = [
        signing_hash(&request(), &domain(1, ORDERS)),
        signing_hash(&request(), &domain(31337, Address::repeat_byte(6))),
        signing_hash(&other, &domain(31337, ORDERS)),
    ];
    for hash in hashes {
        assert!(verify(hash, &REQUEST_SIGNATURE, SIGNER).is_err());
    }
    let expected = Address::repeat_byte(9);
    let refused = verify(REQUEST_HASH, &REQUEST_SIGNATURE, expected);
    assert_eq!(refused, Err(SignatureError::WrongSigner { actual: SIGNER, expected }));
}

#[test]
fn only_one_form_of_a_signature_is_accepted() {
    let order = U256::from_be_bytes(hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
    let mut high = REQUEST_SIGNATURE;
    let s = order - U256::from_be_slice(&REQUEST_SIGNATURE[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] = 28;
    assert_eq!(verify(REQUEST_HASH, &high, SIGNER), Err(SignatureError::HighS));
    for v in [0, 1, 26, 29, 35, 37, 255] {
        let mut odd = REQUEST_SIGNATURE;
        odd[64] = v;
        assert_eq!(verify(REQUEST_HASH, &odd, SIGNER), Err(SignatureError::RecoveryId), "v = {v}");
    }
    assert_eq!(verify(REQUEST_HASH, &REQUEST_SIGNATURE[..64], SIGNER), Err(SignatureError::Form));
    assert_eq!(verify(REQUEST_HASH, &[&REQUEST_SIGNATURE[..], &[0]].concat(), SIGNER), Err(SignatureError::Form));
    let mut zero = [0; 65];
    zero[64] = 27;
    assert_eq!(verify(REQUEST_HASH, &zero, SIGNER), Err(SignatureError::Unrecoverable));
}
