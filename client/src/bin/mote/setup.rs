//! From command line, environment and file to a client.

use std::path::Path;
use std::time::Duration;

use motekey_client::{
    AuthorizationServer, CacheKey, Client, ClientBuilder, ClientCredential, Error, KeyChoice,
    ResourceServer, Timers, TokenCache, TokenTransport,
};
use motekey_coap::link_profile::LinkProfile;

use super::arguments::{Keys, Options, Transport};
use super::file::{File, ResourceServerTable};
use super::{Failure, credential};
use super::{input, keys, scope};

/// Environment variable with the PSK in hexadecimal.
const KEY_VARIABLE: &str = "MOTEKEY_PSK";

/// What `mote status` shows of the configuration.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) authorization_server: String,
    pub(crate) identity: String,
    pub(crate) resource_servers: Vec<String>,
}

/// The client for a call to `url`, if the command has one.
pub(crate) async fn client(
    options: &Options,
    url: Option<&str>,
) -> Result<(Client, Summary), Failure> {
    let file = match &options.config {
        Some(path) => File::read(path)?,
        None => File::default(),
    };
    let (builder, summary) = configure(options, &file, std::env::var(KEY_VARIABLE).ok(), url)?;
    Ok((builder.build().await?, summary))
}

fn configure(
    options: &Options,
    file: &File,
    key: Option<String>,
    url: Option<&str>,
) -> Result<(ClientBuilder, Summary), Failure> {
    let table = &file.authorization_server;
    let uri = options.authorization_server.as_ref().or(table.uri.as_ref());
    let uri = uri
        .ok_or_else(|| "no authorization server: give --as coaps://HOST, or --config".to_owned())?;
    let device = credential::of(options, table, key)?;
    let cache = options.cache.as_ref().or(file.cache_file.as_ref());
    let cache_key = options
        .cache_key_file
        .as_ref()
        .or(file.cache_key_file.as_ref());
    let cache = match cache {
        Some(path) => Some(token_cache(
            path,
            cache_key.map(AsRef::as_ref),
            &device.credential,
        )?),
        None => None,
    };
    let mut server = AuthorizationServer::new(uri, device.credential)?;
    if let Some(key_id) = device.key_id {
        server = server.key_id(key_id);
    }
    if let Some(address) = table
        .address
        .filter(|_| options.authorization_server.is_none())
    {
        server = server.at_address(address);
    }
    let mut builder = Client::builder().authorization_server(server);
    if let Some(cache) = cache {
        builder = builder.token_cache(cache);
    }
    let mut summary = Summary {
        authorization_server: uri.clone(),
        identity: device.name,
        resource_servers: Vec::new(),
    };
    for entry in resource_servers(options, file, url)? {
        summary.resource_servers.push(entry.uri.clone());
        builder = builder.resource_server(resource_server(&entry)?);
    }
    let link = match (options.link, &file.link) {
        (Some(link), _) => link,
        (None, Some(name)) => name.parse::<LinkProfile>()?,
        (None, None) => LinkProfile::default(),
    };
    builder = builder.link(link);
    let call = options
        .timeout
        .or(file.call_time_limit_seconds)
        .map(Duration::from_secs);
    if let Some(call) = call {
        let default = Timers::for_link(link);
        let (handshake, exchange) = (call.min(default.handshake), call.min(default.exchange));
        builder = builder.timers(Timers {
            call,
            handshake,
            exchange,
            ..default
        });
    }
    Ok((builder, summary))
}

/// The token cache, sealed under the key of its own file, else under a key derived from that of the device.
fn token_cache(
    path: &Path,
    key_file: Option<&Path>,
    device: &ClientCredential,
) -> Result<TokenCache, Failure> {
    let key = match (key_file, device.pre_shared_key()) {
        (Some(key_file), _) => input::cache_key(key_file)?,
        (None, Some(key)) => CacheKey::derive(key)
            .map_err(|error| format!("the key of the token cache cannot be derived: {error}"))?,
        (None, None) => {
            return Err(
                "the token cache needs a key of its own when the device has a key pair: give --cache-key-file, made \
                 with: openssl rand -hex 32"
                    .to_owned()
                    .into(),
            );
        }
    };
    Ok(TokenCache::new(path, key))
}

/// The entries of the file; the one of the URL goes first, with the options over it.
fn resource_servers(
    options: &Options,
    file: &File,
    url: Option<&str>,
) -> Result<Vec<ResourceServerTable>, Failure> {
    let mut entries = file.resource_server.clone();
    let Some(url) = url else {
        return Ok(entries);
    };
    let known = entries
        .iter()
        .position(|entry| same_server(&entry.uri, url));
    let mut entry = match known {
        Some(index) => entries.remove(index),
        // Whoever names authorization server and URL on one command line says that the one may issue for the other.
        None if options.authorization_server.is_some() || file.resource_server.is_empty() => {
            ResourceServerTable {
                uri: url.to_owned(),
                ..ResourceServerTable::default()
            }
        }
        None => {
            return Err(Error::NotConfigured {
                resource_server: url.to_owned(),
            }
            .into());
        }
    };
    entry.audience = options.audience.clone().or(entry.audience);
    entry.trust_hinted_audience |= options.trust_hinted_audience;
    entry.client_nonces |= options.client_nonces;
    entry.scope = options.scope.clone().or(entry.scope);
    entry.address = options.rs_address.or(entry.address);
    entry.plain_port = options.plain_port.or(entry.plain_port);
    entry.keys = options.keys.or(entry.keys);
    if let Some(transport) = options.token_transport {
        entry.token_transport = Some(transport_name(transport).to_owned());
    }
    entries.insert(0, entry);
    Ok(entries)
}

