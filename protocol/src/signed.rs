//! Messages that wallets sign (EIP-712), under the domain of one chain's `Orders` contract.

use alloy_primitives::{Address, B256, Signature, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain, sol};

use crate::document::ServiceKind;

sol! {
    /// A consumer's wish to run the spec of an order, and the key that the result is sealed to.
    #[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct JobRequest {
        /// The open order that pays for it.
        bytes32 orderId;
        /// keccak-256 of the canonical job spec; equals the order's request hash.
        bytes32 specHash;
        /// X25519 public key of the consumer.
        bytes32 resultKey;
        /// Unix seconds after which the request is void.
        uint64 deadline;
    }

    /// A consumer's wish to be given the content key of a download order, and the key that it is wrapped to.
    #[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct DownloadRequest {
        /// The open order that pays for it.
        bytes32 orderId;
        /// keccak-256 of the canonical download spec; equals the order's request hash.
        bytes32 requestHash;
        /// X25519 public key of the consumer.
        bytes32 recipientKey;
        /// Unix seconds after which the request is void.
        uint64 deadline;
    }

    /// A provider's word on what it ran, or, of a download, handed over: then there is neither trainer nor model, and the
    /// result is the content key, wrapped to the consumer. Its signing hash is what `Orders.fulfil` records.
    #[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Receipt {
        /// The order that it fulfils.
        bytes32 orderId;
        /// Signing hash of the consumer's `JobRequest` or `DownloadRequest`.
        bytes32 requestHash;
        /// keccak-256 of the asset's metadata bytes under which it ran.
        bytes32 metadataHash;
        /// SHA-256 of the ciphertext that was opened.
        bytes32 dataCommitment;
        /// keccak-256 of the metadata hashes, one after the other, of the further assets that it used, in the spec's order;
        /// zero if it used none.
        bytes32 furtherHash;
        /// keccak-256 of the canonical job spec or download spec.
        bytes32 specHash;
        /// SHA-256 of the trainer's executable; zero for a download.
        bytes32 trainerHash;
        /// SHA-256 of the model (safetensors), before sealing; zero for a download.
        bytes32 modelHash;
        /// SHA-256 of the sealed result as it is delivered.
        bytes32 resultHash;
        /// Privacy spent, in millionths of epsilon; 0 where no noise was declared.
        uint64 epsilonMicros;
        /// SHA-256 commitment to the secret seed of the noise; zero where no noise was declared.
        bytes32 seedCommitment;
        /// SHA-256 of the last line of the provider's privacy ledger, with what this job spent; zero where no noise was declared.
        bytes32 ledgerHead;
        /// Unix seconds, rounded down to 10 s: exact durations would tell of the data.
        uint64 finishedAt;
    }

    /// An account's word on the key that others seal to it. A later one replaces it; none can be taken back in time.
    #[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KeyRegistration {
        /// Whose key it is, and who signs.
        address account;
        /// What is sealed to it: `consumer`, `publisher` or `provider`.
        string purpose;
        /// X25519 public key.
        bytes32 key;
        /// Unix seconds of the signature. Only a later registration replaces this one.
        uint64 issuedAt;
        /// Unix seconds after which it can not be registered any more. The key stays registered.
        uint64 deadline;
    }
}

/// [`Receipt`]'s `furtherHash` of these metadata hashes.
pub fn further_hash(metadata_hashes: &[B256]) -> B256 {
    match metadata_hashes {
        [] => B256::ZERO,
        hashes => keccak256(hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>()),
    }
}

/// What a consumer signed for an order: which message says which kind of service is asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// To compute.
    Compute(JobRequest),
    /// To be given the content key.
    Download(DownloadRequest),
}

impl Request {
    /// The kind of service that is asked for.
    pub fn kind(&self) -> ServiceKind {
        match self {
            Self::Compute(_) => ServiceKind::Compute,
            Self::Download(_) => ServiceKind::Download,
        }
    }

    /// The order that pays for it.
    pub fn order_id(&self) -> B256 {
        match self {
            Self::Compute(request) => request.orderId,
            Self::Download(request) => request.orderId,
        }
    }

    /// keccak-256 of the canonical spec, whose hash the order carries.
    pub fn spec_hash(&self) -> B256 {
        match self {
            Self::Compute(request) => request.specHash,
            Self::Download(request) => request.requestHash,
        }
    }

    /// X25519 public key of the consumer.
    pub fn recipient(&self) -> B256 {
        match self {
            Self::Compute(request) => request.resultKey,
            Self::Download(request) => request.recipientKey,
        }
    }

    /// Unix seconds after which the request is void.
    pub fn deadline(&self) -> u64 {
        match self {
            Self::Compute(request) => request.deadline,
            Self::Download(request) => request.deadline,
        }
    }

    /// The hash that the consumer's wallet signs.
    pub fn signing_hash(&self, domain: &Eip712Domain) -> B256 {
        match self {
            Self::Compute(request) => signing_hash(request, domain),
            Self::Download(request) => signing_hash(request, domain),
        }
    }
}

/// A signature that can not be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not 65 bytes of r, s and v.
    #[error("a signature is 65 bytes of hex: r, s and v")]
    Form,
    /// v is neither 27 nor 28.
    #[error("the signature's v must be 27 or 28")]
    RecoveryId,
    /// s is in the upper half of the order (EIP-2).
    #[error("the signature's s is in the upper half, which would allow a second form of the same signature")]
    HighS,
    /// No key can have made it.
    #[error("the signature is not valid for any key")]
    Unrecoverable,
    /// Somebody else made it.
    #[error("the message is signed by {actual} and not by {expected}; sign it with the wallet of {expected}")]
    WrongSigner {
        /// Who signed.
        actual: Address,
        /// Who should have.
        expected: Address,
    },
    /// The wallet is a contract, and that refuses the signature (EIP-1271).
    #[error("the contract at {account} does not accept the signature (EIP-1271); sign with those that it listens to")]
    ContractRefuses {
        /// The contract.
        account: Address,
    },
}

/// The EIP-712 domain of a market: its chain and its `Orders` contract.
pub fn domain(chain_id: u64, orders: Address) -> Eip712Domain {
    eip712_domain! { name: "Atoll", version: "1", chain_id: chain_id, verifying_contract: orders, }
}

/// The hash that a wallet signs for this message.
pub fn signing_hash<M: SolStruct>(message: &M, domain: &Eip712Domain) -> B256 {
    message.eip712_signing_hash(domain)
}

/// Accepts only the one canonical form of a signature by `expected` over `hash`: 65 bytes, v of 27 or 28, low s.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify(hash: B256, signature: &[u8], expected: Address) -> Result<(), SignatureError> {
    let bytes: &[u8; 65] = signature.try_into().map_err(|_| SignatureError::Form)?;
    let odd = match bytes[64] {
        27 => false,
        28 => true,
        _ => return Err(SignatureError::RecoveryId),
    };
    let signature = Signature::from_bytes_and_parity(&bytes[..64], odd);
    if signature.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    let actual = signature.recover_address_from_prehash(&hash).map_err(|_| SignatureError::Unrecoverable)?;
    if actual == expected { Ok(()) } else { Err(SignatureError::WrongSigner { actual, expected }) }
}

#[cfg(test)]
mod tests;
