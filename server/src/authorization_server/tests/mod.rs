//! The token endpoint in memory, by table.
mod errors;
mod support;
mod tokens;
