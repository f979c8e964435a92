//! What is kept of a token, and its bytes.

use std::time::Duration;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::cbor::{
    ArrayReader, CborError, Label, Limits, MapReader, MapWriter, Value, Writer,
};
use motekey_cose::confirmation::CertificateHash;
use motekey_cose::message::Secret;
use motekey_cose::scope::Scope;
use zeroize::Zeroizing;

use crate::token::{Access, ProofKey};

/// One token, with everything that decides whether it may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `coaps://host:port` of the resource server.
    pub(crate) resource_server: String,
    /// URI of the token endpoint that issued it.
    pub(crate) issuer: String,
    /// Who the device was there.
    pub(crate) device: Vec<u8>,
    /// End in seconds since 1970, if the date was known.
    pub(crate) ends_at: Option<u64>,
    /// Seconds that were left when the file was written.
    pub(crate) seconds_left: u64,
    /// The token; its `expires_at` belongs to a clock that is gone.
    pub(crate) access: Access,
}

/// The content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// When it was written, in seconds since 1970, if the date was known.
    pub(crate) written_at: Option<u64>,
    pub(crate) entries: Vec<Entry>,
}

const NAMES: &[Label] = &[];
const WRITTEN_AT: i64 = 1;
const ENTRIES: i64 = 2;

const RESOURCE_SERVER: i64 = 1;
const ISSUER: i64 = 2;
const DEVICE: i64 = 3;
const TOKEN: i64 = 4;
const KEY_ID: i64 = 5;
const KEY: i64 = 6;
const PROFILE: i64 = 7;
const ENDS_AT: i64 = 8;
const SECONDS_LEFT: i64 = 9;
const LIFETIME: i64 = 10;
const AUDIENCE: i64 = 11;
const SCOPE: i64 = 12;
const ASKED_SCOPE: i64 = 13;
const REFRESH_TOKEN: i64 = 14;
const OWN_KEY: i64 = 15;
const SERVER_KEY: i64 = 16;
const OWN_CERTIFICATE: i64 = 17;
const SERVER_CERTIFICATE: i64 = 18;

/// Room for one entry besides the token.
const CAPACITY: usize = 2048;

impl Content {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let tokens: usize = self
            .entries
            .iter()
            .map(|entry| entry.access.token.len())
            .sum();
        let capacity = self
            .entries
            .len()
            .saturating_mul(CAPACITY)
            .saturating_add(tokens);
        let mut map = MapWriter::with_capacity(capacity.saturating_add(CAPACITY));
        map.unsigned(WRITTEN_AT, self.written_at);
        let writer = map.entry(ENTRIES);
        writer.array(self.entries.len());
        for entry in &self.entries {
            entry.write(writer);
        }
        Zeroizing::new(map.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let limits = Limits {
            bytes: bytes.len(),
            items: 1 << 16,
            ..Limits::DEFAULT
        };
        let mut members = MapReader::parse(bytes, limits, NAMES)?;
        let mut content = Self::default();
        while let Some((label, value)) = members.next_member()? {
            match label {
                WRITTEN_AT => content.written_at = Some(value.unsigned()?),
                ENTRIES => content.entries = read_entries(value.array()?)?,
                _ => {}
            }
        }
        Ok(content)
    }
}

fn read_entries(mut array: ArrayReader<'_>) -> Result<Vec<Entry>, CborError> {
    let mut entries = Vec::new();
    while let Some(value) = array.next_element()? {
        // An entry of which a part is missing is of no use; the others are.
        entries.extend(Entry::read(&value)?);
    }
    Ok(entries)
}

impl Entry {
    fn write(&self, writer: &mut Writer) {
        let access = &self.access;
        let mut map = MapWriter::with_capacity(CAPACITY.saturating_add(access.token.len()));
        map.text(RESOURCE_SERVER, Some(&self.resource_server));
        map.text(ISSUER, Some(&self.issuer));
        map.bytes(DEVICE, Some(&self.device));
        map.bytes(TOKEN, Some(&access.token));
        map.bytes(KEY_ID, access.key.kid());
        if let ProofKey::PreShared { secret, .. } = &access.key {
            map.bytes(KEY, Some(secret.expose()));
        }
        map.integer(PROFILE, Some(access.profile));
        map.unsigned(ENDS_AT, self.ends_at);
        map.unsigned(SECONDS_LEFT, Some(self.seconds_left));
        map.unsigned(LIFETIME, Some(access.lifetime.as_secs()));
        map.text(AUDIENCE, access.audience.as_deref());
        write_scope(&mut map, SCOPE, access.scope.as_ref());
        write_scope(&mut map, ASKED_SCOPE, access.asked_scope.as_ref());
        map.bytes(
            REFRESH_TOKEN,
            access.refresh_token.as_ref().map(Secret::expose),
        );
        if let ProofKey::Public { own, server, .. } = &access.key {
            map.bytes(OWN_KEY, Some(own));
            map.bytes(SERVER_KEY, Some(server));
        }
        if let ProofKey::Certificate { own, server } = &access.key {
            map.bytes(OWN_CERTIFICATE, Some(own.as_bytes()));
            let server = server.as_ref().map(CertificateHash::as_bytes);
            map.bytes(SERVER_CERTIFICATE, server);
        }
        writer.encoded(&Zeroizing::new(map.finish()));
    }

