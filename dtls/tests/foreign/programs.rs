//! Programs in C, compiled here against the libraries of Debian.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use motekey_dtls::CipherSuite;

use crate::common::openssl::free_port;
use crate::{Manner, Program, accept, connect};

static MBEDTLS: LazyLock<PathBuf> = LazyLock::new(|| {
    let libraries = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"];
    compile("mbedtls", "libmbedtls-dev", &libraries)
});
static WOLFSSL: LazyLock<PathBuf> =
    LazyLock::new(|| compile("wolfssl", "libwolfssl-dev", &["-lwolfssl"]));

/// Compiles `name`.c, or fails with the package to install.
fn compile(name: &str, package: &str, libraries: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/foreign/{name}.c"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("foreign-{name}"));
    let output = Command::new("cc")
        .args(["-Wall", "-O1", "-o"])
        .args([&program, &source])
        .args(libraries)
        .output()
        .unwrap_or_else(|error| panic!("cc: {error}; install the package gcc"));
    assert!(
        output.status.success(),
        "{name}.c does not compile; is the package {package} installed?\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

fn start(program: &Path, role: &str, port: u16, suite: Option<&str>) -> Program {
    let port = port.to_string();
    let arguments: Vec<&str> = [role, &port].into_iter().chain(suite).collect();
    Program::program(program.to_str().unwrap(), "gcc", &arguments)
}

#[test]
fn d23_a_client_of_mbed_tls_connects_to_our_server() {
    accept(CipherSuite::PskAes128Ccm8, Manner::Speaks, |port| {
        start(&MBEDTLS, "client", port, None)
    });
}

#[test]
fn d23_our_client_connects_to_a_server_of_mbed_tls() {
    let port = free_port();
    let mut server = start(&MBEDTLS, "server", port, None);
    assert!(server.wait_for("READY"));
    connect(
        CipherSuite::PskAes128Ccm8,
        port,
        &mut server,
        Manner::Speaks,
    );
}

/// wolfSSL's names. Debian's library has no other suite of ours with a pre-shared key.
const WOLFSSL_SUITES: [(CipherSuite, &str); 2] = [
    (CipherSuite::PskChaCha20Poly1305, "PSK-CHACHA20-POLY1305"),
    (
        CipherSuite::EcdhePskAes128Gcm,
        "ECDHE-PSK-AES128-GCM-SHA256",
    ),
];

#[test]
fn clients_of_wolfssl_connect_to_our_server() {
    for (suite, name) in WOLFSSL_SUITES {
        accept(suite, Manner::Speaks, |port| {
            start(&WOLFSSL, "client", port, Some(name))
        });
    }
}

#[test]
fn our_client_connects_to_servers_of_wolfssl() {
    for (suite, name) in WOLFSSL_SUITES {
        let port = free_port();
        let mut server = start(&WOLFSSL, "server", port, Some(name));
        assert!(server.wait_for("READY"), "{name}");
        connect(suite, port, &mut server, Manner::Speaks);
    }
}
