//! A server that lies to a provider's runner about a download gets no key wrapped.

use std::{
    fs,
    time::{Duration, Instant},
};

use atoll_devnet::{Market, Options, actor::field, sample};
use atoll_protocol::contracts::IOrders;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Lets the server's own database hold the lie, starts a runner on it, and gives what the buyer heard.
async fn lied(lie: &str) -> (Market, String, String) {
    let mut market = Market::start(Options { runner: false, ..Options::default() }).await.unwrap();
    let published = sample::publish_selling(&market, &["--price", "5", "--download", "20"]).await.unwrap();
    let asset: String = field(&published, "asset").unwrap();
    let out = market.dir().join("bought.csv");
    let arguments = ["download", &asset, "--even-if-offline", "--out", &out.to_string_lossy()];
    let mut buying = market.buyer.start(&arguments).unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while !buying.stderr().contains("Waiting for the provider") {
        assert!(Instant::now() < until && buying.status().is_none(), "{}", buying.last_words());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut connection = PgConnection::connect(&market.database_url()).await.unwrap();
    let done = sqlx::query(AssertSqlSafe(lie.to_owned())).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0, "the lie changed nothing: {lie}");
    market.add_runner().await.unwrap();
    let stored = || fs::read_dir(market.provider.home().join("provider/unsettled")).map_or(0, Iterator::count);
    while buying.status().is_none() {
        assert!(Instant::now() < until, "it does not end: {}", buying.last_words());
        assert_eq!(stored(), 0, "a key was wrapped");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(buying.status().unwrap().code(), Some(6), "{}", buying.last_words());
    assert!(!out.exists() && stored() == 0);
    let results: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE result_object IS NOT NULL")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(results, 0);
    let order = sqlx::query_scalar::<_, String>("SELECT '0x' || encode(id, 'hex') FROM orders");
    let order = order.fetch_one(&mut connection).await.unwrap();
    let said = buying.stdout();
    (market, order, said)
}

async fn status(market: &Market, order: &str) -> IOrders::Status {
    sample::order_status(market, order).await.unwrap()
}

#[tokio::test]
async fn a_server_that_names_another_key_gets_none() {
    let (market, order, said) = lied("UPDATE jobs SET result_key = sha256('the server''s own')").await;
    assert!(said.contains("signed by"), "{said}");
    // What the consumer did not sign is no reason to end the consumer's order.
    assert!(matches!(status(&market, &order).await, IOrders::Status::Open));
}

#[tokio::test]
async fn a_server_that_names_an_order_which_is_not_on_chain_gets_none() {
    let (market, order, said) = lied("UPDATE orders SET escrow_amount = escrow_amount + 1").await;
    assert!(said.contains("not those of the order"), "{said}");
    assert!(matches!(status(&market, &order).await, IOrders::Status::Open));
}

#[tokio::test]
async fn a_server_that_passes_the_computation_off_as_the_download_gets_none() {
    // The numbers of the two services, exchanged; the chain has them as they were.
    let lie = "UPDATE services SET service_index = CASE service_index WHEN 0 THEN 7 ELSE 0 END";
    let (market, order, said) = lied(lie).await;
    assert!(said.contains("paid for another data set or service"), "{said}");
    assert!(matches!(status(&market, &order).await, IOrders::Status::Cancelled));
}
