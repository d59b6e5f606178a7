//! Jobs that use more than one asset: each has an order, a document and a policy of its own, and the server may lie about
//! any of them.

use alloy::primitives::{Address, B256, U256};
use atoll_protocol::{
    algorithm::{AlgorithmDocument, Template},
    api::FurtherOrder,
    contracts::Service,
    document::{Column, ColumnKind, Trusted},
    envelope::{ContentKey, Context, key_wrap},
};
use serde_json::{Value, json};

use super::*;

fn id(token: u64) -> AssetId {
    AssetId { token_id: U256::from(token), ..samples::asset() }
}

fn datatoken(token: u64) -> Address {
    Address::left_padding_from(&token.to_be_bytes())
}

/// A data set of its own with a key column, that may be joined with the others.
fn dataset(token: u64, column: &str) -> AssetDocument {
    let mut document = samples::document();
    let key = ContentKey::generate().unwrap();
    let context = Context::of_content(&id(token), 1);
    document.atoll.content.keys = vec![key_wrap::wrap(&samples::identity().public_key(), &context, &key).unwrap()];
    document.atoll.columns[0].name = column.to_owned();
    document.atoll.columns.push(Column { name: "who".into(), kind: ColumnKind::Key {}, description: None });
    document.atoll.policy.join_with =
        [42, 43].iter().filter(|other| **other != token).map(|other| id(*other)).collect();
    let table = &document.atoll;
    AssetDocument::table(
        &document.name,
        &document.description,
        &document.license,
        table.columns.clone(),
        table.content.clone(),
        table.provider.clone(),
        table.policy.clone(),
    )
}

/// A job on 42, joined with 43, of the algorithm 44: its lease, and the facts of its three orders.
struct Market {
    lease: Lease,
    facts: Vec<Facts>,
}

const AUTHOR: Address = Address::repeat_byte(0xa0);

fn market(change: impl FnOnce(&mut Value, &mut AssetDocument, &mut AssetDocument)) -> Market {
    let (mut first, mut other) = (dataset(42, "x0"), dataset(43, "z0"));
    let mut spec = samples::spec_json();
    spec["data"]["joined"] = json!([{"asset": id(43).to_string(), "key": "who", "on": "who", "features": ["z0"]}]);
    let template = Template::of(&atoll_protocol::job::JobSpec::parse(&spec).unwrap());
    spec["algorithm"] = json!({"asset": id(44).to_string(), "hash": template.hash().unwrap()});
    let algorithm = AlgorithmDocument::new("Net", "", "MIT", template);
    change(&mut spec, &mut first, &mut other);

    let order = |token: u64| Order {
        assetId: U256::from(token),
        datatoken: datatoken(token),
        requestHash: canonical::hash(&spec).unwrap(),
        ..samples::order()
    };
    let fact = |token: u64, metadata: &[u8]| Facts {
        metadata_hash: keccak256(metadata),
        service: Service { assetId: U256::from(token), ..samples::facts(&first).service },
        ..samples::facts(&first)
    };
    let further = |token: u64, metadata: Value| FurtherOrder {
        order: OrderTerms::from(&order(token)),
        metadata,
        service_index: 0,
    };
    let mut lease = samples::lease_of(&order(42), spec.clone(), &first);
    lease.further = vec![
        further(43, serde_json::to_value(&other).unwrap()),
        further(44, serde_json::to_value(&algorithm).unwrap()),
    ];
    let facts = vec![
        fact(42, &first.to_bytes().unwrap()),
        fact(43, &other.to_bytes().unwrap()),
        fact(44, &algorithm.to_bytes().unwrap()),
    ];
    Market { lease, facts }
}

impl Market {
    fn check(&self) -> Result<Accepted, Refusal> {
        check_all(&self.lease, &self.facts, Some(AUTHOR), NOW)
    }

    fn refusal(&self) -> String {
        match self.check() {
            Ok(_) => panic!("a lie was believed"),
            Err(refusal) => refusal.0,
        }
    }
}

#[test]
fn a_truthful_lease_of_several_assets_is_accepted_with_the_keys_of_each() {
    let market = market(|_, _, _| {});
    let accepted = market.check().unwrap();
    assert!(matches!(accepted.work, Work::Train(_)));
    let opens = |data: &Data| key_wrap::unwrap(&samples::identity(), &data.context, &data.wrapped).is_ok();
    assert!(opens(&accepted.data) && opens(&accepted.joined[0]));
    assert_eq!((accepted.joined.len(), accepted.joined[0].asset), (1, id(43)));
    // What the receipt will name: the joined data set's document, then the algorithm's.
    assert_eq!(accepted.further(), [market.facts[1].metadata_hash, market.facts[2].metadata_hash]);
    let own = samples::deployment();
    let job = authentic(&samples::own(&own), &market.lease).unwrap();
    assert_eq!((job.orders().len(), job.order_ids().count(), job.task.algorithm()), (3, 3, Some(id(44))));
}

