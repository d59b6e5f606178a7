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
fn a_download_request_signed_by_another_library_verifies() {
    let request = DownloadRequest {
        orderId: B256::repeat_byte(1),
        requestHash: B256::repeat_byte(2),
        recipientKey: B256::repeat_byte(3),
        deadline: 1_700_000_000,
    };
    let hash = signing_hash(&request, &domain(31337, ORDERS));
    assert_eq!(hash[..], hex!("09dd82b31798acef4076c51ae84d2aa7ee8bb40bcf0627e936dd8f6770c2f4fa"));
    let signature = hex!(
        "bcce1beb9ae5269d8ba964fb21f04c50f1342c955153030ef26b8fd6b993a551"
        "038483f1abd53d80e40f728cec42c703a9942718c5dbde3040c13f85f33871a91b"
    );
    assert_eq!(verify(hash, &signature, SIGNER), Ok(()));
    // A job request of the same four values is another message.
    assert_ne!(hash, REQUEST_HASH);
}

#[test]
fn a_request_is_read_as_the_kind_that_its_fields_say() {
    let read = |value: serde_json::Value| serde_json::from_value::<Request>(value);
    let job = Request::Compute(request());
    let value = serde_json::to_value(&job).unwrap();
    assert_eq!(read(value.clone()).unwrap(), job);
    let mut download = value.clone();
    for (from, to) in [("specHash", "requestHash"), ("resultKey", "recipientKey")] {
        let field = download.as_object_mut().unwrap().remove(from).unwrap();
        download[to] = field;
    }
    let download = read(download).unwrap();
    assert_eq!((download.kind(), job.kind()), (ServiceKind::Download, ServiceKind::Compute));
    assert_eq!((download.order_id(), download.spec_hash()), (job.order_id(), job.spec_hash()));
    assert_eq!((download.recipient(), download.deadline()), (job.recipient(), job.deadline()));
    let domain = domain(31337, ORDERS);
    assert_ne!(download.signing_hash(&domain), job.signing_hash(&domain));
    let mut both = value;
    both["requestHash"] = both["specHash"].clone();
    assert!(read(both).is_err());
}

#[test]
fn a_receipt_signed_by_another_library_verifies() {
    let byte = B256::repeat_byte;
    let receipt = Receipt {
        orderId: byte(1),
        requestHash: byte(2),
        metadataHash: byte(3),
        dataCommitment: byte(4),
        furtherHash: byte(10),
        specHash: byte(5),
        trainerHash: byte(6),
        modelHash: byte(7),
        resultHash: byte(8),
        epsilonMicros: 5,
        seedCommitment: B256::repeat_byte(11),
        ledgerHead: B256::repeat_byte(12),
        finishedAt: 1_700_000_000,
    };
    let hash = signing_hash(&receipt, &domain(31337, ORDERS));
    assert_eq!(hash[..], hex!("7ef8a9c1f37dcddd90e519edef4d7b9f74e8b280d461b4525660c82e886c1211"));
    let signature = hex!(
        "31389610111f1974afc279a6079fc35beb751d9c134221affdc4b31b3c95fce0"
        "3c63fc0cd6620866af42ecbf3ca07b5c35ea175e3871eb86d7618a0cec9e368d1b"
    );
    assert_eq!(verify(hash, &signature, SIGNER), Ok(()));
}

#[test]
fn further_assets_are_named_by_one_hash_in_their_order() {
    let byte = B256::repeat_byte;
    assert_eq!(further_hash(&[]), B256::ZERO);
    // keccak-256 of 32 bytes of 1 and 32 bytes of 2 (pycryptodome).
    let both = hex!("346d8c96a2454213fcc0daff3c96ad0398148181b9fa6488f7ae2c0af5b20aa0");
    assert_eq!(further_hash(&[byte(1), byte(2)])[..], both);
    assert_ne!(further_hash(&[byte(2), byte(1)])[..], both);
}

#[test]
fn a_key_registration_signed_by_another_library_verifies() {
    let registration = KeyRegistration {
        account: SIGNER,
        purpose: "consumer".to_owned(),
        key: B256::repeat_byte(3),
        issuedAt: 1_700_000_000,
        deadline: 1_700_000_600,
    };
    let hash = signing_hash(&registration, &domain(31337, ORDERS));
    assert_eq!(hash[..], hex!("db68cd7fd31609995d3e583b088635a0cf5d5f35a8d4001ba829f1fd1d0d73a3"));
    let signature = hex!(
        "fb2c7253447802672aa14bf27c9fe9092ab590510764acc1feadc86deaea2381"
        "02481f88db88844f8d781e0a7e43f51d2fcf083a5e2c10bde1c0c6a0f34ad7a21b"
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
