//! What to say when the server cannot listen.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crate::failure::Failure;

/// What happened, and what to run next.
pub(super) fn failure(address: SocketAddr, error: &io::Error) -> Failure {
    let port = address.port();
    Failure::Local(match error.kind() {
        ErrorKind::AddrInUse => format!(
            "UDP {address} is in use by another program; next: ss -lunp 'sport = :{port}' shows it, or give another --listen ADDR:PORT"
        ),
        ErrorKind::PermissionDenied => format!(
            "not allowed to listen on UDP {address}; next: --listen {}:5684, or allow the program low ports with: setcap cap_net_bind_service=+ep $(command -v motekey)",
            host(address)
        ),
        ErrorKind::AddrNotAvailable => format!(
            "this machine has no address {}; next: ip -brief address shows those that it has, give one with --listen ADDR:PORT",
            address.ip()
        ),
        _ => format!(
            "cannot listen on UDP {address}: {error}; next: give another --listen ADDR:PORT"
        ),
    })
}

/// The address without its port, as it stands before one.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_says_what_to_run_next() {
        let cases = [
            (ErrorKind::AddrInUse, "ss -lunp 'sport = :123'"),
            (ErrorKind::PermissionDenied, "--listen [::1]:5684"),
            (ErrorKind::AddrNotAvailable, "ip -brief address"),
            (ErrorKind::Other, "--listen ADDR:PORT"),
        ];
        for (kind, wanted) in cases {
            let failure = failure("[::1]:123".parse().unwrap(), &io::Error::from(kind));
            assert!(matches!(failure, Failure::Local(_)));
            let text = failure.to_string();
            assert!(text.contains("next: ") && text.contains(wanted), "{text}");
        }
    }
}
