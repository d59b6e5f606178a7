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
    let standards: BTreeSet<String> = ["IERC20", "IERC721", "permit"].iter().flat_map(|s| standard(s)).collect();
    let cases = [
        ("IOrders", IOrders::abi::contract()),
        ("IAssetRegistry", IAssetRegistry::abi::contract()),
        ("IMarket", IMarket::abi::contract()),
        ("IDatatoken", IDatatoken::abi::contract()),
    ];
    for (name, bound) in cases {
        let (bound, exported) = (items(&bound), exported(name));
        let unknown: Vec<_> = bound.difference(&exported).collect();
        assert!(unknown.is_empty(), "{name}: bound but not in the contracts: {unknown:#?}");
        let missing: Vec<_> =
            exported.difference(&bound).filter(|item| !standards.contains(item.split(['(']).next().unwrap())).collect();
        assert!(missing.is_empty(), "{name}: in the contracts but not bound: {missing:#?}");
    }
}

/// Names that belong to ERC-20, ERC-2612 and ERC-721, which the interfaces inherit.
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
        _ => (&[], &["permit", "nonces", "DOMAIN_SEPARATOR"]),
    };
    let named = |kind: &str, names: &[&str]| names.iter().map(|n| format!("{kind} {n}")).collect::<Vec<_>>();
    [named("event", events), named("function", functions)].concat()
}
