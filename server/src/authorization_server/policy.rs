//! What a device may have. Pure: records and a request in, a [`Grant`] or a reason out. What no rule allows is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use motekey_cose::message::{GrantType, ProfileRequest, TokenRequest};
use motekey_cose::scope::Scope;

use super::Refusal;
use crate::registry::{
    AccessRule, Audience, Device, Registry, ResourceServerRecord, ScopeKind, ScopeRule,
};

/// The proof that policy allowed a token. Only [`decide`] makes one, and nothing is issued without one.
///
/// ```compile_fail
/// use motekey_server::authorization_server::policy::Grant;
/// // Nobody else can make one: its fields are private and it has no constructor.
/// let grant = Grant { ..todo!() };
/// ```
#[derive(Debug)]
pub struct Grant {
    client: Arc<Device>,
    audience: Audience,
    profile: i64,
    scope: Scope,
    narrowed: bool,
}

impl Grant {
    /// Who gets the token.
    pub fn client(&self) -> &Arc<Device> {
        &self.client
    }

    /// Whom the token is for.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The value of `aud`.
    pub fn audience_name(&self) -> &Arc<str> {
        match &self.audience {
            Audience::One(record) => &record.audience,
            Audience::Many { group, .. } => &group.audience,
        }
    }

    /// The name that the token is recorded under.
    pub fn target_name(&self) -> &Arc<str> {
        match &self.audience {
            Audience::One(record) => &record.name,
            Audience::Many { group, .. } => &group.audience,
        }
    }

    /// The resource servers that the token is for, at least one.
    pub fn resource_servers(&self) -> &[Arc<ResourceServerRecord>] {
        self.audience.resource_servers()
    }

    /// The ACE profile between device and resource server.
    pub fn profile(&self) -> i64 {
        self.profile
    }

    /// What is granted.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it is less than what was asked, or was not asked at all.
    pub fn narrowed(&self) -> bool {
        self.narrowed
    }
}

/// Decides about a request of an authenticated device.
///
/// # Errors
/// The reason why there is no grant.
pub fn decide(
    registry: &Registry,
    client: &Arc<Device>,
    request: &TokenRequest,
) -> Result<Grant, Refusal> {
    // RFC 9200 Section 5.8.1: without grant_type it is client_credentials.
    if !matches!(
        request.grant_type,
        None | Some(GrantType::ClientCredentials)
    ) {
        return Err(Refusal::GrantType);
    }
    let name = audience_name(client, request.audience.as_deref())?;
    let audience = registry.audience(name).ok_or(Refusal::AudienceUnknown)?;
    let rules: Vec<&AccessRule> = client
        .rules
        .iter()
        .filter(|rule| *rule.audience == *name)
        .collect();
    if rules.is_empty() {
        return Err(Refusal::AudienceNotAllowed);
    }
    let resource_servers = audience.resource_servers();
    let profile = common_profile(client, resource_servers, request.ace_profile.as_ref())?;
    let kind = scope_kind(resource_servers)?;
    let (scope, narrowed) = match kind {
        ScopeKind::Text => text_scope(&rules, request.scope.as_ref())?,
        ScopeKind::Aif => aif_scope(&rules, request.scope.as_ref())?,
    };
    Ok(Grant {
        client: client.clone(),
        audience: audience.clone(),
        profile,
        scope,
        narrowed,
    })
}

/// The audience of the request; without one, the only audience that the device may use.
fn audience_name<'a>(client: &'a Device, asked: Option<&'a str>) -> Result<&'a str, Refusal> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    // RFC 9200 Section 5.8.1: without an audience and without a default the request is denied with invalid_request.
    let (first, rest) = client
        .rules
        .split_first()
        .ok_or(Refusal::Missing("audience"))?;
    if rest.iter().any(|rule| rule.audience != first.audience) {
        return Err(Refusal::Missing("audience"));
    }
    Ok(&first.audience)
}

