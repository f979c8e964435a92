//! What commands do.

use std::collections::BTreeMap;
use std::sync::Arc;

use motekey_cose::revocation::TokenHash;

use super::words::bytes;
use super::{Command, DeviceState, Knows, Place, Reply, Revoked, TokenState, Which};
use crate::authorization_server::AuthorizationServer;
use crate::authorization_server::revocation::Spread;
use crate::registry::Device;
use crate::store::{IssuedToken, StoreError, TokenQuery, TokenSelection};

/// Devices in one answer.
const DEVICES: usize = 500;

/// What was done, and what resource servers are waited for.
pub(super) struct Outcome {
    reply: Reply,
    spread: Spread,
}

impl Outcome {
    /// The resource servers that are waited for.
    pub(super) const fn spread(&self) -> &Spread {
        &self.spread
    }

    /// The reply, with what the resource servers know by now.
    pub(super) fn finish(self, known_by: Vec<Knows>) -> Reply {
        match self.reply {
            Reply::Revoked(revoked) => Reply::Revoked(Revoked {
                known_by,
                ..revoked
            }),
            reply => reply,
        }
    }
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self {
            reply,
            spread: Spread::default(),
        }
    }
}

/// Does what a command says.
pub(super) async fn execute(server: &AuthorizationServer, command: Command) -> Outcome {
    let outcome = match command {
        Command::TokenList { device, after } => token_list(server, device, after).await,
        Command::TokenRevoke(which) => token_revoke(server, &which).await,
        Command::DeviceList { after } => device_list(server, after.as_deref()).await,
        Command::DeviceDisabled {
            device,
            disabled: true,
        } => disable(server, &device).await,
        Command::DeviceDisabled { device, .. } => enable(server, &device).await,
    };
    outcome.unwrap_or_else(|error| {
        let next = "look at the log of the server, and do it again".to_owned();
        let problem = error.to_string();
        Reply::Failed { problem, next }.into()
    })
}

/// What resource servers know.
pub(super) fn known_by(server: &AuthorizationServer, spread: &Spread) -> Vec<Knows> {
    let reached = server.reached(spread);
    reached.into_iter().map(Knows::from).collect()
}

async fn token_list(
    server: &AuthorizationServer,
    device: Option<String>,
    after: Option<Place>,
) -> Result<Outcome, StoreError> {
    if let Some(name) = &device
        && server.registry().device(name).is_none()
    {
        return Ok(no_device(name));
    }
    let place = match &after {
        None => None,
        Some(place) => match place.read() {
            Some(place) => Some(place),
            None => {
                return Ok(refused(
                    "the place to go on from is none",
                    "motekey token list",
                ));
            }
        },
    };
    let query = TokenQuery {
        client: device.as_deref().map(Arc::from),
        after: place,
        ..TokenQuery::default()
    };
    let page = server.tokens(&query).await?;
    let next = page.last.as_ref().filter(|_| page.more).map(Place::new);
    let tokens = states(server, &page.tokens).await?;
    Ok(Reply::Tokens { tokens, next }.into())
}

/// Tokens with the resource servers that know, of those that were revoked.
async fn states(
    server: &AuthorizationServer,
    tokens: &[Arc<IssuedToken>],
) -> Result<Vec<TokenState>, StoreError> {
    let mut states = Vec::new();
    for token in tokens {
        let spread = match token.revoked_at {
            Some(_) => server.spread([token]).await?,
            None => Spread::default(),
        };
        states.push(TokenState::new(token, known_by(server, &spread)));
    }
    Ok(states)
}

async fn token_revoke(server: &AuthorizationServer, which: &Which) -> Result<Outcome, StoreError> {
    let registry = server.registry();
    let selection = match which {
        Which::Device(name) if registry.device(name).is_none() => return Ok(no_device(name)),
        Which::Device(name) => TokenSelection::Client(name.as_str().into()),
        Which::ResourceServer(name) if registry.resource_server(name).is_none() => {
            return Ok(refused(
                &format!("no resource server has the name {name}"),
                "motekey token list",
            ));
        }
        Which::ResourceServer(name) => TokenSelection::ResourceServer(name.as_str().into()),
        Which::Key(text) => match bytes(text) {
            Some(key) => TokenSelection::Key(key),
            None => return Ok(no_hexadecimal(text)),
        },
        Which::Token(text) => match token_selection(server, text).await? {
            Ok(selection) => selection,
            Err(refusal) => return Ok(refusal),
        },
    };
    let revoked = server.revoke(&selection).await?;
    if revoked.is_empty() {
        return Ok(refused(
            "no live token is chosen by that: nothing was revoked",
            "motekey token list shows what was revoked before, and when",
        ));
    }
    told(server, &revoked).await
}

