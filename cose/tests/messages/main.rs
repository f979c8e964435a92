//! Messages, claims and scopes against the examples of the RFCs, and their round trips.

mod properties;
mod support;
mod vectors;
