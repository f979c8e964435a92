//! Revoked tokens (RFC 9770): token hashes, queries of the Token Revocation List, answers and errors of its endpoint.

mod base64url;
mod form;
mod hash;
mod problem;
mod query;
mod response;
#[cfg(all(test, feature = "rust-crypto"))]
mod tests;
mod twin;

pub use form::is_revocable;
pub use hash::{TokenHash, decode_text_form};
pub use problem::{RevocationError, RevocationProblem};
pub use query::{QueryError, RevocationQuery, Support};
pub use response::{Cursor, RevocationContent, RevocationResponse, RevocationUpdate};
pub use twin::twin;
