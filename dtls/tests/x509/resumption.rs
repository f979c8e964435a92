//! Sessions with certificates, resumed with OpenSSL, both directions.

use std::sync::Arc;

use motekey_dtls::*;

use crate::authority::{Authority, NAME};
use crate::common::openssl::{Driver, OpenSsl, free_port};
use crate::common::*;

const CIPHER: &str = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0";

/// Whom a session connected with.
fn peer(events: &[Event]) -> &[Vec<u8>] {
    match events {
        [
            Event::Connected {
                peer: Some(PeerIdentity::Certificate(chain)),
            },
        ] => chain,
        other => panic!("{other:?}"),
    }
}

#[test]
fn openssl_s_client_resumes_a_session_with_its_certificate() {
    let authority = Authority::new("s_client-resumes", false);
    let path = |name: &str| authority.files.path(name);
    let (cert, key, ca) = (
        path("client.pem"),
        path("client.key"),
        path("authority.pem"),
    );
    let file = path("session");
    let mut driver = Driver::new();
    let port = driver.socket.local_addr().unwrap().port();
    let mut random = TestRandom::new(u64::from(port));
    let config = ServerConfig {
        sessions: Some(Arc::new(MemorySessionCache::new(4))),
        ..authority.server_config()
    };
    let mut front = Server::new(Arc::new(config), driver.now(), &mut random).unwrap();
    let connect = format!("127.0.0.1:{port}");
    for (option, name, shows) in [
        ("-sess_out", NAME, "New, "),
        ("-sess_in", NAME, "Reused, "),
        ("-sess_in", "other.motekey.test", "New, "),
    ] {
        let openssl = OpenSsl::start(&[
            "s_client",
            "-dtls1_2",
            "-connect",
            &connect,
            "-cert",
            &cert,
            "-key",
            &key,
            "-CAfile",
            &ca,
            "-servername",
            name,
            "-cipher",
            CIPHER,
            option,
            &file,
        ]);
        let (mut server, from) = driver.accept(&mut front, &mut random);
        driver.events.clear();
        driver.run(&mut server, from, |events| !events.is_empty());
        assert_eq!(
            peer(&driver.events)[0],
            authority.files.der("client"),
            "{shows}"
        );
        assert!(openssl.wait_for(shows), "{shows} {name}");
    }
}

#[test]
fn openssl_s_server_lets_our_client_resume_with_the_servers_certificate() {
    let authority = Authority::new("s_server-resumes", false);
    let path = |name: &str| authority.files.path(name);
    let (cert, key, ca) = (
        path("server.pem"),
        path("server.key"),
        path("authority.pem"),
    );
    let accept = format!("127.0.0.1:{}", free_port());
    let openssl = OpenSsl::start(&[
        "s_server",
        "-dtls1_2",
        "-listen",
        "-accept",
        &accept,
        "-cert",
        &cert,
        "-key",
        &key,
        "-CAfile",
        &ca,
        "-Verify",
        "1",
        "-verify_return_error",
        "-cipher",
        CIPHER,
    ]);
    assert!(openssl.wait_for("ACCEPT"));
    // From one port: s_server stays connected to it.
    let (mut driver, mut random) = (Driver::new(), TestRandom::new(7));
    let credential = authority.credential(NAME);
    let mut session: Option<ClientSession> = None;
    for round in 0..2 {
        driver.events.clear();
        let (config, now) = (client_config(), driver.now());
        let connection = match &session {
            None => Connection::connect(&config, &credential, now, &mut random),
            Some(session) => Connection::resume(&config, &credential, session, now, &mut random),
        };
        let (mut client, to) = (connection.unwrap(), accept.parse().unwrap());
        driver.run(&mut client, to, |events| !events.is_empty());
        assert_eq!(peer(&driver.events)[0], authority.files.der("server"));
        client.send(b"from motekey\n").unwrap();
        driver.flush(&mut client, to);
        let reused = openssl.wait_for_either("Reused session-id", "from motekey");
        assert_eq!(reused, Some(round == 1));
        let resumption = client.resumption();
        assert!(resumption.is_some());
        session = resumption;
        client.close();
        driver.flush(&mut client, to);
    }
}
