//! The program `motekey serve` as an operator runs it: real process, real signals, real DTLS.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may panic: that is how they fail"
)]

mod device;
#[cfg(target_os = "linux")]
mod fleet;
mod operate;
mod program;

use std::time::{Duration, Instant};

use device::{Device, cti};
use program::{Directory, Server, run};

const METER_KEY: &str = "8f3a5c11d09be7426af0c2917e55d381";
const OTHER_KEY: &str = "c2d1770a4be35f9816ad3c60e79f2b84";
const GATEWAY_KEY: &str = "27c4e90b5fd81a63384db7f60ca19e52";

/// A resource server and a device that may use it.
fn configuration(rest: &str) -> String {
    format!(
        "[[resource_server]]\nname = \"gateway\"\nshared_key = \"{GATEWAY_KEY}\"\n{rest}\n\
         [[device]]\nname = \"meter-1\"\nkey = \"{METER_KEY}\"\nallow = {{ gateway = [\"GET|POST /meters\"] }}\n"
    )
}

fn second_device() -> String {
    format!(
        "[[device]]\nname = \"meter-2\"\nkey = \"{OTHER_KEY}\"\nallow = {{ gateway = [\"GET /meters\"] }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_served_and_sigterm_ends_all() {
    let directory = Directory::new("token");
    let file = directory.write("motekey.toml", &configuration(""));
    let server = Server::start(&["--config", &file]);
    let device = Device::connect(server.address(), "meter-1", METER_KEY)
        .await
        .unwrap();
    let response = device.token("gateway").await.unwrap();
    let claims = device::open(&response, GATEWAY_KEY);
    assert_eq!(claims.sub.as_deref(), Some("meter-1"));
    assert_eq!(claims.scope.unwrap().to_string(), "GET|POST /meters");
    let begun = Instant::now();
    server.signal("TERM");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(log.contains("ended"), "{log}");
    device.assert_closed_by_peer().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_gets_no_session() {
    let directory = Directory::new("wrong-key");
    let file = directory.write("motekey.toml", &configuration(""));
    let server = Server::start(&["--config", &file]);
    assert!(
        Device::connect(server.address(), "meter-1", OTHER_KEY)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_takes_over_a_good_file_and_leaves_sessions_alone() {
    let directory = Directory::new("reload");
    let file = directory.write("motekey.toml", &configuration(""));
    let server = Server::start(&["--config", &file]);
    let first = Device::connect(server.address(), "meter-1", METER_KEY)
        .await
        .unwrap();
    assert!(
        Device::connect(server.address(), "meter-2", OTHER_KEY)
            .await
            .is_err()
    );

    directory.write("motekey.toml", &(configuration("") + &second_device()));
    server.signal("HUP");
    server.wait_for("configuration taken over");
    let second = Device::connect(server.address(), "meter-2", OTHER_KEY)
        .await
        .unwrap();
    second.token("gateway").await.unwrap();
    first.token("gateway").await.unwrap();

    // A file with an error changes nothing.
    directory.write(
        "motekey.toml",
        &(configuration("") + "[[device]]\nname = 7\n"),
    );
    server.signal("HUP");
    server.wait_for("the former one stays");
    first.token("gateway").await.unwrap();
    second.token("gateway").await.unwrap();

    // What the file no longer has is kept out, and its session ends.
    directory.write("motekey.toml", &configuration(""));
    server.signal("HUP");
    server.wait_for("devices=1");
    server.wait_for("configuration taken over");
    first.token("gateway").await.unwrap();
    second.assert_closed_by_peer().await;
    assert!(
        Device::connect(server.address(), "meter-2", OTHER_KEY)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f65_sequence_numbers_go_on_after_a_kill() {
    let directory = Directory::new("sequence");
    let file = directory.write("motekey.toml", &configuration("clockless = true"));
    let data = directory.path("data");
    for start in 0..3 {
        let server = Server::start(&["--config", &file, "--data", &data]);
        let device = Device::connect(server.address(), "meter-1", METER_KEY)
            .await
            .unwrap();
        for number in 1..=2 {
            let response = device.token("gateway").await.unwrap();
            let wanted = format!("gateway{}", 2 * start + number);
            assert_eq!(cti(&device::open(&response, GATEWAY_KEY)), wanted);
        }
        server.signal("KILL");
        server.wait();
    }
}

#[test]
fn two_servers_never_share_a_data_directory() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new("lock");
    let data = directory.path("data");
    let first = Server::start(&["--data", &data]);
    let mode = std::fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let (code, text) = run(&["--data", &data, "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(4), "{text}");
    assert_eq!(
        text.trim(),
        format!(
            "motekey: data directory {data} is in use by process {}; next: end that server, or give another --data DIR",
            first.id()
        )
    );
    first.signal("KILL");
    first.wait();
    let second = Server::start(&["--data", &data]);
    second.signal("INT");
    assert_eq!(second.wait().0.code(), Some(0));
}

#[test]
fn what_cannot_start_says_why_and_what_to_run_next() {
    let directory = Directory::new("refused");
    let bad = directory.write("bad.toml", &(configuration("") + &configuration("")));
    let damaged = directory.path("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(format!("{damaged}/counters"), "motekey counters 1\n").unwrap();
    let blocker = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = blocker.local_addr().unwrap();
    let cases: [(&[&str], i32, String); 6] = [
        (
            &["--config", &bad],
            2,
            format!("{bad}:10: gateway: the name stands in this file twice"),
        ),
        (
            &["--config", "/nonexistent.toml"],
            2,
            "/nonexistent.toml: No such file".to_owned(),
        ),
        (&["--listen", "here"], 2, "--listen <ADDR:PORT>".to_owned()),
        (
            &["--listen", &taken.to_string()],
            4,
            format!(
                "UDP {taken} is in use by another program; next: ss -lunp 'sport = :{}'",
                taken.port()
            ),
        ),
        (
            &["--data", "/proc/motekey"],
            4,
            "next: give one that this user can write with --data DIR".to_owned(),
        ),
        (
            &["--data", &damaged, "--listen", "127.0.0.1:0"],
            4,
            "/counters is damaged".to_owned(),
        ),
    ];
    for (arguments, code, wanted) in cases {
        let (got, text) = run(arguments);
        assert_eq!(got, Some(code), "{arguments:?}: {text}");
        assert!(text.contains(&wanted), "{arguments:?}: {text}");
        assert!(
            !text.contains(METER_KEY) && !text.contains(GATEWAY_KEY),
            "{text}"
        );
    }
}

#[test]
fn an_unusable_log_filter_is_refused() {
    let server = Server::command(&["--listen", "127.0.0.1:0"])
        .env("MOTEKEY_LOG", "loud=very")
        .output()
        .unwrap();
    assert_eq!(server.status.code(), Some(2));
    assert!(
        String::from_utf8(server.stderr)
            .unwrap()
            .contains("MOTEKEY_LOG=loud=very")
    );
}

#[test]
fn without_a_configuration_the_server_says_what_to_do_and_stays_small() {
    let server = Server::start(&[]);
    assert!(server.address().ip().is_loopback());
    server.wait_for("nobody is registered");
    let kilobytes = server.resident_kilobytes();
    assert!(kilobytes <= 30 * 1024, "{kilobytes} kB resident");
    server.signal("HUP");
    server.wait_for("no configuration file to read again");
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

/// Whatever is logged, on the lowest level, holds no secret in any usual form.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_holds_a_secret() {
    for (format, dtls) in [("text", "motekey"), ("json", "motekey"), ("text", "webrtc")] {
        let directory = Directory::new(&format!("secrets-{format}-{dtls}"));
        let signing = "5f1d9c40b7e2683aa1c8f00d2b94e67351de0c7a9823bb4f6e0192d7c53a8e14";
        let head = format!("[authorization_server]\nsigning_key = \"{signing}\"\n");
        let file = directory.write(
            "motekey.toml",
            &(head + &configuration("") + &second_device()),
        );
        let server = Server::start_with(
            Server::command(&[
                "--config",
                &file,
                "--listen",
                "127.0.0.1:0",
                "--log-format",
                format,
                "--dtls",
                dtls,
            ])
            .env("MOTEKEY_LOG", "trace"),
        );
        let device = Device::connect(server.address(), "meter-1", METER_KEY)
            .await
            .unwrap();
        let response = device.token("gateway").await.unwrap();
        assert!(device.token("elsewhere").await.is_err());
        assert!(
            Device::connect(server.address(), "meter-2", METER_KEY)
                .await
                .is_err()
        );
        let proof_key = device::proof_key(&response);
        // A file with an error next to a key.
        directory.write(
            "motekey.toml",
            &configuration("").replace(GATEWAY_KEY, &format!("{GATEWAY_KEY}0")),
        );
        server.signal("HUP");
        server.wait_for("the former one stays");
        server.signal("TERM");
        let (status, log) = server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(
            log.contains("token granted") && log.contains("DEBUG"),
            "{log}"
        );
        // This one says what it does on the lowest level.
        assert_eq!(dtls == "webrtc", log.contains("TRACE"), "{log}");
        let keys = [METER_KEY, OTHER_KEY, GATEWAY_KEY, signing].map(program::hexadecimal);
        for secret in keys.iter().chain([&proof_key]) {
            for form in program::forms(secret) {
                assert!(
                    !log.as_bytes()
                        .windows(form.len())
                        .any(|window| window == form),
                    "a secret in the log, as {}",
                    String::from_utf8_lossy(&form)
                );
            }
        }
    }
}
