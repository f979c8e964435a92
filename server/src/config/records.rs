//! From the tables of the file to the records of the registry.

mod keys;

use std::collections::HashMap;
use std::ops::Range;

use motekey_coap::dtls::PreSharedKey;
use motekey_cose::envelope::HeaderPlacement;
use motekey_cose::registry::profile;
use motekey_cose::token::TokenTags;
use toml::Spanned;

use super::certificates;
use super::file::{DeviceTable, File, GroupTable, ResourceServerTable};
use super::problem::Problem;
use super::scope;
use super::secret::{KeySource, NEW_KEY, Secrets};
use super::words::{identifier, one_of, pop_keys, profiles, public_key};
use crate::registry::{
    AccessRule, Audience, Device, DeviceCredential, Group, Registry, RegistryError,
    ResourceServerRecord, ScopeKind,
};

/// Reads all records. `signs` tells whether the server has a key that signs tokens.
pub(super) fn read(file: &File, signs: bool, secrets: &mut Secrets) -> Result<Registry, Problem> {
    let mut registry = Registry::new();
    let mut names = Names::default();
    for table in &file.resource_server {
        names.take(&table.name)?;
        let (record, places) = resource_server(table, signs, secrets)?;
        registry
            .put_resource_server(record)
            .map_err(|error| places.refuse(&error))?;
    }
    for table in &file.group {
        names.take(&table.audience)?;
        group(table, signs, &mut registry)?;
    }
    for table in &file.device {
        names.take(&table.name)?;
        let (device, places) = device(table, &registry, secrets)?;
        registry
            .put_device(device)
            .map_err(|error| places.refuse(&error))?;
    }
    Ok(registry)
}

/// Which names are taken. The registry would replace the former record.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, Range<usize>>);

impl<'a> Names<'a> {
    fn take(&mut self, name: &'a Spanned<String>) -> Result<(), Problem> {
        match self.0.insert(name.get_ref(), name.span()) {
            None => Ok(()),
            Some(_) => Err(Problem::at(
                name.span(),
                format!("{}: the name stands in this file twice", name.get_ref()),
            )),
        }
    }
}

/// Where the parts of a record stand in the file.
struct Places {
    name: Range<usize>,
    key: Range<usize>,
    identity: Range<usize>,
    audience: Range<usize>,
    lifetime: Range<usize>,
}

impl Places {
    fn at(name: &Spanned<String>) -> Self {
        Self {
            name: name.span(),
            key: name.span(),
            identity: name.span(),
            audience: name.span(),
            lifetime: name.span(),
        }
    }

    /// What the registry refused, at the line that is the reason.
    fn refuse(&self, error: &RegistryError) -> Problem {
        use RegistryError as E;
        let place = match error {
            E::WeakKey { .. } | E::KeyInUse { .. } => {
                return Problem::at(self.key.clone(), format!("{error}; {NEW_KEY}"));
            }
            E::KeyLength { .. }
            | E::UnusablePublicKey { .. }
            | E::PublicKeyInUse { .. }
            | E::CertificateInUse { .. }
            | E::TwoKeysOfOneAlgorithm { .. } => &self.key,
            E::UnusableIdentity { .. } | E::IdentityInUse { .. } => &self.identity,
            E::AudienceInUse { .. } => &self.audience,
            E::UnusableLifetime { .. } => &self.lifetime,
            _ => &self.name,
        };
        Problem::at(place.clone(), error.to_string())
    }
}

