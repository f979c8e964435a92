//! The token endpoint in memory, by table.
mod certificates;
mod errors;
mod ids;
mod introspection;
mod limits;
mod sessions;
pub(super) mod support;
mod tokens;
