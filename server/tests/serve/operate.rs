//! `motekey token list|revoke` and `motekey device list|enable|disable` against a server that runs.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use motekey_coap::dtls::PreSharedKey;
use motekey_coap::message::{Code, Request, Response};
use motekey_server::event::{Event, Recorder};
use motekey_server::listen::{Listen, Running};
use motekey_server::resource_server::{
    AuthorizationServerLink, Authorized, ResourceServer, Revocation,
};
use serde_json::Value;

use super::device::Device;
use super::program::{Directory, Server, hexadecimal};
use super::{GATEWAY_KEY, METER_KEY, configuration};

const SESSION_KEY: &str = "91b54ed60c7f28a3d70e19c25b86f43a";

/// What a command ended with: exit code, standard output, standard error.
fn motekey(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_motekey"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The JSON document of a command that must succeed.
fn json(arguments: &[&str]) -> Value {
    let (code, output, errors) = motekey(arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    serde_json::from_str(&output).unwrap()
}

/// A resource server that follows the list of the server at `address` and has read it once.
async fn gateway(address: SocketAddr) -> (Running, Arc<Recorder>) {
    let key = |text| PreSharedKey::new(hexadecimal(text));
    let link = AuthorizationServerLink::new(address, b"gateway-session", key(SESSION_KEY));
    let events = Arc::new(Recorder::new());
    let meters = |_: Authorized, _: Request| async { Response::new(Code::CONTENT) };
    let server = ResourceServer::builder("gateway")
        .shared_key("as", key(GATEWAY_KEY))
        .resource("/meters", meters)
        .link(link.revocation(Revocation::default()))
        .subscriber(events.clone())
        .build()
        .unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let running = server.start(Listen::secure(address)).await.unwrap();
    wait_for(&events, |event| {
        matches!(event, Event::RevocationListRead { .. })
    })
    .await;
    (running, events)
}

async fn wait_for(events: &Recorder, wanted: impl Fn(&Event) -> bool) {
    for _ in 0..1000 {
        if events.take().iter().any(&wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come");
}

fn with_session() -> String {
    configuration(&format!(
        "session_identity = \"gateway-session\"\nsession_key = \"{SESSION_KEY}\""
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn r06_r19_a_token_is_revoked_who_knows_is_shown_and_a_kill_changes_nothing() {
    let directory = Directory::new("revoke");
    let file = directory.write("motekey.toml", &with_session());
    let data = directory.path("data");
    let server = Server::start(&["--config", &file, "--data", &data]);
    let address = server.address();
    let (running, events) = gateway(address).await;
    let device = Device::connect(address, "meter-1", METER_KEY)
        .await
        .unwrap();
    let token = device.token("gateway").await.unwrap();
    device.token("gateway").await.unwrap();
    let peer = Device::present(running.secure_address(), &token)
        .await
        .unwrap();
    let list = json(&[
        "token", "list", "--device", "meter-1", "--json", "--data", &data,
    ]);
    assert_eq!(list["tokens"].as_array().unwrap().len(), 2);
    let id = list["tokens"][0]["token"].as_str().unwrap();

    let begun = Instant::now();
    let revoked = json(&["token", "revoke", id, "--json", "--data", &data]);
    println!("revoked and acknowledged in {:?}", begun.elapsed());
    assert_eq!(revoked["count"], 1);
    let known = &revoked["known_by"][0];
    assert_eq!(
        (&known["resource_server"], &known["by"]),
        (&"gateway".into(), &"notification".into())
    );
    assert!(known["acknowledged_at"].as_i64().unwrap() > 0);
    wait_for(&events, |event| matches!(event, Event::TokenEnded { .. })).await;
    peer.assert_closed_by_peer().await;
    let (code, _, errors) = motekey(&["token", "revoke", id, "--data", &data]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(
        errors.contains("no live token is chosen by that"),
        "{errors}"
    );
    drop(running);

    server.signal("KILL");
    server.wait();
    let listen = address.to_string();
    let arguments = ["--config", &file, "--data", &data, "--listen", &listen];
    let server = Server::start_with(&mut Server::command(&arguments));
    let (code, output, _) = motekey(&["token", "list", "--data", &data]);
    assert_eq!(code, Some(0));
    assert!(
        output.contains("gateway has not acknowledged yet") && output.contains("2 tokens"),
        "{output}"
    );
    // A resource server that forgot all asks, and refuses the token; that it knows is shown.
    let (running, _) = gateway(address).await;
    assert!(
        Device::present(running.secure_address(), &token)
            .await
            .is_err()
    );
    let (_, output, _) = motekey(&["token", "list", "--data", &data]);
    assert!(
        output.contains("gateway acknowledged 2") && output.contains("(query)"),
        "{output}"
    );
    // The other token is known still, and can be revoked.
    let (code, output, _) = motekey(&[
        "token",
        "revoke",
        "--resource-server",
        "gateway",
        "--data",
        &data,
    ]);
    assert_eq!(code, Some(0));
    assert!(
        output.contains("revoked 1 token") && output.contains("(notification)"),
        "{output}"
    );
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_device_stays_out_over_reload_and_restart_until_it_is_enabled() {
    let directory = Directory::new("disable");
    let file = directory.write("motekey.toml", &with_session());
    let data = directory.path("data");
    let server = Server::start(&["--config", &file, "--data", &data]);
    let (running, _events) = gateway(server.address()).await;
    let device = Device::connect(server.address(), "meter-1", METER_KEY)
        .await
        .unwrap();
    let token = device.token("gateway").await.unwrap();
    let peer = Device::present(running.secure_address(), &token)
        .await
        .unwrap();
    let (code, output, _) = motekey(&["device", "disable", "meter-1", "--data", &data]);
    assert_eq!(code, Some(0));
    assert!(
        output.contains("meter-1 is disabled\nrevoked 1 token"),
        "{output}"
    );
    assert!(output.contains("gateway acknowledged 2"), "{output}");
    device.assert_closed_by_peer().await;
    peer.assert_closed_by_peer().await;

    let out = async |server: &Server| {
        Device::connect(server.address(), "meter-1", METER_KEY)
            .await
            .is_err()
    };
    assert!(out(&server).await);
    server.signal("HUP");
    server.wait_for("configuration taken over");
    assert!(out(&server).await, "a reload lets nobody in");
    server.signal("KILL");
    server.wait();
    let server = Server::start(&["--config", &file, "--data", &data]);
    assert!(out(&server).await, "nor does a restart");
    let list = json(&["device", "list", "--json", "--data", &data]);
    assert_eq!(list["devices"][0]["disabled"], true);
    assert_eq!(
        list["devices"][0]["known_by"][0]["resource_server"],
        "gateway"
    );
    let (code, output, _) = motekey(&["device", "enable", "meter-1", "--data", &data]);
    assert_eq!((code, output.trim()), (Some(0), "meter-1 is let in again"));
    assert!(!out(&server).await);
}

#[test]
fn exit_codes_say_whose_fault_it_was() {
    let directory = Directory::new("codes");
    let file = directory.write("motekey.toml", &configuration(""));
    let data = directory.path("data");
    let none = directory.path("none");
    let _server = Server::start(&["--config", &file, "--data", &data]);
    let cases: [(&[&str], i32, &str); 8] = [
        (&["device", "list", "--data", &data], 0, ""),
        (
            &["device", "disable", "nobody", "--data", &data],
            1,
            "no device has the name nobody; next: motekey device list",
        ),
        (
            &["token", "revoke", "00", "--data", &data],
            1,
            "no token has the id 00; next: motekey token list",
        ),
        (
            &["token", "revoke", "--data", &data],
            2,
            "<TOKEN-ID|--device",
        ),
        (
            &["token", "revoke", "00", "--device", "d", "--data", &data],
            2,
            "cannot be used with",
        ),
        (
            &["token", "list"],
            2,
            "next: give its data directory with --data DIR",
        ),
        (
            &["token", "list", "--config", &file],
            2,
            "names no data directory; next:",
        ),
        (
            &["token", "list", "--data", &none],
            3,
            "no server answers at",
        ),
    ];
    for (arguments, wanted, part) in cases {
        let (code, _, errors) = motekey(arguments);
        assert_eq!(code, Some(wanted), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c11_f65_a_kill_in_the_middle_of_token_exchanges_repeats_nothing() {
    let directory = Directory::new("middle");
    let file = directory.write("motekey.toml", &configuration("clockless = true"));
    let data = directory.path("data");
    let mut ids = std::collections::BTreeSet::new();
    let mut received = 0;
    for round in 0..6 {
        let server = Server::start(&["--config", &file, "--data", &data]);
        let device = Device::connect(server.address(), "meter-1", METER_KEY)
            .await
            .unwrap();
        let asking = tokio::spawn(async move {
            let mut tokens = Vec::new();
            while let Ok(Ok(token)) =
                tokio::time::timeout(Duration::from_millis(500), device.token("gateway")).await
            {
                tokens.push(token);
            }
            tokens
        });
        // At another moment of an exchange each time.
        tokio::time::sleep(Duration::from_millis(20 + 7 * round)).await;
        server.signal("KILL");
        server.wait();
        for token in asking.await.unwrap() {
            received += 1;
            let claims = super::device::open(&token, GATEWAY_KEY);
            assert!(ids.insert(super::device::cti(&claims)), "an id came twice");
        }
    }
    // Every token that a device got is known, and can be revoked; those that were on the way may be known besides.
    let _server = Server::start(&["--config", &file, "--data", &data]);
    let list = json(&["token", "list", "--json", "--data", &data]);
    let known: std::collections::BTreeSet<_> = list["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| hexadecimal(token["token"].as_str().unwrap()))
        .collect();
    println!(
        "{received} tokens received, {} on the disk, over 6 kills",
        known.len()
    );
    assert!(received > 0 && ids.iter().all(|id| known.contains(id.as_bytes())));
}
