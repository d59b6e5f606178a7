//! Clients in other languages, generated here from the API's description and used as their users would.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use atoll_devnet::{Scratch, python, repository, tools};
use serde_json::{Value, json};

use crate::{person::sha256, world::World};

/// Folder with what uses the clients; its packages come from npm.
const FOLDER: &str = "server/tests/clients";

/// Runs a program to its end and gives what it wrote.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

fn last_line(text: &str) -> Value {
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The description, as this build has it, in a directory.
fn description(directory: &Path) -> PathBuf {
    let file = directory.join("openapi.yaml");
    std::fs::write(&file, atoll_server::openapi::yaml()).unwrap();
    file
}

/// Does slow work that is not this runtime's.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn a_publishers_program_in_python_works_on_a_generated_client() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    world.publish(&publisher, &provider).await;
    let scratch = Scratch::create().unwrap();
    let (url, key) = (world.server.url().to_owned(), world.chain.accounts[1].key.clone());
    let said = aside(move || {
        let python = python::environment("api").unwrap();
        let directory = scratch.private_dir("python").unwrap();
        let settings = directory.join("settings.yaml");
        // Nothing is done to the generated code afterwards: it is run, not read.
        std::fs::write(&settings, "package_name_override: atoll_client\npost_hooks: []\n").unwrap();
        let mut generate = Command::new(&python);
        generate.args(["-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning", "--config"]);
        generate
            .arg(&settings)
            .arg("--path")
            .arg(description(&directory))
            .arg("--output-path")
            .arg(directory.join("atoll_client"));
        run(&mut generate);
        let file = directory.join("content");
        std::fs::write(&file, b"ciphertext of a publisher's").unwrap();
        let program = repository::root().join(FOLDER).join("publisher.py");
        let mut publish = Command::new(&python);
        publish.arg(program).args([url.as_str(), "31337", key.as_str()]).arg(&file).env("PYTHONPATH", &directory);
        run(&mut publish)
    })
    .await;
    let said = last_line(&said);
    let sha256 = sha256(b"ciphertext of a publisher's");
    assert_eq!((&said["sha256"], &said["assets"]), (&json!(sha256), &json!(["Small table"])), "{said}");
    let kept = world.rows("SELECT encode(sha256, 'hex') FROM contents ORDER BY 1").await;
    assert!(kept.contains(&alloy::primitives::hex::encode(sha256)), "{kept:?}");
}

#[tokio::test]
async fn a_pages_program_in_typescript_compiles_with_generated_types_and_runs() {
    let world = World::start().await;
    let (publisher, provider) = (world.person(1).await, world.person(2).await);
    world.publish(&publisher, &provider).await;
    let scratch = Scratch::create().unwrap();
    let url = world.server.url().to_owned();
    let said = aside(move || {
        tools::packages(FOLDER).unwrap();
        let folder = repository::root().join(FOLDER);
        let directory = scratch.private_dir("typescript").unwrap();
        for name in ["visitor.ts", "tsconfig.json", "package.json"] {
            std::fs::copy(folder.join(name), directory.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(folder.join("node_modules"), directory.join("node_modules")).unwrap();
        let mut generate = Command::new("node");
        generate.arg(folder.join("node_modules/openapi-typescript/bin/cli.js")).arg(description(&directory));
        run(generate.arg("--output").arg(directory.join("schema.d.ts")).current_dir(&directory));
        let mut compile = Command::new("node");
        run(compile.arg(folder.join("node_modules/typescript/bin/tsc")).current_dir(&directory));
        run(Command::new("node").args(["visitor.js", url.as_str()]).current_dir(&directory))
    })
    .await;
    let said = last_line(&said);
    assert_eq!(
        (&said["chain"], &said["names"], &said["prices"]),
        (&json!(31337), &json!(["Small table"]), &json!(["0"]))
    );
    assert_eq!(said["missing"], "https://atoll.dev/problems/not-found", "{said}");
    assert_eq!(said["nonce"].as_str().unwrap().len(), 32, "{said}");
}
