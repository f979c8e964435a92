//! P-256 keys, and X.509 certificates of one authority over them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use motekey_dtls::crypto::CryptoProvider;
use motekey_dtls::x509::WebPkiVerifier;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};

/// The name in the certificate of the server.
pub(crate) const SERVER_NAME: &str = "server.motekey.test";

/// PrivateKeyInfo of a P-256 key before its scalar (RFC 5208, RFC 5915).
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
];

/// A key and its certificate.
pub(crate) struct End {
    pub(crate) scalar: [u8; 32],
    /// DER.
    pub(crate) certificate: Vec<u8>,
}

impl End {
    /// PKCS #8, DER.
    pub(crate) fn pkcs8(&self) -> Vec<u8> {
        pkcs8(&self.scalar)
    }
}

/// An authority and two ends that it names.
pub(crate) struct Authority {
    /// Its certificate, DER.
    anchor: Vec<u8>,
    pub(crate) server: End,
    pub(crate) client: End,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("authority", Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key_pair(&[1; 32])).unwrap();
        let end = |name: &str, byte, purpose| {
            let mut params = named(name, vec![name.to_owned()]);
            params.extended_key_usages = vec![purpose];
            end(params, [byte; 32], &issuer)
        };
        Self {
            server: end(SERVER_NAME, 2, ExtendedKeyUsagePurpose::ServerAuth),
            client: end(
                "client.motekey.test",
                3,
                ExtendedKeyUsagePurpose::ClientAuth,
            ),
            anchor: issuer.der().to_vec(),
        }
    }

    /// Accepts chains of clients.
    pub(crate) fn clients(&self, provider: &'static CryptoProvider) -> WebPkiVerifier {
        WebPkiVerifier::clients(provider, &[&self.anchor], Box::new(unix_time)).unwrap()
    }

    /// Accepts the chain of the server.
    pub(crate) fn servers(&self, provider: &'static CryptoProvider) -> WebPkiVerifier {
        let anchors = [&self.anchor[..]];
        WebPkiVerifier::server(provider, &anchors, SERVER_NAME, Box::new(unix_time)).unwrap()
    }

    /// Writes everything into a directory, as DER.
    pub(crate) fn write(&self) -> PathBuf {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dtls-certificates");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("authority.der"), &self.anchor).unwrap();
        for (name, end) in [("server", &self.server), ("client", &self.client)] {
            fs::write(directory.join(format!("{name}.der")), &end.certificate).unwrap();
            fs::write(directory.join(format!("{name}.key")), end.pkcs8()).unwrap();
        }
        directory
    }
}

fn unix_time() -> Option<u64> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(time.as_secs())
}

fn named(name: &str, subject_alt_names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(subject_alt_names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn pkcs8(scalar: &[u8; 32]) -> Vec<u8> {
    [&PKCS8_PREFIX[..], scalar].concat()
}

fn key_pair(scalar: &[u8; 32]) -> KeyPair {
    let pkcs8 = pkcs8(scalar).into();
    KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256).unwrap()
}

fn end(params: CertificateParams, scalar: [u8; 32], issuer: &Issuer<'_, KeyPair>) -> End {
    let certificate = params.signed_by(&key_pair(&scalar), issuer).unwrap();
    End {
        scalar,
        certificate: certificate.der().to_vec(),
    }
}
