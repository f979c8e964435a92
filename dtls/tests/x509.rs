//! X.509: chains made by OpenSSL, checked by us; handshakes with OpenSSL, both directions.

#![cfg(test)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::openssl::{Driver, OpenSsl, free_port, has_data};
use common::*;
use motekey_dtls::crypto::NamedGroup;
use motekey_dtls::crypto::SigningKey;
use motekey_dtls::crypto::rust::{Ed25519Key, P256Key, PROVIDER};
use motekey_dtls::x509::WebPkiVerifier;
use motekey_dtls::*;

const NAME: &str = "server.motekey.test";

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

/// A directory of its own, removed with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("motekey-dtls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn der(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(&format!("{name}.der"))).unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// PKCS #8 of a P-256 key (`ed25519` false) or an Ed25519 key.
fn pkcs8(byte: u8, ed25519: bool) -> Vec<u8> {
    let head: &[u8] = if ed25519 {
        &[
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ]
    } else {
        &[
            0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
        ]
    };
    [head, &[byte; 32]].concat()
}

fn signing_key(byte: u8, ed25519: bool) -> Arc<dyn SigningKey> {
    if ed25519 {
        Arc::new(Ed25519Key::new(&[byte; 32]))
    } else {
        Arc::new(P256Key::new(&[byte; 32]).unwrap())
    }
}

/// An authority, and certificates `server` and `client` under it, in files.
struct Authority {
    files: Directory,
    ed25519: bool,
}

impl Authority {
    fn new(name: &str, ed25519: bool) -> Self {
        let authority = Self {
            files: Directory::new(name),
            ed25519,
        };
        authority.key("authority", 1);
        let (key, pem) = (
            authority.files.path("authority.key"),
            authority.files.path("authority.pem"),
        );
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            &key,
            "-subj",
            &format!("/CN=authority {name}"),
            "-days",
            "30",
            "-out",
            &pem,
        ]);
        authority.to_der("authority");
        authority.issue(
            "server",
            2,
            &format!("subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth"),
        );
        authority.issue(
            "client",
            3,
            "subjectAltName=DNS:client.motekey.test\nextendedKeyUsage=clientAuth",
        );
        authority
    }

    fn key(&self, name: &str, byte: u8) {
        let (der, key) = (
            self.files.path("pkcs8"),
            self.files.path(&format!("{name}.key")),
        );
        std::fs::write(&der, pkcs8(byte, self.ed25519)).unwrap();
        openssl(&["pkey", "-inform", "DER", "-in", &der, "-out", &key]);
    }

    fn issue(&self, name: &str, byte: u8, extensions: &str) {
        self.key(name, byte);
        let file = |ending: &str| self.files.path(&format!("{name}.{ending}"));
        let (key, request, options, pem) = (file("key"), file("csr"), file("ext"), file("pem"));
        std::fs::write(&options, extensions).unwrap();
        openssl(&[
            "req",
            "-new",
            "-key",
            &key,
            "-subj",
            &format!("/CN={name}"),
            "-out",
            &request,
        ]);
        let (ca, ca_key) = (
            self.files.path("authority.pem"),
            self.files.path("authority.key"),
        );
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "30",
            "-extfile",
            &options,
            "-out",
            &pem,
        ]);
        self.to_der(name);
    }

    fn to_der(&self, name: &str) {
        let (pem, der) = (
            self.files.path(&format!("{name}.pem")),
            self.files.path(&format!("{name}.der")),
        );
        openssl(&["x509", "-in", &pem, "-outform", "DER", "-out", &der]);
    }

    fn own(&self, name: &str, byte: u8) -> CertifiedKey {
        CertifiedKey {
            chain: vec![self.files.der(name)],
            key: signing_key(byte, self.ed25519),
        }
    }

    fn server_config(&self) -> ServerConfig {
        let anchor = self.files.der("authority");
        let clients =
            WebPkiVerifier::clients(&PROVIDER, &[&anchor], Box::new(system_time)).unwrap();
        ServerConfig {
            certificate: Some(self.own("server", 2)),
            client_certificates: Some(Arc::new(clients)),
            ..server_config()
        }
    }

    fn credential(&self, name: &str) -> ClientCredential {
        let anchor = self.files.der("authority");
        let server =
            WebPkiVerifier::server(&PROVIDER, &[&anchor], name, Box::new(system_time)).unwrap();
        ClientCredential::Certificate {
            own: self.own("client", 3),
            server: Arc::new(server),
        }
    }
}

fn system_time() -> Option<u64> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .map(|time| time.as_secs())
}

#[test]
fn d13_chains_of_both_kinds_of_keys_connect() {
    for ed25519 in [false, true] {
        let authority = Authority::new(&format!("own-{ed25519}"), ed25519);
        let mut pair = Pair::new(
            authority.server_config(),
            client_config(),
            &authority.credential(NAME),
        );
        pair.run();
        let identity = |name| Event::Connected {
            peer: Some(PeerIdentity::Certificate(vec![authority.files.der(name)])),
        };
        assert_eq!(pair.server_events, [identity("client")]);
        assert_eq!(pair.client_events, [identity("server")]);
    }
}

#[test]
fn chains_that_are_not_valid_are_refused() {
    let authority = Authority::new("refused", false);
    let stranger = Authority::new("stranger", true);
    let (anchor, other) = (
        authority.files.der("authority"),
        stranger.files.der("authority"),
    );
    let (server, client) = (authority.files.der("server"), authority.files.der("client"));
    let verifier = |anchor: &[u8], name: &str, clock: fn() -> Option<u64>| {
        WebPkiVerifier::server(&PROVIDER, &[anchor], name, Box::new(clock)).unwrap()
    };
    let mut changed = server.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (verifier, chain, wanted, why) in [
        (
            verifier(&other, NAME, system_time),
            &server,
            CertificateError::UnknownAuthority,
            "another authority",
        ),
        (
            verifier(&anchor, "other.test", system_time),
            &server,
            CertificateError::NotAcceptable,
            "another name",
        ),
        (
            verifier(&anchor, NAME, system_time),
            &client,
            CertificateError::NotAcceptable,
            "a client's",
        ),
        (
            verifier(&anchor, NAME, || Some(4_000_000_000)),
            &server,
            CertificateError::Expired,
            "expired",
        ),
        (
            verifier(&anchor, NAME, || Some(0)),
            &server,
            CertificateError::Expired,
            "not valid yet",
        ),
        (
            verifier(&anchor, NAME, || None),
            &server,
            CertificateError::Expired,
            "the time is not known",
        ),
        (
            verifier(&anchor, NAME, system_time),
            &changed,
            CertificateError::Bad,
            "a changed signature",
        ),
    ] {
        assert_eq!(verifier.verify(&[chain]).err(), Some(wanted), "{why}");
    }
    let good = verifier(&anchor, NAME, system_time);
    assert_eq!(
        good.verify(&[&server]).unwrap(),
        signing_key(2, false).public_key_info()
    );
    assert_eq!(good.verify(&[&server[1..]]), Err(CertificateError::Bad));
    assert_eq!(good.verify(&[]), Err(CertificateError::Bad));
    assert!(WebPkiVerifier::clients(&PROVIDER, &[&anchor[1..]], Box::new(system_time)).is_err());
    assert!(
        WebPkiVerifier::server(&PROVIDER, &[&anchor], "not a name", Box::new(system_time)).is_err()
    );
}

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
