//! The market's page beside the API.

use std::fs;

use reqwest::{Client, Response, StatusCode, header};

use crate::world::World;

struct Served {
    world: World,
    _directory: tempfile::TempDir,
}

impl Served {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("static")).unwrap();
        fs::write(directory.path().join("index.html"), format!("<!doctype html>{}", " ".repeat(2000))).unwrap();
        fs::write(directory.path().join("static/main-1a2b.js"), "export {};\n".repeat(500)).unwrap();
        let web = directory.path().to_string_lossy().into_owned();
        let arguments = ["--web", &web, "--wallet-rpc-url", "http://127.0.0.1:1", "--wallet-chain-name", "Here"];
        Self { world: World::with_arguments(&arguments).await, _directory: directory }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = Client::new().get(format!("{}{path}", self.world.server.url()));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
    }
}

fn text<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_is_kept_as_long_as_it_may_be() {
    let served = Served::start().await;
    let entry = served.get("/", &[]).await;
    assert_eq!(entry.status(), StatusCode::OK);
    assert_eq!(text(&entry, "content-type"), "text/html; charset=utf-8");
    assert_eq!(text(&entry, "cache-control"), "public, no-cache");
    assert_eq!(text(&entry, "x-content-type-options"), "nosniff");
    assert_eq!(text(&entry, "cross-origin-opener-policy"), "same-origin");
    let policy: Vec<&str> = text(&entry, "content-security-policy").split("; ").collect();
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types atoll-workers",
    ] {
        assert!(policy.contains(&directive), "{directive} is not in {policy:?}");
    }
    let tag = text(&entry, "etag").to_owned();
    let again = served.get("/", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(text(&again, "content-security-policy"), text(&entry, "content-security-policy"));

    let script = served.get("/static/main-1a2b.js", &[("accept-encoding", "gzip")]).await;
    assert_eq!(text(&script, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(text(&script, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(text(&script, header::CONTENT_ENCODING.as_str()), "gzip");

    let settings: serde_json::Value = served.get("/page.json", &[]).await.json().await.unwrap();
    assert_eq!(settings, serde_json::json!({"chain_name": "Here", "rpc_url": "http://127.0.0.1:1"}));
}

#[tokio::test]
async fn the_page_stands_in_no_ones_way_and_gives_nothing_but_its_own_files() {
    let served = Served::start().await;
    for path in ["/v1/market", "/v1/assets", "/docs", "/openapi.json"] {
        assert_eq!(served.get(path, &[]).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(served.get("/livez", &[]).await.status(), StatusCode::NO_CONTENT);
    for path in
        ["/v1/nothing", "/index.html", "/static/", "/static/..%2findex.html", "/static/main-0000.js", "/etc/passwd"]
    {
        assert_eq!(served.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let posted = Client::new().post(served.world.server.url()).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn without_the_setting_there_is_no_page() {
    let world = World::start().await;
    for path in ["/", "/page.json"] {
        let answer = reqwest::get(format!("{}{path}", world.server.url())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
