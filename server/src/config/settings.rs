//! How the server runs: what is not a record of the registry.

use std::net::SocketAddr;
use std::path::PathBuf;

use motekey_coap::dtls::KeyPair;
use motekey_coap::dtls::motekey::MotekeyConfig;
use motekey_coap::endpoint::EndpointConfig;
use motekey_coap::link_profile::LinkProfile;
use motekey_cose::crypto::{SignatureAlgorithm, rust};
use motekey_cose::key::CoseKey;
use zeroize::Zeroizing;

use super::file::File;
use super::problem::Problem;
use super::secret::{KeySource, Secrets};
use super::{CertificateSettings, certificates, limits, words};
use crate::store::MemoryStore;

/// How the server runs.
pub struct Settings {
    /// Where it listens, if the file says so.
    pub listen: Option<SocketAddr>,
    /// Where it keeps what must survive a restart, if the file says so.
    pub data_directory: Option<PathBuf>,
    /// The `iss` of tokens, if any.
    pub issuer: Option<String>,
    /// The path of the token endpoint. Default: `/token`.
    pub token_path: String,
    /// The key that signs tokens, if any.
    pub signing_key: Option<SigningKeyPair>,
    /// The P-256 key pair that it shows to devices with raw public keys, if any.
    pub key_pair: Option<KeyPair>,
    /// How sessions with certificates are made, if they are.
    pub certificates: Option<CertificateSettings>,
    /// The kind of network that its clients are in.
    pub link: LinkProfile,
    /// Bytes of Connection IDs (RFC 9146), if the file says so; else those of the link profile.
    pub connection_id_bytes: Option<u8>,
    /// Limits of the endpoint.
    pub endpoint: EndpointConfig,
    /// How many issued tokens are remembered. Default: [`MemoryStore::DEFAULT_CAPACITY`].
    pub max_issued_tokens: usize,
}

/// A private key and the algorithm that it is for.
#[derive(Debug, Clone)]
pub struct SigningKeyPair {
    /// The algorithm.
    pub algorithm: SignatureAlgorithm,
    /// The key pair.
    pub key: CoseKey,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: None,
            data_directory: None,
            issuer: None,
            token_path: "/token".to_owned(),
            signing_key: None,
            key_pair: None,
            certificates: None,
            link: LinkProfile::default(),
            connection_id_bytes: None,
            endpoint: EndpointConfig::default(),
            max_issued_tokens: MemoryStore::DEFAULT_CAPACITY,
        }
    }
}

impl Settings {
    /// Times and sizes of the DTLS handshakes.
    pub fn dtls(&self) -> MotekeyConfig {
        let profile = self.link.dtls();
        MotekeyConfig {
            handshake_time_limit: self.endpoint.handshake_time_limit,
            connection_id_length: self
                .connection_id_bytes
                .unwrap_or(profile.connection_id_length),
            ..profile
        }
    }

    /// Names of the settings that differ from those of `other`. They take effect when a server starts.
    pub fn changes(&self, other: &Self) -> Vec<&'static str> {
        let signing = |settings: &Self| {
            let pair = settings.signing_key.as_ref()?;
            Some((pair.algorithm, pair.key.public()))
        };
        let differ = [
            ("listen", self.listen != other.listen),
            (
                "data_directory",
                self.data_directory != other.data_directory,
            ),
            ("issuer", self.issuer != other.issuer),
            ("token_path", self.token_path != other.token_path),
            ("signing_key", signing(self) != signing(other)),
            ("key_pair", self.key_pair != other.key_pair),
            ("certificates", self.certificates != other.certificates),
            ("link", self.link != other.link),
            (
                "connection_id_bytes",
                self.connection_id_bytes != other.connection_id_bytes,
            ),
            (
                "limits",
                self.endpoint != other.endpoint
                    || self.max_issued_tokens != other.max_issued_tokens,
            ),
        ];
        differ
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect()
    }
}

