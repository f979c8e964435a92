//! The state machine of either role.

use crate::client;
use crate::credentials::PskAnswer;
use crate::error::HandshakeError;
use crate::handshake::{Output, Step};
use crate::reassembly::Message;
use crate::server;

/// Either state machine.
pub(super) enum Machine {
    Client(client::State),
    Server(server::State),
}

impl Machine {
    pub(super) fn handle(
        self,
        message: &Message,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::Client(state) => state
                .handle(message, out)
                .map(|step| step.map(Self::Client)),
            Self::Server(state) => state
                .handle(message, out)
                .map(|step| step.map(Self::Server)),
        }
    }
}

impl Machine {
    /// The answer to a look-up.
    pub(super) fn answer(
        self,
        answer: PskAnswer,
        out: &mut Output<'_>,
    ) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::Client(_) => Ok(Step::Next(self)),
            Self::Server(state) => state.answer(answer, out).map(|step| step.map(Self::Server)),
        }
    }

    /// Whether the answer to a look-up comes next, and no message.
    pub(super) const fn waits_for_key(&self) -> bool {
        matches!(self, Self::Server(server::State::Key(_)))
    }

    /// Whether only a Finished can come next.
    pub(super) const fn wants_finished(&self) -> bool {
        matches!(
            self,
            Self::Client(client::State::Finished(_)) | Self::Server(server::State::Finished(_))
        )
    }
}

impl<S> Step<S> {
    fn map<T>(self, into: impl FnOnce(S) -> T) -> Step<T> {
        match self {
            Self::Next(state) => Step::Next(into(state)),
            Self::Done(completed) => Step::Done(completed),
        }
    }
}
