//! How values of the chain lie in columns: addresses and hashes as bytes, token ids as 32 bytes big endian, amounts as
//! numerics that travel as decimal text.

use alloy::primitives::{Address, B256, U256};
use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

pub(super) fn address(column: &'static str, bytes: &[u8]) -> Result<Address, StoreError> {
    Address::try_from(bytes).map_err(|_| StoreError::Unreadable { column })
}

pub(super) fn hash(column: &'static str, bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|_| StoreError::Unreadable { column })
}

pub(super) fn token_id(column: &'static str, bytes: &[u8]) -> Result<U256, StoreError> {
    Ok(hash(column, bytes)?.into())
}

pub(super) fn token_id_bytes(id: U256) -> [u8; 32] {
    id.to_be_bytes()
}

pub(super) fn unsigned<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Unreadable { column })
}

/// A number of the chain or of a request that fits every bigint column.
pub(super) fn bigint(column: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Unreadable { column })
}

/// A number that fits every integer column.
pub(super) fn integer(column: &'static str, value: u32) -> Result<i32, StoreError> {
    i32::try_from(value).map_err(|_| StoreError::Unreadable { column })
}

/// An enum of the protocol by the name that serde gives it.
pub(super) fn name_of<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("only enums without data are stored by name"),
    }
}

pub(super) fn by_name<T: DeserializeOwned>(column: &'static str, name: String) -> Result<T, StoreError> {
    json(column, serde_json::Value::String(name))
}

pub(super) fn json<T: DeserializeOwned>(column: &'static str, value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|_| StoreError::Unreadable { column })
}

pub(super) fn to_json<T: Serialize>(column: &'static str, value: &T) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|_| StoreError::Unreadable { column })
}
