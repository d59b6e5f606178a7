//! A wallet that is a contract (EIP-1271): it accepts what one owner signs.

use alloy::primitives::{Address, hex};
use atoll_devnet::chain::Rpc;
use serde_json::json;

/// Puts a wallet of `owner`'s at an address.
pub(crate) async fn put(rpc: &Rpc, at: Address, owner: Address) {
    let code = format!("0x{}", hex::encode(code(owner)));
    rpc.call("anvil_setCode", json!([at, code])).await.unwrap();
}

/// Takes it away again.
pub(crate) async fn remove(rpc: &Rpc, at: Address) {
    rpc.call("anvil_setCode", json!([at, "0x"])).await.unwrap();
}

/// `isValidSignature(bytes32 hash, bytes signature)` for 65 bytes of signature, in the words of the EVM.
fn code(owner: Address) -> Vec<u8> {
    let mut code = Vec::new();
    // Memory 0x00 to 0x80 becomes ecrecover's input: hash, v, r, s.
    code.extend(hex!("600435600052"));
    code.extend(hex!("60a43560f81c602052"));
    code.extend(hex!("606435604052"));
    code.extend(hex!("608435606052"));
    // The precompile is at 1; its answer goes to 0x80.
    code.extend(hex!("602060806080600060015afa50"));
    // Is it the owner?
    code.extend(hex!("60805173"));
    code.extend(owner);
    code.push(0x14);
    let refuse = hex!("63ffffffff60e01b60005260206000f3");
    let accept = u8::try_from(code.len() + 3 + refuse.len()).unwrap();
    code.extend([0x60, accept, 0x57]);
    code.extend(refuse);
    code.extend(hex!("5b631626ba7e60e01b60005260206000f3"));
    code
}
