//! The token endpoint in memory, by table.
mod errors;
mod ids;
mod introspection;
pub(super) mod support;
mod tokens;
