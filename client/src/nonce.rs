//! Client nonces (RFC 9200 Section 5.3.1): a resource server without a clock that it trusts takes only tokens with a
//! fresh nonce of its own. Where the nonce for the next token comes from, and what is learned about who demands one.

use motekey_coap::message::{Code, Response};
use motekey_cose::message::RequestCreationHints;

use crate::authorization;
use crate::client::Inner;
use crate::error::{Error, Role};
use crate::session::Call;

/// Part of the time limit of an exchange that the unauthorized request may take where the call could go on without its
/// answer: 4 s of 25.
const PART: u32 = 6;

/// The resource server refused a token, or it could not be brought there.
#[derive(Debug)]
pub(crate) struct UploadFailure {
    /// As the caller sees it.
    pub(crate) error: Error,
    /// What came with a refusal.
    hints: Option<RequestCreationHints>,
}

impl UploadFailure {
    /// A refusal by this answer.
    pub(crate) fn refused(response: &Response) -> Self {
        Self {
            error: Error::UploadRefused {
                code: response.code,
            },
            hints: authorization::hints(response).ok(),
        }
    }
}

impl From<Error> for UploadFailure {
    fn from(error: Error) -> Self {
        Self { error, hints: None }
    }
}

impl From<UploadFailure> for Error {
    fn from(failure: UploadFailure) -> Self {
        failure.error
    }
}

impl Inner {
    /// Hints for the nonce alone, before a token request that needs no others. `None` if none is demanded as far as
    /// is known.
    ///
    /// # Errors
    /// It is configured that one is demanded, and the resource server does not tell one.
    pub(crate) async fn nonce_ahead(
        &self,
        call: &Call<'_>,
    ) -> Result<Option<RequestCreationHints>, Error> {
        if call.configured.client_nonces {
            let hints = self.ask_for_hints(call).await?;
            return Ok(Some(for_nonce(call, hints)));
        }
        if !call.slot.demands_nonces() {
            return Ok(None);
        }
        // Learned from hints, which anybody could have sent: nothing fails for it.
        Ok(self.ask_briefly(call).await)
    }

    /// After a token request without a nonce: the hints for another one, if the refusal of the token can have been
    /// for the nonce.
    pub(crate) async fn nonce_after(
        &self,
        call: &Call<'_>,
        refusal: &UploadFailure,
    ) -> Option<RequestCreationHints> {
        let asked;
        let hints = match (&refusal.error, &refusal.hints) {
            (_, Some(hints)) => {
                call.slot.learn(hints);
                hints
            }
            (
                Error::HandshakeRefused {
                    role: Role::ResourceServer,
                    ..
                }
                | Error::UploadRefused {
                    code: Code::UNAUTHORIZED,
                },
                None,
            ) if !call.slot.demands_nonces() && !call.configured.client_nonces => {
                asked = self.ask_briefly(call).await?;
                &asked
            }
            _ => return None,
        };
        hints.cnonce.as_ref()?;
        Some(for_nonce(call, hints.clone()))
    }

    async fn ask_briefly(&self, call: &Call<'_>) -> Option<RequestCreationHints> {
        let asking = self.ask_for_hints(call);
        let limit = self.timers.exchange / PART;
        let hints = tokio::time::timeout(limit, asking).await.ok()?.ok()?;
        Some(for_nonce(call, hints))
    }
}

/// With audience or scope configured, what the hints say of them counts as little as without a nonce.
fn for_nonce(call: &Call<'_>, mut hints: RequestCreationHints) -> RequestCreationHints {
    if call.configured.needs_no_hints() {
        hints.audience = None;
        hints.scope = None;
    }
    hints
}
