//! A server that lies about an asset is found out before money moves.

use alloy::primitives::Address;
use atoll_devnet::{Market, sample};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::refused::{market_without_runner, text};

/// Answers as the market's server does, but for one text that it replaces by another. Gives its origin.
async fn liar(market: &Market, truth: &str, lie: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (server, truth, lie) = (market.server_url().to_owned(), truth.to_owned(), lie.to_owned());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            answer(connection, &server, &truth, &lie).await;
        }
    });
    origin
}

async fn answer(connection: TcpStream, server: &str, truth: &str, lie: &str) {
    let mut connection = BufReader::new(connection);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") && connection.read_line(&mut request).await.unwrap() > 0 {}
    let path = request.split(' ').nth(1).unwrap();
    let told = reqwest::get(format!("{server}{path}")).await.unwrap();
    let status = told.status().as_u16();
    let body = told.text().await.unwrap().replace(truth, lie);
    let head = format!("HTTP/1.1 {status} \r\ncontent-type: application/json\r\nconnection: close\r\n");
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lies_about_an_asset_is_found_out() {
    let market = market_without_runner().await;
    let published = sample::publish(&market).await.unwrap();
    let another = sample::publish(&market).await.unwrap();
    let asset = text(&published, "asset");
    let datatoken = text(&published, "datatoken");
    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let before = sample::dollars(&market, market.buyer.address()).await.unwrap();
    let nobody = Address::repeat_byte(7).to_string().to_lowercase();
    for (truth, lie, said) in [
        (datatoken, text(&another, "datatoken"), "datatoken"),
        (datatoken, nobody.as_str(), "datatoken"),
        (sample::NAME, "Something else", "not what the publisher put on chain"),
    ] {
        let origin = liar(&market, truth, lie).await;
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll"));
        command.args(["buy", asset, "--even-if-offline", "--json", "--server", &origin, "--rpc-url", market.rpc_url()]);
        command.arg("--spec").arg(&spec).arg("--home").arg(market.buyer.home());
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = text(&error, "error");
        assert!(error.contains(said) && error.contains("use another --server"), "{error}");
    }
    assert_eq!(sample::dollars(&market, market.buyer.address()).await.unwrap(), before);
}
