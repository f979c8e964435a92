//! The resource server without sockets, in virtual time.
mod access;
mod identities;
mod support;
mod uploads;
