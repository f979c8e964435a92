//! Keys and certificates that both ends of a measurement share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motekey_dtls::crypto::aws_lc::{P256Key, PROVIDER};
use motekey_dtls::crypto::{RandomError, RandomSource, SigningKey};
use motekey_dtls::x509::WebPkiVerifier;
use motekey_dtls::{CertifiedKey, ClientCredential, PreSharedKey};

/// Certificates of P-256 keys, valid from 2026-11-23 for a hundred years: of the authority, of `server.example`
/// ([`SERVER`]) and of `client.example` ([`CLIENT`]).
pub(crate) const AUTHORITY_CERTIFICATE: &[u8] =
    include_bytes!("../../../coap/src/dtls/conformance/certificates/authority.der");
pub(crate) const SERVER_CERTIFICATE: &[u8] =
    include_bytes!("../../../coap/src/dtls/conformance/certificates/server.der");
pub(crate) const CLIENT_CERTIFICATE: &[u8] =
    include_bytes!("../../../coap/src/dtls/conformance/certificates/client.der");
/// Private key of the server.
pub(crate) const SERVER: [u8; 32] = [2; 32];
/// Private key of every device.
pub(crate) const CLIENT: [u8; 32] = [3; 32];
/// The key that every device shares with a server, of characters that fit a command line.
pub(crate) const PRE_SHARED: &[u8; 16] = b"0123456789abcdef";

/// The system's.
pub(crate) struct Numbers;

impl RandomSource for Numbers {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// How devices authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With an identity of 15 bytes, another for every session.
    PreSharedKey,
    /// With a whole access token as identity (RFC 9202 Section 3.3.2), and the key that it is bound to.
    Token(Vec<u8>, Vec<u8>),
    /// Both ends by raw public key.
    RawPublicKey,
    /// Both ends by certificate.
    Certificate,
}

impl Manner {
    /// What the device of this number shows.
    pub(crate) fn credential(&self, number: u32) -> ClientCredential {
        match self {
            Self::PreSharedKey => ClientCredential::PreSharedKey {
                identity: format!("device-{number:08}").into_bytes(),
                key: PreSharedKey::new(PRE_SHARED.to_vec()),
            },
            Self::Token(token, key) => ClientCredential::PreSharedKey {
                identity: token.clone(),
                key: PreSharedKey::new(key.clone()),
            },
            Self::RawPublicKey => ClientCredential::RawPublicKey {
                key: Arc::new(P256Key::new(&CLIENT).unwrap()),
                server: public_key_info(&SERVER),
            },
            Self::Certificate => {
                let clock = Box::new(|| Some(1_800_000_000));
                let anchors = [AUTHORITY_CERTIFICATE];
                let check = WebPkiVerifier::server(&PROVIDER, &anchors, "server.example", clock);
                ClientCredential::Certificate {
                    own: CertifiedKey {
                        chain: vec![CLIENT_CERTIFICATE.to_vec()],
                        key: Arc::new(P256Key::new(&CLIENT).unwrap()),
                    },
                    server: Arc::new(check.unwrap()),
                }
            }
        }
    }
}

pub(crate) fn public_key_info(scalar: &[u8; 32]) -> Vec<u8> {
    P256Key::new(scalar).unwrap().public_key_info().to_vec()
}

/// The server's key and certificates as files, for programs that read them: key, certificate, authority.
pub(crate) fn files(directory: &Path) -> [PathBuf; 3] {
    let file = |name: &str, label: &str, der: &[u8]| {
        let path = directory.join(name);
        fs::write(&path, pem(label, der)).unwrap();
        path
    };
    [
        file("server-key.pem", "EC PRIVATE KEY", &private_key(&SERVER)),
        file("server.pem", "CERTIFICATE", SERVER_CERTIFICATE),
        file("authority.pem", "CERTIFICATE", AUTHORITY_CERTIFICATE),
    ]
}

/// ECPrivateKey (RFC 5915 Section 3) on P-256.
fn private_key(scalar: &[u8; 32]) -> Vec<u8> {
    let info = public_key_info(scalar);
    let point = info.get(info.len() - 65..).unwrap();
    let version = [0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
    let curve = [
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let public = [0xa1, 0x44, 0x03, 0x42, 0x00];
    [&version[..], scalar, &curve, &public, point].concat()
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (index, bytes) in der.chunks(3).enumerate() {
        if index % 16 == 0 {
            text.push('\n');
        }
        let bits = bytes
            .iter()
            .zip([16, 8, 0])
            .fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        for place in 0..4 {
            let symbol = ALPHABET.get((bits >> (18 - 6 * place)) as usize & 63);
            let used = place <= bytes.len();
            text.push(if used {
                char::from(*symbol.unwrap())
            } else {
                '='
            });
        }
    }
    format!("-----BEGIN {label}-----{text}\n-----END {label}-----\n")
}
