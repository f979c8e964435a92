//! Handshakes with OpenSSL, both directions, over loopback.

#![cfg(test)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant as WallClock};

use common::openssl::{Driver, OpenSsl, free_port, has_data};
use common::*;
use motekey_dtls::crypto::rust::PROVIDER;
use motekey_dtls::*;

const HEX_KEY: &str = "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b";

/// OpenSSL's names of the suites.
const SUITES: [(CipherSuite, &str); 3] = [
    (CipherSuite::PskAes128Ccm8, "PSK-AES128-CCM8"),
    (CipherSuite::PskAes128Gcm, "PSK-AES128-GCM-SHA256"),
    (CipherSuite::PskChaCha20Poly1305, "PSK-CHACHA20-POLY1305"),
];

#[test]
fn d23_openssl_s_server_accepts_our_client() {
    for (suite, name) in SUITES {
        let port = free_port();
        let (accept, cipher) = (format!("127.0.0.1:{port}"), format!("{name}:@SECLEVEL=0"));
        let mut openssl = OpenSsl::start(&[
            "s_server",
            "-dtls1_2",
            "-listen",
            "-accept",
            &accept,
            "-nocert",
            "-psk",
            HEX_KEY,
            "-cipher",
            &cipher,
            "-psk_identity",
            "device-00000042",
        ]);
        assert!(openssl.wait_for("ACCEPT"));
        let mut driver = Driver::new();
        let config = ClientConfig {
            cipher_suites: vec![suite],
            ..client_config()
        };
        let mut random = TestRandom::new(u64::from(port));
        let mut client = Connection::connect(
            &config,
            &credential(IDENTITY, &KEY),
            driver.now(),
            &mut random,
        )
        .unwrap();
        let peer = accept.parse().unwrap();
        driver.run(&mut client, peer, |events| !events.is_empty());
        assert_eq!(driver.events, [Event::Connected { peer: None }], "{name}");
        client.send(b"from motekey\n").unwrap();
        driver.flush(&mut client, peer);
        assert!(openssl.wait_for("from motekey"), "{name}");
        openssl.write("from openssl\n");
        driver.run(&mut client, peer, has_data(b"from openssl"));
        client.close();
        driver.flush(&mut client, peer);
    }
}

#[test]
fn d23_openssl_s_client_connects_to_our_server() {
    for (suite, name) in SUITES {
        let mut driver = Driver::new();
        let port = driver.socket.local_addr().unwrap().port();
        let mut random = TestRandom::new(u64::from(port));
        let config = ServerConfig {
            cipher_suites: vec![suite],
            ..server_config()
        };
        let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
        let (connect, cipher) = (format!("127.0.0.1:{port}"), format!("{name}:@SECLEVEL=0"));
        let mut openssl = OpenSsl::start(&[
            "s_client",
            "-dtls1_2",
            "-connect",
            &connect,
            "-psk",
            HEX_KEY,
            "-psk_identity",
            "device-00000042",
            "-cipher",
            &cipher,
        ]);
        let (mut server, peer) = driver.accept(&mut front, &mut random);
        driver.run(&mut server, peer, |events| !events.is_empty());
        let identity = Some(PeerIdentity::PreSharedKey(IDENTITY.to_vec()));
        assert_eq!(
            driver.events,
            [Event::Connected { peer: identity }],
            "{name}"
        );
        openssl.write("from openssl\n");
        driver.run(&mut server, peer, has_data(b"from openssl"));
        server.send(b"from motekey\n").unwrap();
        driver.flush(&mut server, peer);
        assert!(openssl.wait_for("from motekey"), "{name}");
    }
}

#[test]
fn d41_l05_openssl_that_wants_to_renegotiate_is_declined() {
    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut random = TestRandom::new(u64::from(port));
    let mut front = Server::new(Arc::new(server_config()), driver.now(), &mut random).unwrap();
    let connect = format!("127.0.0.1:{port}");
    let mut openssl = OpenSsl::start(&[
        "s_client",
        "-dtls1_2",
        "-connect",
        &connect,
        "-psk",
        HEX_KEY,
        "-psk_identity",
        "device-00000042",
        "-cipher",
        "PSK-AES128-CCM8:@SECLEVEL=0",
        "-msg",
    ]);
    let (mut server, peer) = driver.accept(&mut front, &mut random);
    driver.run(&mut server, peer, |events| !events.is_empty());
    openssl.write("R\n");
    // A client of OpenSSL ends the session when its renegotiation is declined.
    driver.run(&mut server, peer, |events| events.len() > 1);
    assert!(openssl.wait_for("    01 64"), "warning, no_renegotiation");
}