fn resource_server(
    table: &ResourceServerTable,
    signs: bool,
    secrets: &mut Secrets,
) -> Result<(ResourceServerRecord, Places), Problem> {
    let name = table.name.get_ref();
    let mut places = Places::at(&table.name);
    let public_keys = table.public_keys.as_deref().unwrap_or_default();
    let public = public_keys
        .iter()
        .map(|key| public_key(name, "public_keys", key))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(first) = public_keys.first() {
        places.key = first.span();
    }
    let shared = keys::shared_key(table, secrets, &mut places)?;
    let certificate = certificates::of_resource_server(table, secrets)?;
    let mut record = match (shared, public.first(), &certificate) {
        (Some(shared), ..) => ResourceServerRecord::new(name, shared),
        (None, None, None) => {
            return Err(Problem::at(
                table.name.span(),
                format!(
                    "{name}: no key; set shared_key, shared_key_file, public_keys or certificate_file"
                ),
            ));
        }
        (None, ..) if !signs => {
            return Err(Problem::at(
                table.name.span(),
                format!(
                    "{name}: without shared_key its tokens are signed; set signing_key_file in [authorization_server]"
                ),
            ));
        }
        (None, Some(first), _) => ResourceServerRecord::with_public_key(name, first.clone()),
        (None, None, Some(certificate)) => {
            ResourceServerRecord::with_certificate(name, certificate)
        }
    };
    record.certificate = certificate;
    record.public_keys = public;
    if let Some(audience) = &table.audience {
        record.audience = audience.get_ref().as_str().into();
        places.audience = audience.span();
    }
    if let Some(seconds) = &table.token_lifetime_seconds {
        record.token_lifetime = *seconds.get_ref();
        places.lifetime = seconds.span();
    }
    record.clockless = table.clockless.unwrap_or(record.clockless);
    record.subject_in_token = table.subject_in_token.unwrap_or(record.subject_in_token);
    record.derivation_key = keys::derivation_key(table, secrets)?;
    record.credential = keys::session_credential(table, secrets, &mut places)?;
    choices(table, &mut record)?;
    Ok((record, places))
}

/// The settings of a resource server that are words.
fn choices(table: &ResourceServerTable, record: &mut ResourceServerRecord) -> Result<(), Problem> {
    let name = table.name.get_ref();
    let of = |setting| format!("{name}: {setting}");
    if let Some(kind) = &table.scope_kind {
        let kinds = [("aif", ScopeKind::Aif), ("text", ScopeKind::Text)];
        record.scope_kind = one_of(&of("scope_kind"), kind, &kinds)?;
    }
    if let Some(tags) = &table.token_tags {
        let kinds = [
            ("none", TokenTags::None),
            ("cose", TokenTags::Cose),
            ("cwt_and_cose", TokenTags::CwtAndCose),
        ];
        record.token_style.tags = one_of(&of("token_tags"), tags, &kinds)?;
    }
    if let Some(headers) = &table.token_headers {
        let kinds = [
            ("protected", HeaderPlacement::Protected),
            ("unprotected", HeaderPlacement::Unprotected),
        ];
        record.token_style.headers = one_of(&of("token_headers"), headers, &kinds)?;
    }
    if let Some(list) = &table.profiles {
        record.profiles = profiles(name, list)?;
    }
    if let Some(list) = &table.pop_keys {
        record.pop_keys = pop_keys(name, list)?;
    }
    Ok(())
}

fn group(table: &GroupTable, signs: bool, registry: &mut Registry) -> Result<(), Problem> {
    let name = table.audience.get_ref();
    // RFC 9200 Section 6.1: a token for several resource servers is signed.
    if !signs {
        return Err(Problem::at(
            table.audience.span(),
            format!(
                "{name}: tokens for groups are signed; set signing_key_file in [authorization_server]"
            ),
        ));
    }
    let kinds: Vec<_> = table
        .members
        .get_ref()
        .iter()
        .filter_map(|member| registry.resource_server(member))
        .map(|record| record.scope_kind)
        .collect();
    if kinds
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one != other))
    {
        return Err(Problem::at(
            table.members.span(),
            format!("{name}: the members of a group have one scope_kind"),
        ));
    }
    let group = Group {
        audience: name.as_str().into(),
        members: table
            .members
            .get_ref()
            .iter()
            .map(|member| member.as_str().into())
            .collect(),
    };
    registry.put_group(group).map_err(|error| {
        let place = match error {
            RegistryError::EmptyGroup { .. } | RegistryError::UnknownMember { .. } => {
                table.members.span()
            }
            _ => table.audience.span(),
        };
        Problem::at(place, error.to_string())
    })
}

