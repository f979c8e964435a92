//! Handshakes with OpenSSL, both directions.

use std::sync::Arc;

use motekey_dtls::crypto::NamedGroup;
use motekey_dtls::*;

use crate::authority::{Authority, NAME};
use crate::common::openssl::{Driver, OpenSsl, free_port, has_data};
use crate::common::*;

/// OpenSSL's names of the suites.
const SUITES: [(CipherSuite, &str); 3] = [
    (CipherSuite::EcdheEcdsaAes128Ccm8, "ECDHE-ECDSA-AES128-CCM8"),
    (
        CipherSuite::EcdheEcdsaAes128Gcm,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    (
        CipherSuite::EcdheEcdsaChaCha20Poly1305,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
];

#[test]
fn d13_openssl_s_server_and_our_client_show_certificates_to_each_other() {
    let authority = Authority::new("s_server", false);
    let path = |name: &str| authority.files.path(name);
    let (cert, key, ca) = (
        path("server.pem"),
        path("server.key"),
        path("authority.pem"),
    );
    // P-256 is among them in any case: it is the curve of the certificates.
    for groups in [
        vec![NamedGroup::X25519, NamedGroup::Secp256r1],
        vec![NamedGroup::Secp256r1],
    ] {
        for (suite, name) in SUITES {
            let port = free_port();
            let (accept, cipher) = (format!("127.0.0.1:{port}"), format!("{name}:@SECLEVEL=0"));
            let openssl = OpenSsl::start(&[
                "s_server",
                "-dtls1_2",
                "-listen",
                "-accept",
                &accept,
                "-cert",
                &cert,
                "-key",
                &key,
                "-CAfile",
                &ca,
                "-Verify",
                "1",
                "-verify_return_error",
                "-cipher",
                &cipher,
            ]);
            assert!(openssl.wait_for("ACCEPT"));
            let mut driver = Driver::new();
            let config = ClientConfig {
                cipher_suites: vec![suite],
                groups: groups.clone(),
                ..client_config()
            };
            let mut random = TestRandom::new(u64::from(port));
            let credential = authority.credential(NAME);
            let mut client =
                Connection::connect(&config, &credential, driver.now(), &mut random).unwrap();
            let peer = accept.parse().unwrap();
            driver.run(&mut client, peer, |events| !events.is_empty());
            let [
                Event::Connected {
                    peer: Some(PeerIdentity::Certificate(chain)),
                },
            ] = &driver.events[..]
            else {
                panic!("{name} {groups:?}: {:?}", driver.events);
            };
            assert_eq!(chain[0], authority.files.der("server"), "{name} {groups:?}");
            client.send(b"from motekey\n").unwrap();
            driver.flush(&mut client, peer);
            assert!(openssl.wait_for("from motekey"), "{name} {groups:?}");
        }
    }
}

#[test]
fn d13_openssl_s_client_and_our_server_show_certificates_to_each_other() {
    let authority = Authority::new("s_client", false);
    let path = |name: &str| authority.files.path(name);
    let (cert, key, ca) = (
        path("client.pem"),
        path("client.key"),
        path("authority.pem"),
    );
    for (suite, name) in SUITES {
        let mut driver = Driver::new();
        let port = driver.socket.local_addr().unwrap().port();
        let mut random = TestRandom::new(u64::from(port));
        let config = ServerConfig {
            cipher_suites: vec![suite],
            ..authority.server_config()
        };
        let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
        let (connect, cipher) = (format!("127.0.0.1:{port}"), format!("{name}:@SECLEVEL=0"));
        let mut openssl = OpenSsl::start(&[
            "s_client",
            "-dtls1_2",
            "-connect",
            &connect,
            "-cert",
            &cert,
            "-key",
            &key,
            "-CAfile",
            &ca,
            "-verify_return_error",
            "-verify_hostname",
            NAME,
            "-cipher",
            &cipher,
        ]);
        let (mut server, peer) = driver.accept(&mut front, &mut random);
        driver.run(&mut server, peer, |events| !events.is_empty());
        // OpenSSL sends its authority too.
        let [
            Event::Connected {
                peer: Some(PeerIdentity::Certificate(chain)),
            },
        ] = &driver.events[..]
        else {
            panic!("{name}: {:?}", driver.events);
        };
        assert_eq!(chain[0], authority.files.der("client"), "{name}");
        openssl.write("from openssl\n");
        driver.run(&mut server, peer, has_data(b"from openssl"));
        server.send(b"from motekey\n").unwrap();
        driver.flush(&mut server, peer);
        assert!(openssl.wait_for("from motekey"), "{name}");
    }
}

#[test]
fn an_openssl_client_without_certificate_is_refused_with_handshake_failure() {
    let authority = Authority::new("anonymous", false);
    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut random = TestRandom::new(u64::from(port));
    let mut front = Server::new(
        Arc::new(authority.server_config()),
        driver.now(),
        &mut random,
    )
    .unwrap();
    let connect = format!("127.0.0.1:{port}");
    let openssl = OpenSsl::start(&[
        "s_client",
        "-dtls1_2",
        "-connect",
        &connect,
        "-cipher",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "-msg",
    ]);
    let (mut server, peer) = driver.accept(&mut front, &mut random);
    driver.run(&mut server, peer, |events| !events.is_empty());
    assert_eq!(
        driver.events,
        [Event::Closed(CloseReason::HandshakeFailed(
            HandshakeError::NoCertificate
        ))]
    );
    assert!(openssl.wait_for("    02 28"), "fatal, handshake_failure");
}