    fn read(value: &Value<'_>) -> Result<Option<Self>, CborError> {
        let mut members = value.map(NAMES)?;
        let mut parts = Parts::default();
        while let Some((label, value)) = members.next_member()? {
            match label {
                RESOURCE_SERVER => parts.resource_server = Some(value.text()?.to_owned()),
                ISSUER => parts.issuer = Some(value.text()?.to_owned()),
                DEVICE => parts.device = Some(value.bytes()?.to_vec()),
                TOKEN => parts.token = Some(value.bytes()?.to_vec()),
                KEY_ID => parts.kid = Some(value.bytes()?.to_vec()),
                KEY => parts.secret = Some(PreSharedKey::new(value.bytes()?.to_vec())),
                OWN_KEY => parts.own = Some(value.bytes()?.to_vec()),
                SERVER_KEY => parts.server = Some(value.bytes()?.to_vec()),
                OWN_CERTIFICATE => parts.own_certificate = Some(value.bytes()?.to_vec()),
                SERVER_CERTIFICATE => parts.server_certificate = Some(value.bytes()?.to_vec()),
                PROFILE => parts.profile = Some(value.integer()?),
                ENDS_AT => parts.ends_at = Some(value.unsigned()?),
                SECONDS_LEFT => parts.seconds_left = Some(value.unsigned()?),
                LIFETIME => parts.lifetime = Some(value.unsigned()?),
                AUDIENCE => parts.audience = Some(value.text()?.to_owned()),
                SCOPE => parts.scope = Some(read_scope(&value)?),
                ASKED_SCOPE => parts.asked_scope = Some(read_scope(&value)?),
                REFRESH_TOKEN => parts.refresh_token = Some(Secret::from(value.bytes()?)),
                _ => {}
            }
        }
        Ok(parts.entry())
    }
}

/// The members of an entry as they come.
#[derive(Default)]
struct Parts {
    resource_server: Option<String>,
    issuer: Option<String>,
    device: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
    kid: Option<Vec<u8>>,
    secret: Option<PreSharedKey>,
    own: Option<Vec<u8>>,
    server: Option<Vec<u8>>,
    own_certificate: Option<Vec<u8>>,
    server_certificate: Option<Vec<u8>>,
    profile: Option<i64>,
    ends_at: Option<u64>,
    seconds_left: Option<u64>,
    lifetime: Option<u64>,
    audience: Option<String>,
    scope: Option<Scope>,
    asked_scope: Option<Scope>,
    refresh_token: Option<Secret>,
}

impl Parts {
    fn entry(self) -> Option<Entry> {
        let key = match (self.secret, self.own, self.server, self.own_certificate) {
            (Some(secret), None, None, None) => ProofKey::PreShared {
                kid: self.kid?,
                secret,
            },
            (None, Some(own), Some(server), None) => ProofKey::Public {
                own,
                kid: self.kid,
                server,
            },
            (None, None, None, Some(own)) => ProofKey::Certificate {
                own: CertificateHash::from_bytes(&own)?,
                server: match self.server_certificate {
                    Some(bytes) => Some(CertificateHash::from_bytes(&bytes)?),
                    None => None,
                },
            },
            _ => return None,
        };
        let access = Access {
            token: self.token?,
            key,
            profile: self.profile?,
            expires_at: motekey_coap::time::Instant::ZERO,
            lifetime: Duration::from_secs(self.lifetime?),
            audience: self.audience,
            scope: self.scope,
            asked_scope: self.asked_scope,
            refresh_token: self.refresh_token,
        };
        Some(Entry {
            resource_server: self.resource_server?,
            issuer: self.issuer?,
            device: self.device?,
            ends_at: self.ends_at,
            seconds_left: self.seconds_left?,
            access,
        })
    }
}

fn write_scope(map: &mut MapWriter, label: i64, scope: Option<&Scope>) {
    match scope {
        Some(Scope::Text(text)) => map.text(label, Some(text)),
        Some(Scope::Binary(bytes)) => map.bytes(label, Some(bytes)),
        None => {}
    }
}

fn read_scope(value: &Value<'_>) -> Result<Scope, CborError> {
    match value.bytes() {
        Ok(bytes) => Ok(Scope::Binary(bytes.to_vec())),
        Err(_) => Ok(Scope::Text(value.text()?.to_owned())),
    }
}