#[test]
fn an_unknown_identity_and_a_wrong_key_look_the_same_to_openssl() {
    for (identity, key) in [("device-99999999", HEX_KEY), ("device-00000042", "00")] {
        let mut driver = Driver::new();
        let port = driver.socket.local_addr().unwrap().port();
        let mut random = TestRandom::new(u64::from(port));
        let config = ServerConfig::new(&PROVIDER, Arc::new(Keys::one()));
        let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
        let connect = format!("127.0.0.1:{port}");
        let openssl = OpenSsl::start(&[
            "s_client",
            "-dtls1_2",
            "-connect",
            &connect,
            "-psk",
            key,
            "-psk_identity",
            identity,
            "-cipher",
            "PSK-AES128-CCM8:@SECLEVEL=0",
            "-msg",
        ]);
        let (mut server, peer) = driver.accept(&mut front, &mut random);
        let start = WallClock::now();
        while start.elapsed() < Duration::from_secs(3) {
            let mut buffer = [0; 2048];
            if let Ok((length, _)) = driver.socket.recv_from(&mut buffer) {
                server.handle_datagram(driver.now(), &buffer[..length]);
            }
            driver.flush(&mut server, peer);
        }
        assert!(
            openssl.wait_for("    02 33"),
            "fatal, decrypt_error for {identity}"
        );
        assert!(!server.is_established());
    }
}

#[test]
fn openssl_resumes_a_session_and_exports_the_same_keying_material() {
    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut random = TestRandom::new(u64::from(port));
    let config = ServerConfig {
        sessions: Some(Arc::new(MemorySessionCache::new(4))),
        ..server_config()
    };
    let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
    let connect = format!("127.0.0.1:{port}");
    let file = std::env::temp_dir().join(format!("motekey-dtls-session-{port}"));
    let file = file.to_str().unwrap();
    for (option, shows) in [("-sess_out", "New, "), ("-sess_in", "Reused, ")] {
        let openssl = OpenSsl::start(&[
            "s_client",
            "-dtls1_2",
            "-connect",
            &connect,
            "-psk",
            HEX_KEY,
            "-psk_identity",
            "device-00000042",
            "-cipher",
            "PSK-AES128-CCM8:@SECLEVEL=0",
            option,
            file,
            "-keymatexport",
            "EXPERIMENTAL motekey",
        ]);
        let (mut server, peer) = driver.accept(&mut front, &mut random);
        driver.events.clear();
        driver.run(&mut server, peer, |events| !events.is_empty());
        let identity = Some(PeerIdentity::PreSharedKey(IDENTITY.to_vec()));
        assert_eq!(
            driver.events,
            [Event::Connected { peer: identity }],
            "{shows}"
        );
        let mut material = [0; 20];
        server
            .export_keying_material(b"EXPERIMENTAL motekey", None, &mut material)
            .unwrap();
        let hex: String = material.iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(openssl.wait_for(shows), "{shows}");
        assert!(
            openssl.wait_for(&format!("Keying material: {hex}")),
            "{shows}"
        );
    }
    let _ = std::fs::remove_file(file);
}

#[test]
fn ecdhe_psk_with_openssl_both_directions() {
    // Of the suites with ephemeral keys and a pre-shared key, this is the one that OpenSSL has.
    let suite = CipherSuite::EcdhePskChaCha20Poly1305;
    let cipher = "ECDHE-PSK-CHACHA20-POLY1305";
    let port = free_port();
    let accept = format!("127.0.0.1:{port}");
    let openssl = OpenSsl::start(&[
        "s_server",
        "-dtls1_2",
        "-listen",
        "-accept",
        &accept,
        "-nocert",
        "-psk",
        HEX_KEY,
        "-cipher",
        cipher,
        "-psk_identity",
        "device-00000042",
    ]);
    assert!(openssl.wait_for("ACCEPT"));
    let mut driver = Driver::new();
    let config = ClientConfig {
        cipher_suites: vec![suite],
        ..client_config()
    };
    let mut random = TestRandom::new(u64::from(port));
    let mut client = Connection::connect(
        &config,
        &credential(IDENTITY, &KEY),
        driver.now(),
        &mut random,
    )
    .unwrap();
    driver.run(&mut client, accept.parse().unwrap(), |events| {
        !events.is_empty()
    });
    assert_eq!(driver.events, [Event::Connected { peer: None }]);

    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut front = Server::new(Arc::new(server_config()), driver.now(), &mut random).unwrap();
    let connect = format!("127.0.0.1:{port}");
    let _openssl = OpenSsl::start(&[
        "s_client",
        "-dtls1_2",
        "-connect",
        &connect,
        "-psk",
        HEX_KEY,
        "-psk_identity",
        "device-00000042",
        "-cipher",
        cipher,
    ]);
    let (mut server, peer) = driver.accept(&mut front, &mut random);
    driver.run(&mut server, peer, |events| !events.is_empty());
    let identity = Some(PeerIdentity::PreSharedKey(IDENTITY.to_vec()));
    assert_eq!(driver.events, [Event::Connected { peer: identity }]);
    assert_eq!(server.cipher_suite(), Some(suite));
}
