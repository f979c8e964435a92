//! The resource server without sockets, in virtual time.
mod access;
mod identities;
mod limits;
mod profile;
mod support;
mod uploads;
