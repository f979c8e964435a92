//! Why no token: the whole reason for us, the OAuth error for the peer, chosen here and nowhere else.

use std::fmt;

use motekey_coap::message::{Code, ContentFormat, Response};
use motekey_cose::message::{ErrorCode, ErrorResponse, MessageError};

use crate::store::StoreError;

/// Why a token request was refused.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The request came over a channel without DTLS.
    NotSecured,
    /// The peer of the session is not registered.
    UnknownPeer,
    /// The peer of the session was registered with another credential when it was opened.
    CredentialChanged,
    /// The payload is not the map that is wanted.
    Malformed(MessageError),
    /// The payload is empty.
    NoPayload,
    /// A member is needed and there is no default.
    Missing(&'static str),
    /// A grant type that is not supported.
    GrantType,
    /// The audience is not registered.
    AudienceUnknown,
    /// No rule lets the device use the audience.
    AudienceNotAllowed,
    /// The scope is text where bytes are understood, or the other way round.
    ScopeKind,
    /// The scope is not valid.
    ScopeMalformed(String),
    /// Nothing of the scope may be granted.
    ScopeNotAllowed,
    /// Device and resource server speak no common profile.
    NoCommonProfile,
    /// The request brings a symmetric key.
    SymmetricKeyValue,
    /// The request brings no key, or names one, where a public key is needed.
    PublicKeyNeeded,
    /// The key of the request is not the key of the session.
    KeyNotProven,
    /// The resource server cannot use the key.
    KeyNotUsable,
    /// The key id is not one of a live token of this device for this audience.
    KeyUnknown,
    /// The store has the ids of this token already, also after other numbers were tried.
    KeyTaken,
    /// A symmetric key for a group audience.
    GroupKey,
    /// The device has all the tokens it may have for now.
    TooMany {
        /// When it may ask again.
        seconds: u32,
    },
    /// The store failed.
    Store(StoreError),
    /// The token could not be made; the text is for logs.
    Internal(String),
}

/// Where the reason belongs and what the peer learns of it.
struct Verdict {
    name: &'static str,
    /// The OAuth error of RFC 9200 Section 5.8.3; none for faults of the server and of the channel.
    error: Option<ErrorCode>,
    code: Code,
    description: Option<&'static str>,
}

