//! Certificates: PEM files, and thumbprints.

use std::path::PathBuf;

use motekey_coap::dtls::{CertificateCheck, CertifiedKey, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use toml::Spanned;

use super::file::{AuthorizationServerTable, DeviceTable, ResourceServerTable};
use super::problem::Problem;
use super::secret::{self, Secrets};
use crate::certificates::{Certificates, thumbprint};
use crate::clock::{Clock, SystemClock};

/// Longest file of certificates, in bytes: some two hundred anchors.
const LONGEST_FILE: u64 = 256 * 1024;

/// How sessions with certificates are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSettings {
    /// What the server shows.
    pub own: CertifiedKey,
    /// The certificates of the authorities whose devices are let in, DER, at least one.
    pub anchors: Vec<Vec<u8>>,
}

impl CertificateSettings {
    /// Chains are validated by the clock of the system. `None` if an anchor is no certificate, which a configuration that
    /// was read never has.
    pub fn certificates(&self) -> Option<Certificates> {
        let anchors: Vec<&[u8]> = self.anchors.iter().map(Vec::as_slice).collect();
        let now = || u64::try_from(SystemClock.now()).ok();
        let peers = CertificateCheck::of_clients(&anchors, Box::new(now)).ok()?;
        Some(Certificates {
            own: self.own.clone(),
            peers,
        })
    }
}

/// What the authorization server shows to devices with certificates, and whom it believes.
pub(super) fn of_server(
    table: &AuthorizationServerTable,
    key: Option<&KeyPair>,
    secrets: &Secrets,
) -> Result<Option<CertificateSettings>, Problem> {
    const OWNER: &str = "authorization_server";
    let (chain_file, anchors_file) = match (&table.certificate_file, &table.client_anchors_file) {
        (None, None) => return Ok(None),
        (Some(chain), Some(anchors)) => (chain, anchors),
        (Some(only), None) | (None, Some(only)) => {
            let text =
                format!("{OWNER}: certificate_file and client_anchors_file, both are needed");
            return Err(Problem::at(only.span(), text));
        }
    };
    let Some(key) = key else {
        let text = format!("{OWNER}: certificate_file without its private key; set key_pair_file");
        return Err(Problem::at(chain_file.span(), text));
    };
    let chain = read(OWNER, "certificate_file", chain_file, secrets)?;
    let anchors = read(OWNER, "client_anchors_file", anchors_file, secrets)?;
    // The public key stands in the certificate as it is (RFC 5280 Section 4.1).
    let info = key.public_key_info();
    let first = chain.first().map(Vec::as_slice).unwrap_or_default();
    if !first.windows(info.len()).any(|part| part == info) {
        let text = format!("{OWNER}: certificate_file: not a certificate of key_pair");
        return Err(Problem::at(chain_file.span(), text));
    }
    let key = key.clone();
    let own = CertifiedKey { chain, key };
    let settings = CertificateSettings { own, anchors };
    if settings.certificates().is_none() {
        let text = format!("{OWNER}: client_anchors_file: a block in it is no certificate");
        return Err(Problem::at(anchors_file.span(), text));
    }
    Ok(Some(settings))
}

/// SHA-256 of the certificate of a device, and where it stands.
pub(super) fn of_device(
    table: &DeviceTable,
    secrets: &Secrets,
) -> Result<Option<Spanned<[u8; 32]>>, Problem> {
    let name = table.name.get_ref();
    match (&table.certificate_file, &table.certificate_sha256) {
        (None, None) => Ok(None),
        (Some(_), Some(digits)) => Err(Problem::at(
            digits.span(),
            format!("{name}: certificate_file and certificate_sha256, one of them is enough"),
        )),
        (Some(file), None) => {
            let certificate = first(name, file, secrets)?;
            Ok(Some(Spanned::new(file.span(), thumbprint(&certificate))))
        }
        (None, Some(digits)) => {
            let bytes = secret::hexadecimal(&digits.get_ref().replace(':', ""));
            let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.ok_or_else(|| {
                let text = format!(
                    "{name}: certificate_sha256: wanted 64 hexadecimal digits; \
                     see openssl x509 -noout -fingerprint -sha256"
                );
                Problem::at(digits.span(), text)
            })?;
            Ok(Some(Spanned::new(digits.span(), bytes)))
        }
    }
}

/// The certificate of a resource server, DER.
pub(super) fn of_resource_server(
    table: &ResourceServerTable,
    secrets: &Secrets,
) -> Result<Option<Vec<u8>>, Problem> {
    let file = table.certificate_file.as_ref();
    file.map(|file| first(table.name.get_ref(), file, secrets))
        .transpose()
}

/// The first certificate of a file: the end entity.
fn first(owner: &str, file: &Spanned<PathBuf>, secrets: &Secrets) -> Result<Vec<u8>, Problem> {
    let chain = read(owner, "certificate_file", file, secrets)?;
    Ok(chain.into_iter().next().unwrap_or_default())
}

/// The certificates of a PEM file, at least one.
fn read(
    owner: &str,
    setting: &str,
    file: &Spanned<PathBuf>,
    secrets: &Secrets,
) -> Result<Vec<Vec<u8>>, Problem> {
    let path = secrets.resolve(file.get_ref());
    let wrong = |error: String| {
        let text = format!("{owner}: {setting}: {}: {error}", path.display());
        Problem::at(file.span(), text)
    };
    let bytes = secret::read_bounded(&path, LONGEST_FILE).map_err(wrong)?;
    let certificates = CertificateDer::pem_slice_iter(&bytes)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(wrong("wanted certificates in PEM".to_owned())),
    }
}