fn device(
    table: &DeviceTable,
    registry: &Registry,
    secrets: &mut Secrets,
) -> Result<(Device, Places), Problem> {
    let name = table.name.get_ref();
    let mut places = Places::at(&table.name);
    let credential = device_credential(table, secrets, &mut places)?;
    let device = Device {
        name: name.as_str().into(),
        credential,
        profiles: match &table.profiles {
            Some(list) => profiles(name, list)?,
            None => vec![profile::COAP_DTLS],
        },
        rules: table
            .allow
            .iter()
            .map(|(audience, lines)| access_rule(name, registry, audience, lines))
            .collect::<Result<_, _>>()?,
        disabled: table.disabled.unwrap_or_default(),
        administrator: table.administrator.unwrap_or_default(),
    };
    Ok((device, places))
}

fn device_credential(
    table: &DeviceTable,
    secrets: &mut Secrets,
    places: &mut Places,
) -> Result<DeviceCredential, Problem> {
    let name = table.name.get_ref();
    let source = KeySource {
        owner: name,
        setting: "key",
        inline: table.key.as_ref(),
        file: table.key_file.as_ref(),
    };
    let certificate = certificates::of_device(table, secrets)?;
    match (secrets.key(&source)?, &table.public_key, certificate) {
        (Some(key), None, None) => {
            places.key = key.span();
            pre_shared_key(table, key.into_inner(), places)
        }
        (None, Some(key), None) => {
            places.key = key.span();
            public_key(name, "public_key", key).map(DeviceCredential::RawPublicKey)
        }
        (None, None, Some(thumbprint)) => {
            places.key = thumbprint.span();
            Ok(DeviceCredential::Certificate(thumbprint.into_inner()))
        }
        (None, None, None) => Err(Problem::at(
            table.name.span(),
            format!("{name}: no key; set key, key_file, public_key or certificate_file; {NEW_KEY}"),
        )),
        (Some(_), Some(key), _) => Err(Problem::at(
            key.span(),
            format!("{name}: key and public_key, one of them is enough"),
        )),
        (_, _, Some(thumbprint)) => Err(Problem::at(
            thumbprint.span(),
            format!("{name}: a certificate and another key, one of them is enough"),
        )),
    }
}

fn pre_shared_key(
    table: &DeviceTable,
    key: PreSharedKey,
    places: &mut Places,
) -> Result<DeviceCredential, Problem> {
    let identity = match &table.identity {
        None => table.name.get_ref().as_bytes().to_vec(),
        Some(identity) => {
            places.identity = identity.span();
            identifier(&format!("{}: identity", table.name.get_ref()), identity)?
        }
    };
    Ok(DeviceCredential::PreSharedKey { identity, key })
}

fn access_rule(
    device: &str,
    registry: &Registry,
    audience: &Spanned<String>,
    lines: &[Spanned<String>],
) -> Result<AccessRule, Problem> {
    let name = audience.get_ref();
    let kind = registry
        .audience(name)
        .map(Audience::resource_servers)
        .and_then(<[_]>::first)
        .map(|record| record.scope_kind)
        .ok_or_else(|| {
            Problem::at(
                audience.span(),
                format!("{device}: no resource server or group has the audience {name:?}; add a [[resource_server]]"),
            )
        })?;
    if lines.is_empty() {
        return Err(Problem::at(
            audience.span(),
            format!(
                "{device}: an empty list for {name:?}; list what is allowed, or remove the line"
            ),
        ));
    }
    Ok(AccessRule {
        audience: name.as_str().into(),
        scope: scope::rule(device, kind, lines)?,
    })
}
