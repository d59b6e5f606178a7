//! How strings of the API look: named schemas for its description. The values themselves have types of their own.

use utoipa::ToSchema;

macro_rules! form {
    ($(#[$meta:meta])* $name:ident, $($schema:tt)*) => {
        $(#[$meta])*
        #[derive(Debug, ToSchema)]
        #[schema($($schema)*)]
        pub struct $name(pub String);
    };
}

form! {
    /// An account or contract: `0x` and 40 hex digits, in any case; the server writes small letters.
    Address,
    pattern = "^0x[0-9a-fA-F]{40}$", example = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
}

form! {
    /// 32 bytes: `0x` and 64 hex digits.
    Hash,
    pattern = "^0x[0-9a-fA-F]{64}$", example = "0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}

form! {
    /// A signature by a wallet: `0x` and the hex digits of its bytes; 65 of them (r, s, v) from a key.
    Signature,
    pattern = "^0x([0-9a-fA-F]{2})+$",
    example = "0x454349e422f05297191ead13e21d3db520e5abef52055e4964b82fb213f593a1243a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf891b"
}

form! {
    /// A whole number of 256 bits in decimal, without leading zeros: base units of a token, or the id of an ERC-721 token.
    Amount,
    pattern = "^(0|[1-9][0-9]{0,77})$", example = "2500000"
}

form! {
    /// Name of a layer of a sandbox.
    SandboxLayer,
    pattern = "^[!-~]([ -~]{0,62}[!-~])?$", example = "seccomp"
}

form! {
    /// An asset as CAIP-19.
    AssetId,
    pattern = "^eip155:[0-9]{1,20}/erc721:0x[0-9a-fA-F]{40}/[0-9]{1,78}$",
    example = "eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/42"
}

/// A consumer's wish to run the spec of an order: the EIP-712 message `JobRequest`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// The open order that pays for it.
    pub order_id: Hash,
    /// keccak-256 of the canonical job spec; equals the order's request hash.
    pub spec_hash: Hash,
    /// X25519 public key of the consumer.
    pub result_key: Hash,
    /// Unix seconds after which the request is void.
    #[schema(example = 1_767_225_600)]
    pub deadline: u64,
}

/// A consumer's wish to be given the content key of a download order: the EIP-712 message `DownloadRequest`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct DownloadRequest {
    /// The open order that pays for it.
    pub order_id: Hash,
    /// keccak-256 of the canonical download spec; equals the order's request hash.
    pub request_hash: Hash,
    /// X25519 public key of the consumer.
    pub recipient_key: Hash,
    /// Unix seconds after which the request is void.
    #[schema(example = 1_767_225_600)]
    pub deadline: u64,
}

/// What a consumer signed: a `JobRequest` or a `DownloadRequest`, as the job's `kind` says.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum Request {
    /// To compute.
    Compute(JobRequest),
    /// To be given the content key.
    Download(DownloadRequest),
}

/// A provider's word on what it ran: the EIP-712 message `Receipt`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Receipt {
    /// The order that it fulfils.
    pub order_id: Hash,
    /// Signing hash of the consumer's `JobRequest`.
    pub request_hash: Hash,
    /// keccak-256 of the asset's metadata bytes under which it ran.
    pub metadata_hash: Hash,
    /// SHA-256 of the ciphertext that was opened.
    pub data_commitment: Hash,
    /// keccak-256 of the metadata hashes of the further assets that it used, one after the other; zero if it used none.
    pub further_hash: Hash,
    /// keccak-256 of the canonical job spec.
    pub spec_hash: Hash,
    /// SHA-256 of the trainer's executable.
    pub trainer_hash: Hash,
    /// SHA-256 of the model, before sealing.
    pub model_hash: Hash,
    /// SHA-256 of the sealed result as it is delivered.
    pub result_hash: Hash,
    /// Privacy spent, in millionths of epsilon; 0 where no noise was declared.
    #[schema(example = 0)]
    pub epsilon_micros: u64,
    /// SHA-256 commitment to the secret seed of the noise; zero where no noise was declared.
    pub seed_commitment: Hash,
    /// SHA-256 of the last line of the provider's privacy ledger, with what this job spent; zero where no noise was declared.
    pub ledger_head: Hash,
    /// Unix seconds, rounded down to 10 s.
    #[schema(example = 1_767_225_600)]
    pub finished_at: u64,
}

/// An account's word on the key that others seal to it: the EIP-712 message `KeyRegistration`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct KeyRegistration {
    /// Whose key it is, and who signs.
    pub account: Address,
    /// What is sealed to it: `consumer`, `publisher` or `provider`.
    pub purpose: super::KeyPurpose,
    /// X25519 public key.
    pub key: Hash,
    /// Unix seconds of the signature. Only a later registration replaces this one.
    #[schema(example = 1_767_225_600)]
    pub issued_at: u64,
    /// Unix seconds after which it can not be registered any more. The key stays registered.
    #[schema(example = 1_767_226_200)]
    pub deadline: u64,
}
