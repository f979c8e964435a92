//! The secrets of a resource server.

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::crypto::AeadAlgorithm;
use toml::Spanned;

use super::super::file::ResourceServerTable;
use super::super::problem::Problem;
use super::super::secret::{KeySource, Secrets};
use super::super::words::{identifier, one_of};
use super::Places;
use crate::registry::{DeviceCredential, SharedKey};

/// What its tokens are encrypted under.
pub(super) fn shared_key(
    table: &ResourceServerTable,
    secrets: &mut Secrets,
    places: &mut Places,
) -> Result<Option<SharedKey>, Problem> {
    let name = table.name.get_ref();
    let source = KeySource {
        owner: name,
        setting: "shared_key",
        inline: table.shared_key.as_ref(),
        file: table.shared_key_file.as_ref(),
    };
    let Some(key) = secrets.key(&source)? else {
        return Ok(None);
    };
    places.key = key.span();
    let mut shared = SharedKey::new(key.into_inner());
    if let Some(algorithm) = &table.shared_key_algorithm {
        let kinds = [
            ("AES-CCM-16-64-128", AeadAlgorithm::AesCcm16_64_128),
            ("AES-CCM-16-128-128", AeadAlgorithm::AesCcm16_128_128),
            ("A128GCM", AeadAlgorithm::A128Gcm),
            ("A256GCM", AeadAlgorithm::A256Gcm),
        ];
        shared.algorithm = one_of(&format!("{name}: shared_key_algorithm"), algorithm, &kinds)?;
    }
    if let Some(id) = &table.shared_key_id {
        shared.key_id = Some(identifier(&format!("{name}: shared_key_id"), id)?);
    }
    Ok(Some(shared))
}

/// What a resource server opens its sessions with.
pub(super) fn session_credential(
    table: &ResourceServerTable,
    secrets: &mut Secrets,
    places: &mut Places,
) -> Result<Option<DeviceCredential>, Problem> {
    let name = table.name.get_ref();
    let source = KeySource {
        owner: name,
        setting: "session_key",
        inline: table.session_key.as_ref(),
        file: table.session_key_file.as_ref(),
    };
    let Some(key) = secrets.key(&source)? else {
        return match &table.session_identity {
            Some(identity) => Err(Problem::at(
                identity.span(),
                format!("{name}: session_identity without session_key_file"),
            )),
            None => Ok(None),
        };
    };
    let identity = match &table.session_identity {
        None => name.as_bytes().to_vec(),
        Some(identity) => {
            places.identity = identity.span();
            identifier(&format!("{name}: session_identity"), identity)?
        }
    };
    let key = key.into_inner();
    Ok(Some(DeviceCredential::PreSharedKey { identity, key }))
}

/// What proof-of-possession keys are derived from.
pub(super) fn derivation_key(
    table: &ResourceServerTable,
    secrets: &mut Secrets,
) -> Result<Option<PreSharedKey>, Problem> {
    let source = KeySource {
        owner: table.name.get_ref(),
        setting: "derivation_key",
        inline: table.derivation_key.as_ref(),
        file: table.derivation_key_file.as_ref(),
    };
    Ok(secrets.key(&source)?.map(Spanned::into_inner))
}
