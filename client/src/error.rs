//! What can go wrong, told by whose fault it is and what to do next.

mod advice;
mod unusable;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use motekey_coap::message::Code;
use motekey_cose::message::ErrorResponse;

use advice::{fmt_token_refused, upload_advice};

pub use advice::advice;
pub use unusable::Unusable;

use crate::cache::CacheError;

/// The other end of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The authorization server.
    AuthorizationServer,
    /// The resource server.
    ResourceServer,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AuthorizationServer => "authorization server",
            Self::ResourceServer => "resource server",
        })
    }
}

/// Whose fault an [`Error`] is. The numbers are exit codes of programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The other side refused, or answered something that must not be used.
    Refused,
    /// The caller asked for something impossible, or the configuration is incomplete.
    WrongUse,
    /// Nobody answered.
    CannotReach,
    /// This host: sockets, random numbers, memory limits.
    Local,
}

impl Fault {
    /// Exit code of a program that ends with this fault: 1 to 4.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::WrongUse => 2,
            Self::CannotReach => 3,
            Self::Local => 4,
        }
    }

    /// Stable word for machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::WrongUse => "wrong_use",
            Self::CannotReach => "cannot_reach",
            Self::Local => "local_fault",
        }
    }
}

/// Why a call did not come to an answer of the resource server. Each message says whose fault it is and what to do
/// next; none holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be used.
    InvalidUri {
        /// As given.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration contradicts itself or is incomplete.
    Configuration(String),
    /// The configuration names no authorization server for this resource server (RFC 9200 Section 5.1).
    NotConfigured {
        /// `coaps://host:port` of the resource server.
        resource_server: String,
    },
    /// The hints of the resource server name an authorization server that the configuration does not allow for it.
    ForeignAuthorizationServer {
        /// `coaps://host:port` of the resource server.
        resource_server: String,
        /// The URI in the hints.
        named: String,
    },
    /// The hints name an audience that is neither configured nor the host of the URL (RFC 9200 Section 6.9).
    ForeignAudience {
        /// `coaps://host:port` of the resource server.
        resource_server: String,
        /// The audience in the hints.
        named: String,
    },
    /// An unauthorized request gave no usable hints.
    NoHints {
        /// `coaps://host:port` of the resource server.
        resource_server: String,
        /// What it answered.
        code: Code,
        /// Why the answer is no help.
        reason: String,
    },
    /// The authorization server answered the token request with an error.
    TokenRefused {
        /// Response code.
        code: Code,
        /// The OAuth error, if the answer held one.
        error: Option<ErrorResponse>,
    },
    /// The token response must not be used.
    UnusableToken(Unusable),
    /// The resource server refused the token at authz-info.
    UploadRefused {
        /// Response code.
        code: Code,
    },
    /// The handshake was refused.
    HandshakeRefused {
        /// Who refused.
        role: Role,
        /// What the DTLS layer says.
        reason: String,
    },
    /// This device left the handshake: the other side did not prove to be who it should be, or does not speak as it
    /// should.
    HandshakeLeft {
        /// Who was to be there.
        role: Role,
        /// What the DTLS layer says.
        reason: String,
    },
    /// Nobody answered, or the name does not resolve.
    CannotReach {
        /// Who was asked.
        role: Role,
        /// Where.
        peer: String,
        /// What happened.
        reason: String,
    },
    /// The session ended while a request was under way: it may have been carried out or not.
    Interrupted {
        /// Who was asked.
        role: Role,
        /// What happened.
        reason: String,
    },
    /// The whole call took longer than its time limit.
    TimeLimit(Duration),
    /// The key of the session ended while the answer was under way: the answer is not used (RFC 9202 Section 3.4).
    KeyExpired,
    /// The file of the token cache cannot be used; it is left as it is.
    Cache {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: CacheError,
    },
    /// This host failed: sockets, random numbers, or a limit of this client.
    Local(String),
}

impl Error {
    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::InvalidUri { .. } | Self::Configuration(_) | Self::NotConfigured { .. } => {
                Fault::WrongUse
            }
            Self::ForeignAuthorizationServer { .. }
            | Self::ForeignAudience { .. }
            | Self::NoHints { .. }
            | Self::TokenRefused { .. }
            | Self::UnusableToken(_)
            | Self::UploadRefused { .. }
            | Self::HandshakeRefused { .. }
            | Self::HandshakeLeft { .. }
            | Self::KeyExpired => Fault::Refused,
            Self::CannotReach { .. } | Self::Interrupted { .. } | Self::TimeLimit(_) => {
                Fault::CannotReach
            }
            Self::Cache { reason, .. } if reason.is_wrong_use() => Fault::WrongUse,
            Self::Cache { .. } | Self::Local(_) => Fault::Local,
        }
    }
}

