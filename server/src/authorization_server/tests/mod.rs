//! The token endpoint in memory, by table.
mod errors;
mod ids;
mod support;
mod tokens;
