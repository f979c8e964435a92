//! Introspection by a resource server (RFC 9200 Section 5.9).

use std::fmt;

use motekey_coap::message::{Code, ContentFormat, Request};
use motekey_cose::claims::ClaimsSet;
use motekey_cose::message::{IntrospectionRequest, IntrospectionResponse};

use super::Unreachable;
use crate::event::Event;
use crate::resource_server::ResourceServer;

/// Why a token is not known to be active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource_server) enum IntrospectionFailure {
    /// The authorization server says that it is not active.
    Inactive,
    /// The authorization server cannot be reached, or does not answer the question.
    Unreachable(Unreachable),
}

impl fmt::Display for IntrospectionFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive => formatter.write_str("the authorization server says it is not active"),
            Self::Unreachable(cause) => write!(formatter, "introspection failed: {cause}"),
        }
    }
}

impl ResourceServer {
    /// Asks the authorization server about a token; gives the claims of an active one.
    pub(in crate::resource_server) async fn ask_about(
        &self,
        token: &[u8],
    ) -> Result<ClaimsSet, IntrospectionFailure> {
        let outcome = self.question(token).await;
        if let Err(IntrospectionFailure::Unreachable(cause)) = &outcome {
            let detail = cause.to_string();
            let tell = || Event::AuthorizationServerUnreachable { detail };
            self.subscribers.tell(tell);
        }
        outcome
    }

    async fn question(&self, token: &[u8]) -> Result<ClaimsSet, IntrospectionFailure> {
        let unreachable =
            |text: &str| IntrospectionFailure::Unreachable(Unreachable(text.to_owned()));
        let (Some(settings), Some(uplink)) = (&self.introspection, self.uplink.get()) else {
            return Err(unreachable("the server has not been started"));
        };
        // RFC 9200 Section 6.10: a general limit, as anybody can send tokens that cost a question.
        let Ok(_permit) = self.questions.try_acquire() else {
            return Err(unreachable("too many questions at a time"));
        };
        let body = IntrospectionRequest::new(token.to_vec()).encode();
        let request = Request::post(&settings.path).with_payload(ContentFormat::ACE_CBOR, body);
        let response = uplink
            .request(&request)
            .await
            .map_err(IntrospectionFailure::Unreachable)?;
        // RFC 9200 Section 5.9.2: 2.01; anything else is no statement about the token.
        if response.code != Code::CREATED {
            return Err(unreachable(&format!("the answer is {}", response.code)));
        }
        match IntrospectionResponse::decode(&response.payload) {
            Ok(answer) if answer.active => Ok(answer.claims),
            Ok(_) => Err(IntrospectionFailure::Inactive),
            Err(error) => Err(unreachable(&error.to_string())),
        }
    }
}
