//! The schema guards itself, and the server its schema.

use std::process::Command;

use atoll_protocol::api::JobStatus;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::world::{World, database, rows};

fn server() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll-server"));
    command.env_remove("DATABASE_URL").env_remove("ETH_RPC_URL").env_remove("RUST_LOG");
    command
}

#[tokio::test]
async fn the_database_refuses_what_the_protocol_does_not_allow() {
    let world = World::start().await;
    let (publisher, provider, buyer) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let listed = world.publish(&publisher, &provider).await;
    let (opened, job) = world.submit(&buyer, &listed).await;
    let mut connection = PgConnection::connect(&world.database).await.unwrap();
    let all = ["queued", "leased", "running", "completed", "refused", "failed", "cancelled", "expired"];
    let status = |name: &str| serde_json::from_value::<JobStatus>(name.into()).unwrap();
    for from in all {
        for to in all {
            // Brought to `from` behind the trigger's back, inside a transaction that is thrown away.
            let mut tx = connection.begin().await.unwrap();
            let result = "result_object = gen_random_uuid(), result_sha256 = '\\x00', result_bytes = 1";
            for sql in [
                "ALTER TABLE jobs DISABLE TRIGGER jobs_transition".to_owned(),
                format!("UPDATE jobs SET status = '{from}', {result} WHERE id = '{}'", job.id),
                "ALTER TABLE jobs ENABLE TRIGGER jobs_transition".to_owned(),
            ] {
                sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
            }
            let sql = format!("UPDATE jobs SET status = '{to}' WHERE id = '{}'", job.id);
            let moved = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await;
            let allowed = from == to || status(from).can_become(status(to));
            assert_eq!(moved.is_ok(), allowed, "{from} -> {to}: {moved:?}");
            if let Err(error) = moved {
                assert_eq!(error.as_database_error().unwrap().constraint(), Some("jobs_transition"));
            }
            tx.rollback().await.unwrap();
        }
    }
    let columns =
        "kind, order_id, token_id, consumer, provider, spec_hash, result_key, request_deadline, signature, spec";
    let copy = |status: &str| {
        format!(
            "INSERT INTO jobs (id, status, {columns}, created_at, updated_at)
             SELECT gen_random_uuid(), '{status}', {columns}, now(), now() FROM jobs"
        )
    };
    for (sql, constraint) in [(copy("running"), "jobs_transition"), (copy("queued"), "jobs_one_per_order")] {
        let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some(constraint));
    }
    let sql =
        format!("UPDATE orders SET status = 'fulfilled' WHERE id = '\\x{}'", alloy::primitives::hex::encode(opened.id));
    assert!(sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.is_err());
}

#[tokio::test]
async fn a_server_starts_only_on_the_schema_that_it_knows() {
    let url = database().await;
    let file = tempfile::tempdir().unwrap();
    let deployment = file.path().join("deployment.json");
    let zero = format!("0x{}", "00".repeat(20));
    let text = serde_json::json!({
        "chain_id": 31337, "start_block": 0, "asset_registry": zero, "market": zero, "orders": zero
    });
    std::fs::write(&deployment, text.to_string()).unwrap();
    let serve = || {
        let output = server()
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--deployment"])
            .arg(&deployment)
            .arg("--storage")
            .arg(file.path())
            .env("DATABASE_URL", &url)
            .env("ETH_RPC_URL", "http://127.0.0.1:9")
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let migrate = || assert!(server().arg("migrate").env("DATABASE_URL", &url).status().unwrap().success());
    assert!(serve().contains("run `atoll-server migrate` first"));
    migrate();
    migrate();
    // The schema is right now: the next thing that is wrong is the node.
    let said = serve();
    assert!(said.contains("ETH_RPC_URL") && !said.contains("migration"), "{said}");

    let mut connection = PgConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', true, '\\x00', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    assert!(serve().contains("migration 9999, which this server does not know"));
    assert_eq!(rows(&url, "SELECT count(*)::text FROM market").await, ["0"]);
}

#[test]
fn odd_settings_are_refused_in_one_sentence() {
    let refused = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = server().args(arguments).envs(variables.iter().copied()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&["migrate"], &[]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("DATABASE_URL is not set"), "{said}");
    let said = refused(&["migrate"], &[("DATABASE_URL", "mysql://u:hunter2@h/d")]);
    assert!(said.contains("DATABASE_URL is not the URL of a Postgres") && !said.contains("hunter2"), "{said}");
    let said = refused(&["migrate"], &[("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:9/d")]);
    assert!(said.contains("is it up") && !said.contains("hunter2"), "{said}");
    let base = ["serve", "--deployment", "/nowhere.json", "--storage", "/tmp"];
    let postgres = ("DATABASE_URL", "postgres://u@127.0.0.1:9/d");
    assert!(refused(&base, &[postgres]).contains("ETH_RPC_URL is not set"));
    let said = refused(&base, &[postgres, ("ETH_RPC_URL", "http://127.0.0.1:9")]);
    assert!(said.contains("/nowhere.json can not be read"), "{said}");
    let said = refused(&[&base[..], &["--public-url", "https://h/path"]].concat(), &[]);
    assert!(said.contains("is not a public URL"), "{said}");
}
