//! Chains made by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use motekey_dtls::crypto::SigningKey;
use motekey_dtls::crypto::rust::{Ed25519Key, P256Key, PROVIDER};
use motekey_dtls::x509::WebPkiVerifier;
use motekey_dtls::*;

use crate::common::server_config;

pub(crate) const NAME: &str = "server.motekey.test";

/// A directory of its own, removed with the test.
pub(crate) struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("motekey-dtls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn der(&self, name: &str) -> Vec<u8> {
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

pub(crate) fn signing_key(byte: u8, ed25519: bool) -> Arc<dyn SigningKey> {
    if ed25519 {
        Arc::new(Ed25519Key::new(&[byte; 32]))
    } else {
        Arc::new(P256Key::new(&[byte; 32]).unwrap())
    }
}

/// An authority, and certificates `server` and `client` under it, in files.
pub(crate) struct Authority {
    pub(crate) files: Directory,
    ed25519: bool,
}

impl Authority {
    pub(crate) fn new(name: &str, ed25519: bool) -> Self {
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

    pub(crate) fn own(&self, name: &str, byte: u8) -> CertifiedKey {
        CertifiedKey {
            chain: vec![self.files.der(name)],
            key: signing_key(byte, self.ed25519),
        }
    }

    pub(crate) fn server_config(&self) -> ServerConfig {
        let anchor = self.files.der("authority");
        let clients =
            WebPkiVerifier::clients(&PROVIDER, &[&anchor], Box::new(system_time)).unwrap();
        ServerConfig {
            certificate: Some(self.own("server", 2)),
            client_certificates: Some(Arc::new(clients)),
            ..server_config()
        }
    }

    pub(crate) fn credential(&self, name: &str) -> ClientCredential {
        let anchor = self.files.der("authority");
        let server =
            WebPkiVerifier::server(&PROVIDER, &[&anchor], name, Box::new(system_time)).unwrap();
        ClientCredential::Certificate {
            own: self.own("client", 3),
            server: Arc::new(server),
        }
    }
}

pub(crate) fn system_time() -> Option<u64> {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .map(|time| time.as_secs())
}
