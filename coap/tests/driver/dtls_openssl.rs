//! The DTLS backend against OpenSSL, both ways, below CoAP.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::host::Host;
use crate::program::Program;
use motekey_coap::dtls::{CloseReason, PeerIdentity, SessionEvent};

const KEY_HEX: &str = "30313233343536373839616263646566";
const SUITE: &str = "PSK-AES128-CCM8@SECLEVEL=0";

fn client(address: &str, identity: &str, key: &str, suite: &str) -> Program {
    Program::start(
        "openssl",
        "openssl",
        &[
            "s_client",
            "-dtls1_2",
            "-connect",
            address,
            "-psk",
            key,
            "-psk_identity",
            identity,
            "-cipher",
            suite,
        ],
    )
}

#[test]
fn d23_l04_an_openssl_client_connects_with_each_suite_and_the_extended_master_secret() {
    for suite in [SUITE, "PSK-AES128-GCM-SHA256"] {
        let mut host = Host::new();
        let mut openssl = client(&host.address(), "device", KEY_HEX, suite);
        host.run_until(suite, Host::is_connected);
        let peer = Some(PeerIdentity::PreSharedKey(b"device".to_vec()));
        assert_eq!(host.events, [SessionEvent::Connected { peer }]);
        openssl.wait_for(b"Extended master secret: yes");
        openssl.write(b"ping\n");
        host.run_until("data", |host| host.data() == b"ping\n");
        host.send(b"pong to openssl");
        host.step();
        openssl.wait_for(b"pong to openssl");
        openssl.end_input();
        host.run_until("close_notify", |host| {
            matches!(host.events.last(), Some(SessionEvent::Closed(_)))
        });
    }
}

#[test]
fn d41_l05_an_openssl_client_that_renegotiates_is_told_no_renegotiation() {
    let mut host = Host::new();
    let mut openssl = client(&host.address(), "device", KEY_HEX, SUITE);
    host.run_until("connected", Host::is_connected);
    openssl.wait_for(b"Extended master secret");
    openssl.write(b"R\n");
    host.run_until_written(&mut openssl, b"no renegotiation");
    // OpenSSL takes that as the end of everything, with handshake_failure.
    host.run_until("the end", |host| host.events.len() == 2);
    assert_eq!(host.events[1], SessionEvent::Closed(CloseReason::Alert(40)));
}

#[test]
fn d28_an_openssl_client_without_a_valid_token_gets_illegal_parameter() {
    let mut host = Host::new();
    let mut openssl = client(&host.address(), "token", KEY_HEX, SUITE);
    host.run_until_written(&mut openssl, b"SSL alert number 47");
    host.run_until("the end", |host| {
        matches!(host.events[..], [SessionEvent::Closed(_)])
    });
}

#[test]
fn an_openssl_client_cannot_tell_an_unknown_identity_from_a_wrong_key() {
    for (identity, key) in [
        ("stranger", KEY_HEX),
        ("device", "00112233445566778899aabbccddeeff"),
    ] {
        let mut host = Host::new();
        let mut openssl = client(&host.address(), identity, key, SUITE);
        host.run_until_written(&mut openssl, b"SSL alert number 115");
        host.run_until("the end", |host| {
            matches!(host.events[..], [SessionEvent::Closed(_)])
        });
    }
}

#[test]
fn d23_our_client_connects_to_an_openssl_server() {
    for suite in [SUITE, "PSK-AES128-GCM-SHA256"] {
        let mut host = Host::new();
        // A free port for the server; taken again at once.
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut openssl = Program::start(
            "openssl",
            "openssl",
            &[
                "s_server",
                "-dtls1_2",
                "-accept",
                &port.to_string(),
                "-nocert",
                "-psk",
                KEY_HEX,
                "-psk_identity",
                "device",
                "-cipher",
                suite,
            ],
        );
        openssl.wait_for(b"ACCEPT");
        host.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), b"device");
        host.run_until(suite, Host::is_connected);
        host.send(b"hello openssl\n");
        host.step();
        openssl.wait_for(b"hello openssl");
        openssl.write(b"hello mote\n");
        host.run_until("data", |host| host.data() == b"hello mote\n");
        host.close();
        host.run_until_written(&mut openssl, b"DONE");
    }
}
