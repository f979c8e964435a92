//! The resource server in virtual time, without sockets where the driver has no part.
mod access;
mod certificates;
mod identities;
mod limits;
mod observing;
mod profile;
mod revocation;
mod support;
mod uploads;
