use std::time::Instant;

use atoll_devnet::{Chain, Postgres};
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn two_postgres_side_by_side_share_nothing() {
    let start = Instant::now();
    let (one, two) = tokio::try_join!(Postgres::start(), Postgres::start()).unwrap();
    eprintln!("two postgres in {:?}", start.elapsed());
    let mut first = PgConnection::connect(&one.url()).await.unwrap();
    sqlx::query("CREATE TABLE only_here (x int)").execute(&mut first).await.unwrap();
    let mut second = PgConnection::connect(&two.url()).await.unwrap();
    assert!(sqlx::query("SELECT x FROM only_here").execute(&mut second).await.is_err());
    assert_ne!(one.url(), two.url());
}

#[tokio::test]
async fn postgres_gives_each_test_a_database() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.create_database("with \"quotes\"").await;
    assert!(url.is_ok(), "{url:?}");
    let url = postgres.create_database("plain").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let (name,): (String,) =
        sqlx::query_as("SELECT current_database()::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(name, "plain");
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_when_it_is_killed() {
    let mut postgres = Postgres::start().await.unwrap();
    let mut before = PgConnection::connect(&postgres.url()).await.unwrap();
    sqlx::query("CREATE TABLE kept AS SELECT 42 AS x").execute(&mut before).await.unwrap();
    postgres.kill();
    assert!(PgConnection::connect(&postgres.url()).await.is_err());
    postgres.restart().await.unwrap();
    let mut after = PgConnection::connect(&postgres.url()).await.unwrap();
    let (x,): (i32,) = sqlx::query_as("SELECT x FROM kept").fetch_one(&mut after).await.unwrap();
    assert_eq!(x, 42);
}

#[tokio::test]
async fn a_chain_has_the_contracts_and_funded_accounts() {
    let start = Instant::now();
    let chain = Chain::start().await.unwrap();
    eprintln!("chain in {:?}", start.elapsed());
    for contract in [chain.deployment.asset_registry, chain.deployment.market, chain.deployment.orders] {
        let code = chain.rpc.call("eth_getCode", serde_json::json!([contract, "latest"])).await.unwrap();
        assert!(code.as_str().unwrap().len() > 100, "no code at {contract}");
    }
    assert_eq!(chain.accounts.len(), 10);
    let balance =
        chain.rpc.call("eth_getBalance", serde_json::json!([chain.accounts[3].address, "latest"])).await.unwrap();
    assert_eq!(balance, "0x21e19e0c9bab2400000");
}

#[tokio::test]
async fn a_taken_port_has_a_clear_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let scratch = std::sync::Arc::new(atoll_devnet::Scratch::create().unwrap());
    let said = Chain::start_in(&scratch, Some(port)).await.unwrap_err().to_string();
    assert_eq!(
        said,
        format!("port {port} is already in use: choose another with --port, or stop the program that uses it")
    );
}
