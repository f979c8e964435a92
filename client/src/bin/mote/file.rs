//! The configuration file of `mote`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::arguments::Keys;

/// One TOML file; every member may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) authorization_server: AuthorizationServerTable,
    pub(crate) resource_server: Vec<ResourceServerTable>,
    /// Kind of the network: `wired`, `cellular` or `slow_radio`.
    pub(crate) link: Option<String>,
    /// Time limit of the whole call.
    pub(crate) call_time_limit_seconds: Option<u64>,
    /// File of the token cache.
    pub(crate) cache_file: Option<PathBuf>,
    /// File with the key of the token cache.
    pub(crate) cache_key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuthorizationServerTable {
    pub(crate) uri: Option<String>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) identity: Option<String>,
    pub(crate) key_file: Option<PathBuf>,
    /// File with the key pair of this device.
    pub(crate) key_pair_file: Option<PathBuf>,
    /// File with the public key of the authorization server.
    pub(crate) public_key_file: Option<PathBuf>,
    /// What the authorization server knows the public key of this device by.
    pub(crate) key_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceServerTable {
    pub(crate) uri: String,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) plain_port: Option<u16>,
    pub(crate) audience: Option<String>,
    #[serde(default)]
    pub(crate) trust_hinted_audience: bool,
    /// Whether the resource server demands a nonce of its own in each token.
    #[serde(default)]
    pub(crate) client_nonces: bool,
    pub(crate) scope: Option<String>,
    pub(crate) wider_scope: Option<String>,
    pub(crate) authz_info: Option<String>,
    pub(crate) token_transport: Option<String>,
    pub(crate) max_identity_bytes: Option<usize>,
    pub(crate) default_lifetime_seconds: Option<u64>,
    pub(crate) keys: Option<Keys>,
    /// File with the public key of the resource server.
    pub(crate) public_key_file: Option<PathBuf>,
}

impl File {
    /// Reads `path`. Relative files are taken from the directory of the file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut file =
            Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if let Some(directory) = path.parent() {
            let named = [
                &mut file.authorization_server.key_file,
                &mut file.authorization_server.key_pair_file,
                &mut file.authorization_server.public_key_file,
                &mut file.cache_file,
                &mut file.cache_key_file,
            ];
            let servers = file.resource_server.iter_mut();
            let servers = servers.map(|server| &mut server.public_key_file);
            for name in named.into_iter().chain(servers).flatten() {
                *name = directory.join(&*name);
            }
        }
        Ok(file)
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_read() {
        let file = File::parse(
            r#"
            call_time_limit_seconds = 20
            link = "cellular"
            cache_file = "tokens"
            cache_key_file = "/etc/mote/cache.key"
            [authorization_server]
            uri = "coaps://as.example.com"
            address = "127.0.0.1:5684"
            identity = "meter-1"
            key_file = "meter-1.key"
            [[resource_server]]
            uri = "coaps://gateway.example.com"
            plain_port = 5683
            audience = "gateway"
            client_nonces = true
            scope = "GET /meters"
            "#,
        )
        .unwrap();
        assert_eq!(
            file.authorization_server.identity.as_deref(),
            Some("meter-1")
        );
        let server = &file.resource_server[0];
        assert_eq!(server.audience.as_deref(), Some("gateway"));
        assert!(server.client_nonces);
    }

    #[test]
    fn unknown_members_are_named() {
        let cases = [
            ("timeout = 3", "timeout"),
            ("[authorization_server]\nkey = \"00\"", "key"),
            ("[[resource_server]]\naudience = \"a\"", "uri"),
        ];
        for (text, named) in cases {
            let error = File::parse(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
