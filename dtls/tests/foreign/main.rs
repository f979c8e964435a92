//! Handshakes with GnuTLS, Mbed TLS and wolfSSL, both directions, over loopback. OpenSSL has files of its own; libcoap
//! meets the whole stack in the tests of motekey-coap.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod gnutls;
mod programs;

use std::net::SocketAddr;
use std::sync::Arc;

use common::openssl::{Driver, OpenSsl as Program, has_data};
use common::{IDENTITY, KEY, TestRandom, client_config, credential, server_config};
use motekey_dtls::{
    CipherSuite, ClientConfig, Connection, Event, PeerIdentity, Server, ServerConfig,
};

/// What the other end says, unless it echoes.
const THEIR_LINE: &[u8] = b"from the other end";

/// When a program says its line.
#[derive(Clone, Copy)]
enum Manner {
    /// By itself.
    Speaks,
    /// When it is written to it.
    Repeats,
    /// It sends back what it gets.
    Echoes,
}

/// Our client meets a server that waits on `port`: handshake, a line each way.
fn connect(suite: CipherSuite, port: u16, peer: &mut Program, manner: Manner) {
    let mut driver = Driver::new();
    let config = ClientConfig {
        cipher_suites: vec![suite],
        ..client_config()
    };
    let mut random = TestRandom::new(u64::from(port));
    let credential = credential(IDENTITY, &KEY);
    let mut client = Connection::connect(&config, &credential, driver.now(), &mut random).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    driver.run(&mut client, address, |events| !events.is_empty());
    let Some(Event::Connected { peer: None }) = driver.events.first() else {
        panic!("{suite:?}: {:?}", driver.events);
    };
    assert_eq!(client.cipher_suite(), Some(suite));
    talk(&mut driver, &mut client, address, peer, manner);
}

/// Our server on a port of its own meets the client that `start` starts.
fn accept(suite: CipherSuite, manner: Manner, start: impl FnOnce(u16) -> Program) {
    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut random = TestRandom::new(u64::from(port));
    let config = ServerConfig {
        cipher_suites: vec![suite],
        ..server_config()
    };
    let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
    let mut peer = start(port);
    let (mut server, address) = driver.accept(&mut front, &mut random);
    driver.run(&mut server, address, |events| !events.is_empty());
    let identity = PeerIdentity::PreSharedKey(IDENTITY.to_vec());
    let Some(Event::Connected { peer: Some(who) }) = driver.events.first() else {
        panic!("{suite:?}: {:?}", driver.events);
    };
    assert_eq!(who, &identity);
    talk(&mut driver, &mut server, address, &mut peer, manner);
}

/// A line each way.
fn talk(
    driver: &mut Driver,
    ours: &mut Connection,
    address: SocketAddr,
    peer: &mut Program,
    manner: Manner,
) {
    if let Manner::Repeats = manner {
        peer.write("from the other end\n");
    }
    if let Manner::Speaks | Manner::Repeats = manner {
        driver.run(ours, address, has_data(THEIR_LINE));
    }
    ours.send(b"from motekey\n").unwrap();
    if let Manner::Echoes = manner {
        driver.run(ours, address, has_data(b"from motekey"));
    }
    ours.close();
    driver.flush(ours, address);
    if let Manner::Speaks | Manner::Repeats = manner {
        assert!(peer.wait_for("from motekey"), "nothing arrived");
    }
}
