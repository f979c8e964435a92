//! What the device has at the authorization server: a PSK with its identity, or a key pair.

use motekey_client::ClientCredential;

use super::arguments::Options;
use super::file::AuthorizationServerTable;
use super::{Failure, input, keys};

/// The credential and how it is called.
pub(crate) struct Device {
    pub(crate) credential: ClientCredential,
    /// What the authorization server knows its public key by.
    pub(crate) key_id: Option<Vec<u8>>,
    /// For people.
    pub(crate) name: String,
}

/// What options, file and environment say; `key` is the PSK of the environment.
pub(crate) fn of(
    options: &Options,
    table: &AuthorizationServerTable,
    key: Option<String>,
) -> Result<Device, Failure> {
    let pair = options.key_pair_file.as_ref();
    // A PSK on the command line goes before a key pair in the file.
    let other = options.identity.is_some() || options.key_file.is_some();
    let pair = pair.or(table.key_pair_file.as_ref().filter(|_| !other));
    let Some(pair) = pair else {
        return pre_shared(options, table, key);
    };
    let server = options.as_public_key_file.as_ref();
    // RFC 7250 Section 4.4: a raw public key is accepted only if it is known by other means.
    let server = server.or(table.public_key_file.as_ref()).ok_or_else(|| {
        "no public key of the authorization server: give --as-public-key-file, or name a public_key_file in the \
         configuration"
            .to_owned()
    })?;
    let key = keys::key_pair(pair)?;
    let key_id = options.key_id.as_ref().or(table.key_id.as_ref());
    let name = match key_id {
        Some(key_id) => format!("{key_id} (public key)"),
        None => "public key".to_owned(),
    };
    Ok(Device {
        credential: ClientCredential::RawPublicKey {
            key,
            server: keys::public_key_info(server)?,
        },
        key_id: key_id.map(|text| input::identity(text)).transpose()?,
        name,
    })
}

fn pre_shared(
    options: &Options,
    table: &AuthorizationServerTable,
    key: Option<String>,
) -> Result<Device, Failure> {
    let identity = options.identity.as_ref().or(table.identity.as_ref());
    let identity = identity.ok_or_else(|| {
        "no identity: give --identity and a PSK, or --key-pair-file, or --config".to_owned()
    })?;
    let key_file = options.key_file.as_ref().or(table.key_file.as_ref());
    Ok(Device {
        credential: ClientCredential::PreSharedKey {
            identity: input::identity(identity)?,
            key: input::key(key, key_file.map(AsRef::as_ref))?,
        },
        key_id: None,
        name: identity.clone(),
    })
}