/// The token with an id or a hash.
async fn token_selection(
    server: &AuthorizationServer,
    text: &str,
) -> Result<Result<TokenSelection, Outcome>, StoreError> {
    let Some(name) = bytes(text) else {
        return Ok(Err(no_hexadecimal(text)));
    };
    if let Some(hash) = TokenHash::from_bytes(&name) {
        return Ok(Ok(TokenSelection::Hash(hash)));
    }
    let mut query = TokenQuery {
        token_id: Some(name),
        ..TokenQuery::default()
    };
    let mut found: Vec<Arc<IssuedToken>> = Vec::new();
    loop {
        let page = server.tokens(&query).await?;
        found.extend(page.tokens);
        if !page.more || found.len() > 1 {
            break;
        }
        query.after = page.last;
    }
    Ok(match found.as_slice() {
        [token] => Ok(TokenSelection::Hash(token.token_hash)),
        [] => Err(refused(
            &format!("no token has the id {text}"),
            "motekey token list",
        )),
        _ => Err(refused(
            &format!("tokens for several resource servers have the id {text}"),
            "motekey token list --json, and motekey token revoke with the hash of the one that is meant",
        )),
    })
}

async fn told(
    server: &AuthorizationServer,
    revoked: &[Arc<IssuedToken>],
) -> Result<Outcome, StoreError> {
    let spread = server.spread(revoked).await?;
    let first = revoked.get(..TokenQuery::LONGEST).unwrap_or(revoked);
    let tokens = first.iter().map(|token| TokenState::new(token, Vec::new()));
    let revoked = Revoked {
        count: revoked.len(),
        tokens: tokens.collect(),
        known_by: Vec::new(),
    };
    Ok(Outcome {
        reply: Reply::Revoked(revoked),
        spread,
    })
}

async fn device_list(
    server: &AuthorizationServer,
    after: Option<&str>,
) -> Result<Outcome, StoreError> {
    let registry = server.registry();
    let mut devices: Vec<&Arc<Device>> = registry
        .devices()
        .filter(|device| after.is_none_or(|after| &*device.name > after))
        .collect();
    devices.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let more = devices.len() > DEVICES;
    devices.truncate(DEVICES);
    let next = devices
        .last()
        .filter(|_| more)
        .map(|last| last.name.to_string());
    let mut revoked = revoked_of_disabled(server, &devices).await?;
    let mut states = Vec::new();
    for device in devices {
        let tokens = revoked.remove(&device.name).unwrap_or_default();
        let spread = server.spread(&tokens).await?;
        states.push(DeviceState::new(device, known_by(server, &spread)));
    }
    let devices = states;
    Ok(Reply::Devices { devices, next }.into())
}

/// The revoked tokens of those devices that are disabled. Looks at every token, if there is such a device.
async fn revoked_of_disabled(
    server: &AuthorizationServer,
    devices: &[&Arc<Device>],
) -> Result<BTreeMap<Arc<str>, Vec<Arc<IssuedToken>>>, StoreError> {
    let disabled = devices.iter().filter(|device| device.disabled);
    let mut revoked: BTreeMap<_, Vec<_>> = disabled
        .map(|device| (device.name.clone(), Vec::new()))
        .collect();
    let mut query = TokenQuery::default();
    let mut more = !revoked.is_empty();
    while more {
        let page = server.tokens(&query).await?;
        for token in page.tokens {
            if let Some(tokens) = revoked.get_mut(&token.client)
                && token.revoked_at.is_some()
            {
                tokens.push(token);
            }
        }
        more = page.more;
        query.after = page.last;
    }
    Ok(revoked)
}

async fn disable(server: &AuthorizationServer, name: &str) -> Result<Outcome, StoreError> {
    match server.disable_device(name).await? {
        Some(revoked) => told(server, &revoked).await,
        None => Ok(no_device(name)),
    }
}

async fn enable(server: &AuthorizationServer, name: &str) -> Result<Outcome, StoreError> {
    Ok(match server.enable_device(name).await? {
        Some(true) => Reply::Enabled.into(),
        Some(false) => refused(
            &format!("the configuration file disables {name}"),
            "take `disabled` from its record in the file, then send SIGHUP to the server",
        ),
        None => no_device(name),
    })
}

fn no_device(name: &str) -> Outcome {
    refused(
        &format!("no device has the name {name}"),
        "motekey device list",
    )
}

fn no_hexadecimal(text: &str) -> Outcome {
    refused(
        &format!("{text} is not hexadecimal"),
        "motekey token list shows ids and keys",
    )
}

fn refused(problem: &str, next: &str) -> Outcome {
    let (problem, next) = (problem.to_owned(), next.to_owned());
    Reply::Refused { problem, next }.into()
}