fn resource_server(entry: &ResourceServerTable) -> Result<ResourceServer, Failure> {
    let mut server = ResourceServer::new(&entry.uri)?;
    if let Some(address) = entry.address {
        server = server.at_address(address);
    }
    if let Some(port) = entry.plain_port {
        server = server.plain_port(port);
    }
    if let Some(audience) = &entry.audience {
        server = server.audience(audience);
    }
    server = server
        .trust_hinted_audience(entry.trust_hinted_audience)
        .client_nonces(entry.client_nonces);
    if let Some(text) = &entry.scope {
        server = server.scope(scope::parse(text)?);
    }
    if let Some(text) = &entry.wider_scope {
        server = server.wider_scope(scope::parse(text)?);
    }
    if let Some(path) = &entry.authz_info {
        server = server.authz_info(path);
    }
    if let Some(bytes) = entry.max_identity_bytes {
        server = server.max_identity(bytes);
    }
    if let Some(seconds) = entry.default_lifetime_seconds {
        server = server.default_lifetime(Duration::from_secs(seconds));
    }
    if let Some(path) = &entry.public_key_file {
        server = server.public_key_info(keys::public_key_info(path)?);
    }
    server = server.keys(match entry.keys.unwrap_or_default() {
        Keys::Automatic => KeyChoice::Automatic,
        Keys::Symmetric => KeyChoice::Symmetric,
        Keys::Public => KeyChoice::Public,
    });
    match entry.token_transport.as_deref() {
        None | Some("automatic") => Ok(server),
        Some("handshake") => Ok(server.token_transport(TokenTransport::InHandshake)),
        Some("upload") => Ok(server.token_transport(TokenTransport::Upload)),
        Some(other) => {
            Err(format!("token_transport {other:?}: wanted automatic, handshake or upload").into())
        }
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Automatic => "automatic",
        Transport::Handshake => "handshake",
        Transport::Upload => "upload",
    }
}

/// Same host and port, by the rules of the library.
fn same_server(one: &str, other: &str) -> bool {
    let origin = |text: &str| {
        ResourceServer::new(text)
            .ok()
            .and_then(|server| server.name())
    };
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::arguments::Arguments;
    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff";
    const LINE: [&str; 5] = [
        "mote",
        "--as",
        "coaps://as.example.com",
        "--identity",
        "meter-1",
    ];

    fn options(line: &[&str]) -> Options {
        Arguments::try_parse_from(line.iter().chain(&["status"]))
            .unwrap()
            .options
    }

    fn configured(line: &[&str], file: &File, url: &str) -> Result<Summary, Failure> {
        configure(&options(line), file, Some(KEY.into()), Some(url)).map(|(_, summary)| summary)
    }

    #[test]
    fn the_command_line_alone_is_enough() {
        let summary = configured(&LINE, &File::default(), "coaps://rs.example.com/a").unwrap();
        assert_eq!(summary.resource_servers, ["coaps://rs.example.com/a"]);
    }

    #[test]
    fn missing_parts_are_wrong_use() {
        for line in [
            &["mote"][..],
            &LINE[..3],
            &["mote", "--identity", "meter-1"],
        ] {
            assert!(
                matches!(
                    configured(line, &File::default(), "coaps://h/a"),
                    Err(Failure::Use(_))
                ),
                "{line:?}"
            );
        }
        let scope = [&LINE[..], &["--scope", "READ /a"]].concat();
        assert!(matches!(
            configured(&scope, &File::default(), "coaps://h/a"),
            Err(Failure::Use(_))
        ));
        let no_key = configure(&options(&LINE), &File::default(), None, None);
        assert!(matches!(no_key, Err(Failure::Use(reason)) if reason.contains(KEY_VARIABLE)));
        let pair = [
            &LINE[..3],
            &[
                "--key-pair-file",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/p256.pem"),
            ],
        ]
        .concat();
        let unpinned = configured(&pair, &File::default(), "coaps://h/a");
        assert!(
            matches!(unpinned, Err(Failure::Use(reason)) if reason.contains("--as-public-key-file"))
        );
    }

    #[test]
    fn f04_a_file_with_resource_servers_covers_no_others() {
        let text = "[authorization_server]\nuri = \"coaps://as.example.com\"\nidentity = \"m\"\n\
                    [[resource_server]]\nuri = \"coaps://rs.example.com\"";
        let file: File = toml::from_str(text).unwrap();
        assert!(configured(&["mote"], &file, "coaps://RS.example.com:5684/a").is_ok());
        let other = configured(&["mote"], &file, "coaps://other.example.com/a");
        assert!(matches!(
            other,
            Err(Failure::Client(Error::NotConfigured { .. }))
        ));
    }
}
