//! Looking through the issued tokens, a page at a time.

use std::sync::Arc;

use super::IssuedToken;
use crate::clock::UnixSeconds;

/// Where a token stands in the order of the listing: by its end, then by resource server or group and token id.
pub type TokenPlace = (UnixSeconds, (Arc<str>, Vec<u8>));

/// Which tokens are wanted. The default: all, the first [`TokenQuery::LONGEST`] of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenQuery {
    /// Of this device only.
    pub client: Option<Arc<str>>,
    /// With this id only.
    pub token_id: Option<Vec<u8>>,
    /// After the last place of the page before.
    pub after: Option<TokenPlace>,
    /// At most so many.
    pub limit: usize,
}

/// Tokens, in the order of their ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens; there can be none in a page that others follow.
    pub tokens: Vec<Arc<IssuedToken>>,
    /// The place up to which was looked; `None` if there was nothing to look at.
    pub last: Option<TokenPlace>,
    /// There is more behind it.
    pub more: bool,
}

impl TokenQuery {
    /// How many tokens are looked at for one page, so that nobody else waits long: below 10 ms.
    pub const LOOKED_AT: usize = 10_000;

    /// The longest page that is of use.
    pub const LONGEST: usize = 500;

    /// Whether a token is wanted.
    pub fn chooses(&self, token: &IssuedToken) -> bool {
        self.client
            .as_ref()
            .is_none_or(|client| token.client == *client)
            && self
                .token_id
                .as_ref()
                .is_none_or(|id| token.token_id == *id)
    }
}

impl Default for TokenQuery {
    fn default() -> Self {
        Self {
            client: None,
            token_id: None,
            after: None,
            limit: Self::LONGEST,
        }
    }
}