impl Refusal {
    /// One word for tables and alarms.
    pub fn name(&self) -> &'static str {
        self.verdict().name
    }

    /// The OAuth error that the peer is told, if the fault is one of its request.
    pub fn error(&self) -> Option<ErrorCode> {
        self.verdict().error
    }

    /// The answer. Its description helps a developer and tells nothing about who else is registered or allowed what.
    pub fn response(&self) -> Response {
        let verdict = self.verdict();
        let Some(error) = verdict.error else {
            let response = Response::new(verdict.code);
            return match self {
                // RFC 8516 Section 3: Max-Age says when the client may ask again.
                Self::TooMany { seconds } => response.max_age(*seconds),
                _ => response,
            };
        };
        let description = match self {
            Self::Malformed(error) => Some(error.to_string()),
            Self::Missing(member) => Some(format!("{member} is missing and there is no default")),
            _ => verdict.description.map(str::to_owned),
        };
        let body = ErrorResponse {
            error,
            description,
            uri: None,
        };
        // RFC 9200 Section 5.8.3: the error is a CBOR map, Content-Format application/ace+cbor.
        Response::new(verdict.code).with_payload(ContentFormat::ACE_CBOR, body.encode())
    }

    fn verdict(&self) -> Verdict {
        // RFC 9200 Section 5.8.3: 4.00, except that invalid_client may be 4.01.
        let bad = |name, error, description| Verdict {
            name,
            error: Some(error),
            code: Code::BAD_REQUEST,
            description: Some(description),
        };
        let ours = |name, code| Verdict {
            name,
            error: None,
            code,
            description: None,
        };
        match self {
            Self::NotSecured => ours("not_secured", Code::UNAUTHORIZED),
            Self::UnknownPeer => Verdict {
                name: "unknown_peer",
                error: Some(ErrorCode::InvalidClient),
                code: Code::UNAUTHORIZED,
                description: None,
            },
            Self::CredentialChanged => Verdict {
                name: "credential_changed",
                error: Some(ErrorCode::InvalidClient),
                code: Code::UNAUTHORIZED,
                description: None,
            },
            Self::Malformed(_) => bad("malformed", ErrorCode::InvalidRequest, ""),
            Self::NoPayload => bad(
                "no_payload",
                ErrorCode::InvalidRequest,
                "the parameters are a map in the payload",
            ),
            Self::Missing(_) => bad("missing_member", ErrorCode::InvalidRequest, ""),
            Self::GrantType => bad(
                "grant_type",
                ErrorCode::UnsupportedGrantType,
                "only client_credentials (2) is supported",
            ),
            // One answer for both, so that nobody can find out which audiences exist.
            Self::AudienceUnknown => {
                bad("audience_unknown", ErrorCode::UnauthorizedClient, AUDIENCE)
            }
            Self::AudienceNotAllowed => bad(
                "audience_not_allowed",
                ErrorCode::UnauthorizedClient,
                AUDIENCE,
            ),
            Self::ScopeKind => bad(
                "scope_kind",
                ErrorCode::InvalidScope,
                "the audience takes another type of scope",
            ),
            Self::ScopeMalformed(_) => bad(
                "scope_malformed",
                ErrorCode::InvalidScope,
                "the scope is not well formed",
            ),
            Self::ScopeNotAllowed => bad(
                "scope_not_allowed",
                ErrorCode::InvalidScope,
                "nothing of it can be granted",
            ),
            Self::NoCommonProfile => bad(
                "no_common_profile",
                ErrorCode::IncompatibleAceProfiles,
                "no profile in common with the audience",
            ),
            Self::SymmetricKeyValue => bad(
                "symmetric_key_value",
                ErrorCode::UnsupportedPopKey,
                "symmetric keys are made by this server",
            ),
            Self::PublicKeyNeeded => bad(
                "public_key_needed",
                ErrorCode::UnsupportedPopKey,
                "the audience needs a public key in req_cnf",
            ),
            Self::KeyNotProven => bad(
                "key_not_proven",
                ErrorCode::UnsupportedPopKey,
                "the key is not the key of this session",
            ),
            Self::KeyNotUsable => bad(
                "key_not_usable",
                ErrorCode::UnsupportedPopKey,
                "the audience cannot use this key",
            ),
            Self::KeyUnknown => bad(
                "key_unknown",
                ErrorCode::UnsupportedPopKey,
                "no live token has this key id",
            ),
            Self::KeyTaken => bad(
                "key_taken",
                ErrorCode::UnsupportedPopKey,
                "the key cannot be used now",
            ),
            Self::GroupKey => bad(
                "group_key",
                ErrorCode::UnsupportedPopKey,
                "an audience of several servers needs a public key",
            ),
            Self::TooMany { .. } => ours("too_many", Code::TOO_MANY_REQUESTS),
            Self::Store(_) => ours("store", Code::SERVICE_UNAVAILABLE),
            Self::Internal(_) => ours("internal", Code::INTERNAL_SERVER_ERROR),
        }
    }
}

const AUDIENCE: &str = "the audience is not available to this client";

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSecured => formatter.write_str("the channel is not secured"),
            Self::UnknownPeer => formatter.write_str("the peer is not registered"),
            Self::CredentialChanged => {
                formatter.write_str("the session was opened with another credential")
            }
            Self::Malformed(error) => error.fmt(formatter),
            Self::Missing(member) => {
                write!(formatter, "{member} is missing and there is no default")
            }
            Self::AudienceUnknown => formatter.write_str("the audience is not registered"),
            Self::AudienceNotAllowed => {
                formatter.write_str("no rule lets the device use the audience")
            }
            Self::ScopeMalformed(detail) => write!(formatter, "the scope is not valid: {detail}"),
            Self::TooMany { seconds } => {
                write!(formatter, "the device has its tokens; more in {seconds} s")
            }
            Self::Store(error) => error.fmt(formatter),
            Self::Internal(detail) => formatter.write_str(detail),
            other => formatter.write_str(other.verdict().description.unwrap_or_default()),
        }
    }
}

impl std::error::Error for Refusal {}
