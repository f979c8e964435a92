//! The driver and the DTLS backend on real sockets: between two of ours, and with foreign peers.

#![cfg(all(test, feature = "webrtc"))]

#[cfg(test)]
mod dtls_openssl;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod hello;
#[cfg(test)]
mod host;
#[cfg(test)]
mod libcoap;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod program;
#[cfg(test)]
mod signed;
