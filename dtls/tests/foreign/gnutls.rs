//! The programs of GnuTLS.

use std::path::{Path, PathBuf};

use motekey_dtls::CipherSuite;

use crate::common::openssl::free_port;
use crate::{Manner, Program, accept, connect};

const HEX_KEY: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

/// GnuTLS' names of the suites.
const SUITES: [(CipherSuite, &str); 3] = [
    (CipherSuite::PskAes128Ccm8, "+PSK:+AES-128-CCM-8"),
    (CipherSuite::PskAes128Gcm, "+PSK:+AES-128-GCM"),
    (CipherSuite::PskChaCha20Poly1305, "+PSK:+CHACHA20-POLY1305"),
];

fn priority(suite: &str) -> String {
    format!("NONE:+VERS-DTLS1.2:{suite}:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL")
}

/// A file with the one key.
fn password_file(port: u16) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gnutls-{port}.psk"));
    std::fs::write(&path, format!("device-00000042:{HEX_KEY}\n")).unwrap();
    path
}

#[test]
fn d23_gnutls_cli_connects_to_our_server() {
    for (suite, name) in SUITES {
        accept(suite, Manner::Repeats, |port| {
            let arguments = [
                "--udp",
                "--port",
                &port.to_string(),
                "--pskusername",
                "device-00000042",
                "--pskkey",
                HEX_KEY,
                "--priority",
                &priority(name),
                "127.0.0.1",
            ];
            Program::program("gnutls-cli", "gnutls-bin", &arguments)
        });
    }
}

#[test]
fn d23_our_client_connects_to_gnutls_serv() {
    for (suite, name) in SUITES {
        let port = free_port();
        let file = password_file(port);
        let arguments = [
            "--udp",
            "--echo",
            "--port",
            &port.to_string(),
            "--pskpasswd",
            file.to_str().unwrap(),
            "--priority",
            &priority(name),
        ];
        let mut program = Program::program("gnutls-serv", "gnutls-bin", &arguments);
        // It does not say when it is ready; our client repeats its hello.
        connect(suite, port, &mut program, Manner::Echoes);
    }
}
