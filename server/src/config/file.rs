//! The tables of the file as they are written. What they mean is in the files beside this one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::secret::Secret;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) data_directory: Option<PathBuf>,
    pub(super) link: Option<Spanned<String>>,
    pub(super) connection_id_bytes: Option<Spanned<u8>>,
    pub(super) authorization_server: AuthorizationServerTable,
    pub(super) limits: LimitsTable,
    pub(super) resource_server: Vec<ResourceServerTable>,
    pub(super) group: Vec<GroupTable>,
    pub(super) device: Vec<DeviceTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuthorizationServerTable {
    pub(super) issuer: Option<String>,
    pub(super) token_path: Option<Spanned<String>>,
    pub(super) signing_key: Option<Spanned<Secret>>,
    pub(super) signing_key_file: Option<Spanned<PathBuf>>,
    pub(super) signing_key_id: Option<Spanned<String>>,
    pub(super) key_pair: Option<Spanned<Secret>>,
    pub(super) key_pair_file: Option<Spanned<PathBuf>>,
    pub(super) signing_algorithm: Option<Spanned<String>>,
    pub(super) certificate_file: Option<Spanned<PathBuf>>,
    pub(super) client_anchors_file: Option<Spanned<PathBuf>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsTable {
    pub(super) max_sessions: Option<Spanned<u64>>,
    pub(super) max_half_open_sessions: Option<Spanned<u64>>,
    pub(super) max_sessions_per_source: Option<Spanned<u64>>,
    pub(super) max_half_open_sessions_per_source: Option<Spanned<u64>>,
    pub(super) handshake_time_limit_seconds: Option<Spanned<u64>>,
    pub(super) idle_time_limit_seconds: Option<Spanned<u64>>,
    pub(super) acknowledgement_timeout_milliseconds: Option<Spanned<u64>>,
    pub(super) max_body_bytes: Option<Spanned<u64>>,
    pub(super) max_message_bytes: Option<Spanned<u64>>,
    pub(super) max_issued_tokens: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceServerTable {
    pub(super) name: Spanned<String>,
    pub(super) audience: Option<Spanned<String>>,
    pub(super) shared_key: Option<Spanned<Secret>>,
    pub(super) shared_key_file: Option<Spanned<PathBuf>>,
    pub(super) shared_key_id: Option<Spanned<String>>,
    pub(super) shared_key_algorithm: Option<Spanned<String>>,
    pub(super) derivation_key: Option<Spanned<Secret>>,
    pub(super) derivation_key_file: Option<Spanned<PathBuf>>,
    pub(super) scope_kind: Option<Spanned<String>>,
    pub(super) token_lifetime_seconds: Option<Spanned<u64>>,
    pub(super) clockless: Option<bool>,
    pub(super) profiles: Option<Vec<Spanned<String>>>,
    pub(super) pop_keys: Option<Vec<Spanned<String>>>,
    pub(super) public_keys: Option<Vec<Spanned<String>>>,
    pub(super) certificate_file: Option<Spanned<PathBuf>>,
    pub(super) token_tags: Option<Spanned<String>>,
    pub(super) token_headers: Option<Spanned<String>>,
    pub(super) subject_in_token: Option<bool>,
    pub(super) session_identity: Option<Spanned<String>>,
    pub(super) session_key: Option<Spanned<Secret>>,
    pub(super) session_key_file: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    pub(super) audience: Spanned<String>,
    pub(super) members: Spanned<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceTable {
    pub(super) name: Spanned<String>,
    pub(super) identity: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<Secret>>,
    pub(super) key_file: Option<Spanned<PathBuf>>,
    pub(super) public_key: Option<Spanned<String>>,
    pub(super) certificate_file: Option<Spanned<PathBuf>>,
    pub(super) certificate_sha256: Option<Spanned<String>>,
    pub(super) profiles: Option<Vec<Spanned<String>>>,
    pub(super) disabled: Option<bool>,
    pub(super) administrator: Option<bool>,
    #[serde(default)]
    pub(super) allow: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}