fn common_profile(
    client: &Device,
    resource_servers: &[Arc<ResourceServerRecord>],
    asked: Option<&ProfileRequest>,
) -> Result<i64, Refusal> {
    let wanted = |profile: i64| match asked {
        Some(ProfileRequest::Use(asked)) => *asked == profile,
        _ => true,
    };
    // RFC 9200 Section 5.8.3: no common profile is incompatible_ace_profiles.
    client
        .profiles
        .iter()
        .copied()
        .find(|profile| {
            wanted(*profile)
                && resource_servers
                    .iter()
                    .all(|record| record.profiles.contains(profile))
        })
        .ok_or(Refusal::NoCommonProfile)
}

fn scope_kind(resource_servers: &[Arc<ResourceServerRecord>]) -> Result<ScopeKind, Refusal> {
    let (first, rest) = resource_servers
        .split_first()
        .ok_or(Refusal::AudienceUnknown)?;
    if rest
        .iter()
        .any(|record| record.scope_kind != first.scope_kind)
    {
        return Err(Refusal::ScopeKind);
    }
    Ok(first.scope_kind)
}

fn text_scope(rules: &[&AccessRule], asked: Option<&Scope>) -> Result<(Scope, bool), Refusal> {
    let allowed: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| match &rule.scope {
            ScopeRule::Text(words) => Some(words.iter().map(String::as_str)),
            ScopeRule::Aif(_) => None,
        })
        .flatten()
        .collect();
    let (granted, narrowed) = match asked {
        None => (allowed.into_iter().collect::<Vec<_>>(), true),
        Some(Scope::Binary(_)) => return Err(Refusal::ScopeKind),
        Some(scope @ Scope::Text(text)) => {
            check_scope_text(text)?;
            let mut seen = BTreeSet::new();
            let asked: Vec<&str> = scope.words().filter(|word| seen.insert(*word)).collect();
            let granted: Vec<&str> = asked
                .iter()
                .copied()
                .filter(|word| allowed.contains(word))
                .collect();
            let narrowed = granted.len() < asked.len();
            (granted, narrowed)
        }
    };
    if granted.is_empty() {
        return Err(Refusal::ScopeNotAllowed);
    }
    Ok((Scope::Text(granted.join(" ")), narrowed))
}

fn aif_scope(rules: &[&AccessRule], asked: Option<&Scope>) -> Result<(Scope, bool), Refusal> {
    let mut lists = rules.iter().filter_map(|rule| match &rule.scope {
        ScopeRule::Aif(aif) => Some(aif),
        ScopeRule::Text(_) => None,
    });
    let first = lists.next().ok_or(Refusal::ScopeNotAllowed)?;
    let merged;
    let allowed = match lists.next() {
        None => first,
        Some(second) => {
            merged = lists.fold(first.union(second), |all, list| all.union(list));
            &merged
        }
    };
    let asked = match asked {
        None => None,
        Some(Scope::Text(_)) => return Err(Refusal::ScopeKind),
        Some(scope) => Some(
            scope
                .aif()
                .map_err(|error| Refusal::ScopeMalformed(error.to_string()))?,
        ),
    };
    let granted = match &asked {
        None => allowed.clone(),
        Some(asked) => asked.intersection(allowed),
    };
    // RFC 9237 Section 6: bits that nobody here understands are never granted.
    let granted = granted.understood();
    if granted.is_empty() {
        return Err(Refusal::ScopeNotAllowed);
    }
    let narrowed = asked
        .as_ref()
        .is_none_or(|asked| !asked.is_subset_of(&granted));
    Ok((Scope::from(&granted), narrowed))
}

/// RFC 6749 Section 3.3: printable ASCII without quotation mark and backslash, words with single spaces between.
fn check_scope_text(text: &str) -> Result<(), Refusal> {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    if text.split(' ').all(word) {
        Ok(())
    } else {
        Err(Refusal::ScopeMalformed(
            "not a list of words of RFC 6749 Section 3.3".to_owned(),
        ))
    }
}