#[test]
fn lies_about_the_further_orders_are_refused() {
    type Lie = fn(&mut Market);
    let lies: [(&str, &str, Lie); 15] = [
        ("no order of a joined data set", "open an order of each", |m| drop(m.lease.further.remove(0))),
        ("no further order", "open an order of each", |m| m.lease.further.clear()),
        ("an order too many", "open an order of each", |m| {
            let mut more = m.lease.further[0].clone();
            more.order.salt = B256::repeat_byte(9);
            m.lease.further.push(more);
        }),
        ("one order twice", "not one that this consumer", |m| m.lease.further[1] = m.lease.further[0].clone()),
        ("the first order once more", "not one that this consumer", |m| {
            m.lease.further[0].order = m.lease.order.clone()
        }),
        ("another consumer's order", "not one that this consumer", |m| {
            m.lease.further[0].order.consumer = samples::wallet(3).address();
        }),
        ("another provider's order", "not one that this consumer", |m| {
            m.lease.further[0].order.provider = samples::wallet(3).address();
        }),
        ("an order for another spec", "not one that this consumer", |m| {
            m.lease.further[1].order.request_hash = B256::repeat_byte(1);
        }),
        ("the orders in another order", "paid for another data set", |m| m.lease.further.swap(0, 1)),
        ("an order of another asset", "paid for another data set", |m| m.lease.further[0].order.asset_id = "45".into()),
        ("another service", "paid for another data set", |m| m.lease.further[0].service_index = 1),
        ("a kinder document", "not the one on chain", |m| {
            m.lease.further[0].metadata["atoll:market"]["policy"]["min_rows"] = json!(1);
        }),
        ("another algorithm", "not the one on chain", |m| {
            m.lease.further[1].metadata["atoll:algorithm"]["template"]["training"]["epochs"] = json!(9);
        }),
        ("a revoked algorithm", "revoked", |m| m.facts[2].asset_state = IAssetRegistry::State::Revoked),
        ("a block after the deadline", "deadline has passed", |m| m.facts[2].block_time = NOW + 1801),
    ];
    for (what, expected, lie) in lies {
        let mut market = market(|_, _, _| {});
        lie(&mut market);
        let reason = market.refusal();
        assert!(reason.contains(expected), "{what}: {reason}");
    }
}

#[test]
fn each_order_leaves_time_to_settle() {
    let mut market = market(|_, _, _| {});
    for further in &mut market.lease.further {
        further.order.deadline = NOW + 60 + SETTLE_SECONDS;
    }
    assert!(market.check().is_ok());
    market.lease.further[1].order.deadline -= 1;
    assert!(market.refusal().contains("leaves less than the 80 s"));
}

#[test]
fn every_publishers_policy_is_checked() {
    type Change = fn(&mut Value, &mut AssetDocument, &mut AssetDocument);
    let changes: [(&str, Change); 7] = [
        ("does not allow this data", |_, _, other| other.atoll.policy.deny = vec![samples::order().consumer]),
        ("wallets that it lists", |_, _, other| other.atoll.policy.allow = Some(Vec::new())),
        ("another provider", |_, _, other| other.atoll.provider.wallet = samples::wallet(3).address()),
        ("name each other", |_, first, _| first.atoll.policy.join_with.clear()),
        ("name each other", |_, _, other| other.atoll.policy.join_with.clear()),
        ("allows at most 5", |_, _, other| other.atoll.policy.max_parameters = 5),
        ("trusts neither", |_, _, other| {
            let wallet = samples::wallet(3).address();
            other.atoll.policy.trusted_algorithms = Some(vec![Trusted::Author { wallet }]);
        }),
    ];
    for (expected, change) in changes {
        let reason = market(change).refusal();
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    let trusting = market(|_, first, _| {
        first.atoll.policy.trusted_algorithms = Some(vec![Trusted::Author { wallet: AUTHOR }]);
    });
    assert!(trusting.check().is_ok());
    // Who bought the algorithm's asset is not its author.
    let sold = check_all(&trusting.lease, &trusting.facts, Some(Address::repeat_byte(1)), NOW);
    assert!(sold.err().unwrap().0.contains("trusts neither"));
}

/// The consumer signed and ordered this spec; the provider runs nothing but the algorithm that it names.
#[test]
fn a_spec_that_is_not_its_algorithm_is_refused() {
    let changed = market(|spec, _, _| spec["training"]["epochs"] = json!(3));
    assert!(changed.refusal().contains("are not the algorithm's"));
    // A data set in an algorithm's place.
    let mut market = market(|spec, _, _| spec["algorithm"]["asset"] = json!(id(43).to_string()));
    let joined = market.lease.further[0].clone();
    market.lease.further[1] =
        FurtherOrder { order: OrderTerms { salt: B256::repeat_byte(9), ..joined.order }, ..joined };
    market.facts[2] = market.facts[1].clone();
    assert!(market.refusal().contains("can not be published"), "{}", market.refusal());
}

#[test]
fn keys_that_were_copied_into_a_joined_data_set_do_not_open() {
    let market = market(|_, first, other| other.atoll.content.keys = first.atoll.content.keys.clone());
    let accepted = market.check().unwrap();
    let joined = &accepted.joined[0];
    assert!(key_wrap::unwrap(&samples::identity(), &joined.context, &joined.wrapped).is_err());
    assert!(key_wrap::unwrap(&samples::identity(), &accepted.data.context, &joined.wrapped).is_ok());
}
