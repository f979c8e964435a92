//! Authorities, and the certificates that they give out over P-256 keys.

use motekey_coap::dtls::{CertificateCheck, CertifiedKey, KeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

/// PrivateKeyInfo of a P-256 key before its scalar (RFC 5208, RFC 5915).
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
];

/// Where the servers of the tests are.
pub(crate) const HOST: &str = "127.0.0.1";

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Server,
    Device,
}

/// What is unusual about a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// It has ended.
    Expired,
    /// Its own key signed it.
    SelfSigned,
    /// It is for another name.
    OtherName,
}

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    /// The authority with the key of this number.
    pub(crate) fn new(number: u8) -> Self {
        let params = authority(&format!("authority {number}"));
        Self(CertifiedIssuer::self_signed(params, key_pair(number)).unwrap())
    }

    /// An authority that this one vouches for.
    pub(crate) fn below(&self, number: u8) -> Self {
        let params = authority(&format!("authority {number}"));
        Self(CertifiedIssuer::signed_by(params, key_pair(number), &self.0).unwrap())
    }

    /// Its certificate, DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// The key of this number and its certificate.
    pub(crate) fn certify(&self, number: u8, end: End, kind: Kind) -> CertifiedKey {
        let name = if kind == Kind::OtherName {
            "192.0.2.1"
        } else {
            HOST
        };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("end {number}"));
        params.extended_key_usages = vec![match end {
            End::Server => ExtendedKeyUsagePurpose::ServerAuth,
            End::Device => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        params.not_before = date_time_ymd(2020, 1, 1);
        if kind == Kind::Expired {
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let pair = key_pair(number);
        let certificate = if kind == Kind::SelfSigned {
            params.self_signed(&pair)
        } else {
            params.signed_by(&pair, &self.0)
        };
        CertifiedKey {
            chain: vec![certificate.unwrap().der().to_vec()],
            key: KeyPair::p256(&[number; 32]).unwrap(),
        }
    }

    /// Accepts the devices of this authority.
    pub(crate) fn devices(&self) -> CertificateCheck {
        CertificateCheck::of_clients(&[&self.der()], Box::new(now)).unwrap()
    }

    /// Accepts the servers of this authority.
    pub(crate) fn servers(&self) -> CertificateCheck {
        CertificateCheck::of_server(&[&self.der()], HOST, Box::new(now)).unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn key_pair(number: u8) -> rcgen::KeyPair {
    let pkcs8 = pkcs8(number).into();
    rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256).unwrap()
}

/// PKCS #8 of the key of this number, DER.
pub(crate) fn pkcs8(number: u8) -> Vec<u8> {
    [&PKCS8_PREFIX[..], &[number; 32]].concat()
}

fn now() -> Option<u64> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Some(time.unwrap().as_secs())
}