impl Error {
    /// The bare cause, for tables.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::HandshakeRefused { reason, .. }
            | Self::HandshakeLeft { reason, .. }
            | Self::CannotReach { reason, .. }
            | Self::Interrupted { reason, .. }
            | Self::Local(reason) => reason.clone(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUri { uri, reason } => {
                write!(
                    formatter,
                    "{uri:?} is not a usable URL: {reason}; write coaps://HOST[:PORT]/PATH"
                )
            }
            Self::Configuration(what) => {
                write!(formatter, "the configuration cannot be used: {what}")
            }
            Self::NotConfigured { resource_server } => write!(
                formatter,
                "no authorization server is configured for {resource_server}; add the resource server, and which \
                 authorization server may issue tokens for it, to the configuration"
            ),
            Self::ForeignAuthorizationServer {
                resource_server,
                named,
            } => write!(
                formatter,
                "{resource_server} names {named:?} as its authorization server, which the configuration does not \
                 allow for it; no token was requested. If it is right, configure it, otherwise find out who answered"
            ),
            Self::ForeignAudience {
                resource_server,
                named,
            } => write!(
                formatter,
                "{resource_server} names {named:?} as its audience, which anybody on the way could have written; no \
                 token was requested. If it is right, configure this audience for it, or trust hinted audiences"
            ),
            Self::NoHints {
                resource_server,
                code,
                reason,
            } => write!(
                formatter,
                "{resource_server} answered the unauthorized request with {code} and {reason}; give audience and \
                 scope in the configuration, then no hints are needed"
            ),
            Self::TokenRefused { code, error } => {
                fmt_token_refused(formatter, *code, error.as_ref())
            }
            Self::UnusableToken(reason) => write!(
                formatter,
                "the token response of the authorization server is not used: {reason}; ask its operator to correct \
                 the registration of this device or of the resource server"
            ),
            Self::UploadRefused { code } => write!(
                formatter,
                "the resource server refused the token with {code}: {}",
                upload_advice(*code)
            ),
            other => other.fmt_of_session(formatter),
        }
    }
}

impl Error {
    /// What went wrong on the way to a peer, or here.
    fn fmt_of_session(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandshakeRefused { role, reason } => write!(
                formatter,
                "the {role} refused the handshake: {reason}; {}",
                match role {
                    Role::AuthorizationServer => "check identity and key of this device, and that it is registered",
                    Role::ResourceServer => "it does not accept the token: check that it trusts this authorization server; if it \
                                             demands client nonces, configure that, and its port of plain CoAP",
                }
            ),
            Self::HandshakeLeft { role, reason } => write!(
                formatter,
                "what answers as the {role} is not trusted, so this device left the handshake: {reason}; {}",
                match role {
                    Role::AuthorizationServer => "check the configured address, and that the configured key is the one \
                                                  of the authorization server",
                    Role::ResourceServer => "check its address, and that the key that it has is the one that is \
                                             registered for it at the authorization server",
                }
            ),
            Self::CannotReach { role, peer, reason } => write!(
                formatter,
                "cannot reach the {role} at {peer}: {reason}; check address, port and network, and that it runs. \
                 A wrong key can look the same"
            ),
            Self::Interrupted { role, reason } => write!(
                formatter,
                "the session to the {role} ended while a request was under way ({reason}); it may have been carried \
                 out: look before you repeat it"
            ),
            Self::TimeLimit(limit) => write!(
                formatter,
                "no answer within {} ms; check the network, or allow more time",
                limit.as_millis()
            ),
            Self::KeyExpired => formatter.write_str(
                "the token ended while the answer was under way, so the answer is not used; ask again, or ask the \
                 operator for longer tokens",
            ),
            Self::Cache { path, reason } => {
                write!(formatter, "the token cache {}: {reason}", path.display())
            }
            Self::Local(reason) => write!(formatter, "this host failed: {reason}"),
            other => formatter.write_str(other.fault().name()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Unusable> for Error {
    fn from(reason: Unusable) -> Self {
        Self::UnusableToken(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_the_exit_codes_of_the_command_line() {
        let cases = [
            (
                Error::UploadRefused {
                    code: Code::UNAUTHORIZED,
                },
                1,
            ),
            (Error::Configuration("x".into()), 2),
            (Error::TimeLimit(Duration::from_secs(1)), 3),
            (Error::Local("x".into()), 4),
        ];
        for (error, exit_code) in cases {
            assert_eq!(error.fault().exit_code(), exit_code, "{error}");
        }
    }

    #[test]
    fn a_refused_scope_says_who_can_help() {
        let error = Error::TokenRefused {
            code: Code::BAD_REQUEST,
            error: Some(ErrorResponse {
                error: motekey_cose::message::ErrorCode::InvalidScope,
                description: Some("PUT /relay/1 is not allowed".into()),
                uri: None,
            }),
        };
        let text = error.to_string();
        assert!(
            text.contains("invalid_scope (6): PUT /relay/1 is not allowed"),
            "{text}"
        );
        assert!(
            text.contains("ask the operator to allow this scope"),
            "{text}"
        );
    }
}