pub(super) fn read(file: &File, secrets: &mut Secrets) -> Result<Settings, Problem> {
    let table = &file.authorization_server;
    let default = Settings::default();
    if let Some(path) = &table.token_path
        && path.get_ref().strip_prefix('/').is_none_or(str::is_empty)
    {
        let text = path.get_ref();
        let message = format!(
            "authorization_server: token_path = {text:?}, wanted a path such as \"/token\""
        );
        return Err(Problem::at(path.span(), message));
    }
    let key_pair = key_pair(file, secrets)?;
    let certificates = certificates::of_server(table, key_pair.as_ref(), secrets)?;
    Ok(Settings {
        certificates,
        listen: file.listen,
        data_directory: file
            .data_directory
            .as_ref()
            .map(|path| secrets.resolve(path)),
        issuer: table.issuer.clone(),
        token_path: table
            .token_path
            .as_ref()
            .map_or(default.token_path, |path| path.get_ref().clone()),
        signing_key: signing_key(file, secrets)?,
        key_pair,
        link: link(file)?,
        connection_id_bytes: connection_id_bytes(file)?,
        endpoint: limits::endpoint(link(file)?.endpoint(), &file.limits)?,
        max_issued_tokens: limits::issued_tokens(&file.limits)?
            .unwrap_or(default.max_issued_tokens),
    })
}

fn link(file: &File) -> Result<LinkProfile, Problem> {
    let Some(name) = &file.link else {
        return Ok(LinkProfile::default());
    };
    words::one_of(
        "link",
        name,
        &LinkProfile::ALL.map(|profile| (profile.name(), profile)),
    )
}

/// RFC 9146 Section 3: up to 255; more than 20 make no sense and are not supported.
fn connection_id_bytes(file: &File) -> Result<Option<u8>, Problem> {
    let Some(bytes) = &file.connection_id_bytes else {
        return Ok(None);
    };
    if *bytes.get_ref() > 20 {
        let text = format!(
            "connection_id_bytes = {}, 0 to 20 are possible",
            bytes.get_ref()
        );
        return Err(Problem::at(bytes.span(), text));
    }
    Ok(Some(*bytes.get_ref()))
}

/// The key pair of the DTLS handshakes: the private key is the scalar.
fn key_pair(file: &File, secrets: &mut Secrets) -> Result<Option<KeyPair>, Problem> {
    let table = &file.authorization_server;
    let source = KeySource {
        owner: "authorization_server",
        setting: "key_pair",
        inline: table.key_pair.as_ref(),
        file: table.key_pair_file.as_ref(),
    };
    let Some(secret) = secrets.key(&source)? else {
        return Ok(None);
    };
    let bytes = secret.get_ref().expose();
    let pair = <&[u8; 32]>::try_from(bytes).map(KeyPair::p256);
    pair.ok().and_then(Result::ok).map(Some).ok_or_else(|| {
        let text = format!(
            "authorization_server: key_pair: {} bytes, wanted a P-256 private key of 32; make one with: openssl rand -hex 32",
            bytes.len()
        );
        Problem::at(secret.span(), text)
    })
}

fn signing_key(file: &File, secrets: &mut Secrets) -> Result<Option<SigningKeyPair>, Problem> {
    let table = &file.authorization_server;
    let algorithm = match &table.signing_algorithm {
        None => SignatureAlgorithm::EdDsa,
        Some(name) => words::one_of(
            "authorization_server: signing_algorithm",
            name,
            &[
                ("EdDSA", SignatureAlgorithm::EdDsa),
                ("ES256", SignatureAlgorithm::Es256),
            ],
        )?,
    };
    let source = KeySource {
        owner: "authorization_server",
        setting: "signing_key",
        inline: table.signing_key.as_ref(),
        file: table.signing_key_file.as_ref(),
    };
    let Some(secret) = secrets.key(&source)? else {
        return match &table.signing_key_id {
            Some(id) => Err(Problem::at(
                id.span(),
                "authorization_server: signing_key_id without signing_key or signing_key_file",
            )),
            None => Ok(None),
        };
    };
    let wrong = |text: String| {
        Problem::at(
            secret.span(),
            format!(
                "authorization_server: signing_key: {text}; make one with: openssl rand -hex 32"
            ),
        )
    };
    let bytes = secret.get_ref().expose();
    let private: Zeroizing<[u8; 32]> = Zeroizing::new(
        bytes
            .try_into()
            .map_err(|_| wrong(format!("{} bytes, wanted a private key of 32", bytes.len())))?,
    );
    let id = match &table.signing_key_id {
        Some(id) => Some(words::identifier(
            "authorization_server: signing_key_id",
            id,
        )?),
        None => None,
    };
    let key = match algorithm {
        SignatureAlgorithm::EdDsa => CoseKey::ed25519(&rust::PROVIDER, &private, id.as_deref()),
        SignatureAlgorithm::Es256 => CoseKey::p256(&rust::PROVIDER, &private, id.as_deref()),
    }
    .map_err(|error| wrong(error.to_string()))?;
    Ok(Some(SigningKeyPair { algorithm, key }))
}
