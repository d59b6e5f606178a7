use std::collections::BTreeSet;

use alloy_json_abi::JsonAbi;

use super::*;

/// Names with argument types, and for events which are indexed: everything that a caller or a log's reader relies on.
fn items(abi: &JsonAbi) -> BTreeSet<String> {
    let functions = abi.functions().map(|f| {
        let outputs: Vec<_> = f.outputs.iter().map(|o| o.selector_type()).collect();
        format!("function {} {:?} -> {outputs:?}", f.signature(), f.state_mutability)
    });
    let events = abi.events().map(|e| {
        let indexed: Vec<_> = e.inputs.iter().map(|i| (i.name.as_str(), i.indexed)).collect();
        format!("event {} {indexed:?}", e.signature())
    });
    let errors = abi.errors().map(|e| format!("error {}", e.signature()));
    functions.chain(events).chain(errors).collect()
}

fn exported(name: &str) -> BTreeSet<String> {
    let path = format!("{}/../contracts/abi/{name}.json", env!("CARGO_MANIFEST_DIR"));
    items(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

/// The bindings say nothing that the contracts do not, and miss nothing but what comes from the token standards.
#[test]
fn bindings_equal_the_exported_abis() {
    let standards: Vec<String> = ["IERC20", "IERC721", "permit"].iter().flat_map(|s| standard(s)).collect();
    let inherited = |item: &str| standards.iter().any(|standard| item.starts_with(standard));
    let cases = [
        ("IOrders", IOrders::abi::contract()),
        ("IAssetRegistry", IAssetRegistry::abi::contract()),
        ("IMarket", IMarket::abi::contract()),
        ("IDatatoken", IDatatoken::abi::contract()),
        ("IMemberList", IMemberList::abi::contract()),
    ];
    for (name, bound) in cases {
        let (bound, exported) = (items(&bound), exported(name));
        let unknown: Vec<_> = bound.difference(&exported).collect();
        assert!(unknown.is_empty(), "{name}: bound but not in the contracts: {unknown:#?}");
        let missing: Vec<_> = exported.difference(&bound).filter(|item| !inherited(item)).collect();
        assert!(missing.is_empty(), "{name}: in the contracts but not bound: {missing:#?}");
    }
}

/// Any gate can be asked as the stock one is.
#[test]
fn the_member_list_is_a_gate() {
    assert!(items(&IGate::abi::contract()).is_subset(&exported("IMemberList")));
}

/// Beginnings of what belongs to ERC-20, ERC-2612 and ERC-721, which the interfaces inherit. Of the two permits of a
/// datatoken only one is ERC-2612's.
fn standard(of: &str) -> Vec<String> {
    let (events, functions): (&[&str], &[&str]) = match of {
        "IERC20" => (
            &["Transfer", "Approval"],
            &[
                "name",
                "symbol",
                "decimals",
                "totalSupply",
                "balanceOf",
                "allowance",
                "approve",
                "transfer",
                "transferFrom",
            ],
        ),
        "IERC721" => (
            &["ApprovalForAll"],
            &[
                "ownerOf",
                "safeTransferFrom",
                "getApproved",
                "setApprovalForAll",
                "isApprovedForAll",
                "supportsInterface",
            ],
        ),
        _ => (&[], &["permit(address,address,uint256,uint256,uint8,bytes32,bytes32", "nonces", "DOMAIN_SEPARATOR"]),
    };
    let named = |kind: &str, names: &[&str]| {
        let opened =
            |name: &&str| if name.contains('(') { format!("{kind} {name})") } else { format!("{kind} {name}(") };
        names.iter().map(opened).collect::<Vec<_>>()
    };
    [named("event", events), named("function", functions)].concat()
}
