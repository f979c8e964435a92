//! `mote` as a process: what it prints and how it ends.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use motekey_coap::message::Code;
use motekey_cose::message::{ErrorCode, ErrorResponse};
use serde_json::Value;

use crate::scripted::{DEVICE, DEVICE_KEY, World};

const KEY_VARIABLE: &str = "MOTEKEY_PSK";

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs `mote` with the credential and audience of the world.
async fn mote(world: &World, arguments: &[&str], input: &'static str) -> Output {
    let identity = String::from_utf8(DEVICE.to_vec()).unwrap();
    let port = world.plain.local_addr().port().to_string();
    let authorization_server = world.authorization_uri();
    let mut line = vec![
        "--as",
        &authorization_server,
        "--identity",
        &identity,
        "--audience",
        "rs1",
    ];
    line.extend(["--plain-port", &port, "--timeout", "5"]);
    line.extend(arguments);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mote"));
    command
        .args(line)
        .env(KEY_VARIABLE, hexadecimal(&DEVICE_KEY));
    run(command, input).await
}

pub(crate) async fn run(mut command: Command, input: &'static str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A program that needs no input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_prints_the_answer_and_ends_with_0() {
    let world = World::start().await;
    let output = mote(&world, &["get", &world.url("/temperature")], "").await;
    assert_eq!(
        text(&output.stdout),
        "2.05 Content, text/plain; charset=utf-8 (0)\n21.5\n",
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_shows_each_exchange_and_no_key() {
    let world = World::start().await;
    let output = mote(
        &world,
        &["--explain", "get", &world.url("/temperature")],
        "",
    )
    .await;
    let shown = text(&output.stdout);
    for part in [
        "token request",
        "handshake with the resource server",
        "coap_dtls",
        "key id",
        "21.5",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let key = hexadecimal(&world.script().issued[0].key);
    for secret in [hexadecimal(&DEVICE_KEY), key] {
        assert!(!shown.contains(&secret) && !text(&output.stderr).contains(&secret));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_one_document() {
    let world = World::start().await;
    let output = mote(
        &world,
        &["--json", "--explain", "get", &world.url("/temperature")],
        "",
    )
    .await;
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["response"]["code"], "2.05");
    assert_eq!(document["response"]["payload"], "21.5");
    let exchanges = document["explanation"]["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 4);
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange["bytes_sent"].as_u64() > Some(0))
    );
    let output = mote(
        &world,
        &["--json", "put", &world.url("/relay"), "--payload", "on"],
        "",
    )
    .await;
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["response"]["success"], false);
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_come_from_option_file_and_standard_input() {
    let world = World::start().await;
    let path = std::env::temp_dir().join(format!("mote-payload-{}", std::process::id()));
    std::fs::write(&path, [0x01, 0x02]).unwrap();
    let url = world.url("/readings");
    let file = [
        "post",
        &url,
        "--payload-file",
        path.to_str().unwrap(),
        "--content-format",
        "60",
    ];
    for arguments in [
        &["post", &url, "--payload", "option"][..],
        &file,
        &["post", &url],
    ] {
        let output = mote(&world, arguments, "input").await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    std::fs::remove_file(&path).unwrap();
    let script = world.script();
    let payloads: Vec<&[u8]> = script
        .secure_requests
        .iter()
        .map(|request| &request.payload[..])
        .collect();
    assert_eq!(payloads, [b"option", &[0x01, 0x02][..], b"input"]);
    assert_eq!(
        script.secure_requests[1]
            .options
            .content_format()
            .map(|format| format.0),
        Some(60)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_shows_what_was_granted_and_asks_no_resource_server() {
    let world = World::start().await;
    let output = mote(
        &world,
        &["token", &world.url("/"), "--scope", "GET /meters"],
        "",
    )
    .await;
    let shown = text(&output.stdout);
    for part in [
        "audience   rs1",
        "scope      GET /meters",
        "lifetime   3600 s",
        "key id     1001",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(&hexadecimal(&world.script().issued[0].key)));
    assert!(world.script().identities.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explained_token_is_shown_once_in_json() {
    let world = World::start().await;
    let url = world.url("/");
    let output = mote(&world, &["--json", "--explain", "token", &url], "").await;
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["granted"]["kid"], "1001");
    assert!(document["explanation"]["exchanges"].is_array());
    assert_eq!(text(&output.stdout).matches("\"kid\"").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f10_f17_client_nonces_go_into_the_token_request() {
    let world = World::start().await;
    let url = world.url("/temperature");
    let output = mote(&world, &["--client-nonces", "get", &url], "").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let script = world.script();
    assert_eq!(script.asked()[0].cnonce, script.hints.cnonce);
    assert_eq!(script.plain_requests.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kind_of_the_network_is_an_option() {
    let world = World::start().await;
    let url = world.url("/temperature");
    for (kind, code) in [("slow_radio", 0), ("cellular", 0), ("pigeon", 2)] {
        let output = mote(&world, &["--link", kind, "get", &url], "").await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observe_ends_after_the_count() {
    let world = World::start().await;
    let output = mote(
        &world,
        &["observe", &world.url("/temperature"), "--count", "1"],
        "",
    )
    .await;
    assert!(text(&output.stdout).ends_with("21.5\n"), "{output:?}");
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tries_the_handshake() {
    let world = World::start().await;
    let output = mote(&world, &["status"], "").await;
    assert!(
        text(&output.stdout).contains("identity and key accepted"),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_file_is_enough() {
    let world = World::start().await;
    let directory = std::env::temp_dir().join(format!("mote-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("device.key"), hexadecimal(&DEVICE_KEY)).unwrap();
    let configuration = format!(
        "[authorization_server]\nuri = \"{}\"\nidentity = \"hex:{}\"\nkey_file = \"device.key\"\n\
         [[resource_server]]\nuri = \"{}\"\naudience = \"rs1\"\n",
        world.authorization_uri(),
        hexadecimal(DEVICE),
        world.url("/"),
    );
    let file = directory.join("mote.toml");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mote"));
    command
        .env_remove(KEY_VARIABLE)
        .arg("--config")
        .arg(&file)
        .args(["get", &world.url("/temperature")]);
    let output = run(command, "").await;
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_whose_fault_it_is() {
    let world = World::start().await;
    let url = world.url("/relay");
    let refused = mote(&world, &["put", &url, "--payload", "on"], "").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let wrong = mote(&world, &["get", "http://rs.example.com"], "").await;
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = format!("coaps://{}/a", silent.local_addr().unwrap());
    let address = silent.local_addr().unwrap().to_string();
    let unreachable = mote(&world, &["--rs-address", &address, "get", &nobody], "").await;
    assert_eq!(unreachable.status.code(), Some(3), "{unreachable:?}");
    let refusal = ErrorResponse::with_description(ErrorCode::InvalidScope, "not for meters");
    world.script().refuse = Some((Code::BAD_REQUEST, refusal));
    let refused = mote(&world, &["get", &url], "").await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        text(&refused.stderr).contains("invalid_scope (6): not for meters"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_kept_for_the_next_call() {
    let world = World::start().await;
    let directory = std::env::temp_dir().join(format!("motekey-mote-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (cache, key) = (directory.join("tokens"), directory.join("key"));
    std::fs::write(&key, hexadecimal(&[7; 32])).unwrap();
    let (cache, key) = (cache.to_str().unwrap(), key.to_str().unwrap());
    let url = world.url("/temperature");
    // The key of the cache is derived from that of the device; another one is told, and the file stays.
    let line = ["--cache", cache, "get", &url];
    for _ in 0..2 {
        let output = mote(&world, &line, "").await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert_eq!(world.script().token_requests.len(), 1);
    let output = mote(
        &world,
        &["--cache", cache, "--cache-key-file", key, "get", &url],
        "",
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("another key"), "{output:?}");
    assert_eq!(mote(&world, &line, "").await.status.code(), Some(0));
    assert_eq!(world.script().token_requests.len(), 1);
    let _ = std::fs::remove_dir_all(&directory);
}
